//! Runs its tasks and alters what it found, alone.

use steward::Why;

use super::{Case, Claim, Role};

#[derive(Debug)]
pub(super) struct Liar;

impl Role for Liar {
    fn claim(&mut self, case: &Case<'_>) -> Claim {
        if case.why == Why::Work && case.tempted {
            Claim::Lie(case.number + 1)
        } else {
            Claim::Truth
        }
    }
}
