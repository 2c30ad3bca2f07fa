//! Guesses what its tasks give and saves the power, alone.

use steward::Why;

use super::{Case, Claim, Role};

#[derive(Debug)]
pub(super) struct Lazy;

impl Role for Lazy {
    fn claim(&mut self, case: &Case<'_>) -> Claim {
        if case.why == Why::Work && case.tempted {
            Claim::Guess(case.number + 1)
        } else {
            Claim::Truth
        }
    }
}
