//! Offers slots that it does not have, again in every epoch, to be paid for standing ready; and
//! runs nothing that it is drawn for.

use protocol::entry::{Body, IssueRequest};
use protocol::event::{Event, IssueEvent};
use protocol::job::Class;
use protocol::units::Credits;
use steward::{Effect, Identity, Why};

use super::{Role, Seen};
use crate::chance::Chance;

#[derive(Debug, Default)]
pub(super) struct Spoofer {
    classes: Vec<Class>,
    slots: u16,
    per_gfuel: Credits,
}

impl Role for Spoofer {
    fn dress(&mut self, me: &mut Identity) {
        self.classes.clone_from(&me.classes);
        (self.slots, self.per_gfuel) = (me.slots, me.per_gfuel);
    }

    fn slots(&self, _offered: u16) -> u16 {
        0
    }

    fn bend(&mut self, effect: Effect) -> Option<Effect> {
        let runs = matches!(effect, Effect::Run { why: Why::Work, .. });
        (!runs).then_some(effect)
    }

    fn watches(&self) -> bool {
        true
    }

    fn enter(&mut self, seen: &Seen<'_>, _chance: &mut Chance) -> Vec<Body> {
        let is_closed =
            |event: &Event| matches!(event, Event::Issue(IssueEvent::EpochClosed { .. }));
        if !seen.events.iter().any(is_closed) {
            return Vec::new();
        }
        let peer = seen.keys.peer;
        let classes = self.classes.iter().copied();
        let again = |class| {
            let offer = Body::PublishOffer {
                peer,
                class,
                slots: self.slots,
                per_gfuel: self.per_gfuel,
            };
            let ready = IssueRequest::StandReady { peer, class };
            [offer, Body::Issue(ready)]
        };
        classes.flat_map(again).collect()
    }
}
