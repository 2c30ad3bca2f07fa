//! Works honestly until its group's time has come, then cheats with its kin.

use super::ring::Ring;
use super::{Case, Claim, Role};

#[derive(Debug)]
pub(super) struct TrustThenCheat;

impl Role for TrustThenCheat {
    // Before that time it is not tempted: the group's `after_s` says when that is.
    fn claim(&mut self, case: &Case<'_>) -> Claim {
        Ring { informed: true }.claim(case)
    }
}
