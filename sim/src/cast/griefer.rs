//! Lies about everything, at any loss to itself, so that others lose time and money.

use steward::Why;

use super::{Case, Claim, Role};

#[derive(Debug)]
pub(super) struct Griefer;

impl Role for Griefer {
    fn claim(&mut self, case: &Case<'_>) -> Claim {
        if case.why == Why::Work && case.tempted {
            Claim::Guess(case.number + 1)
        } else {
            Claim::Truth
        }
    }
}
