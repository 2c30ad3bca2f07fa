//! A member that swears to lies as auditor and judge: with its kin, and against everyone honest.

use steward::Why;

use super::{Case, Claim, Role};

/// The voice that all such members speak with.
const VOICE: u64 = u64::MAX - 1;

#[derive(Debug)]
pub(super) struct ByzantineMember;

impl Role for ByzantineMember {
    fn claim(&mut self, case: &Case<'_>) -> Claim {
        if case.why == Why::Work {
            Claim::Truth
        } else {
            Claim::Guess(VOICE)
        }
    }
}
