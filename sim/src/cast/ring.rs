//! Agrees with its kin on one lie per task: blindly, or only where all drawn peers are kin. Kin
//! that audits or judges swears to the lie wherever the ring told it.

use super::{Case, Claim, Role};

/// The voice that all of a ring speak with.
const VOICE: u64 = u64::MAX;

#[derive(Debug)]
pub(super) struct Ring {
    pub(super) informed: bool,
}

impl Role for Ring {
    fn claim(&mut self, case: &Case<'_>) -> Claim {
        let all = case.seats.iter().all(|peer| case.kin.contains(peer));
        let some = case.seats.iter().any(|peer| case.kin.contains(peer));
        let lies = if self.informed { all } else { some };
        if lies && case.tempted && !case.seats.is_empty() {
            Claim::Guess(VOICE)
        } else {
            Claim::Truth
        }
    }
}
