//! Offers slots that it does not have, and runs nothing that it is drawn for.

use steward::{Effect, Why};

use super::Role;

#[derive(Debug)]
pub(super) struct Spoofer;

impl Role for Spoofer {
    fn bend(&mut self, effect: Effect) -> Option<Effect> {
        let runs = matches!(effect, Effect::Run { why: Why::Work, .. });
        (!runs).then_some(effect)
    }
}
