//! What we offer now, given our places and how many of them are busy.

use protocol::offer::{Offer, PROFILES_MAX};
use protocol::units::{Millis, Moment};

use crate::crew::Crew;
use crate::effect::{Effect, Outbox};
use crate::identity::Identity;

/// An announced offer holds so long.
pub const OFFER_TTL: Millis = Millis::new(60_000);
/// It is announced again after this.
pub const ANNOUNCE_EVERY: Millis = Millis::new(25_000);
/// A change of load is announced no sooner than this after the last announcement.
pub const CHANGE_AFTER: Millis = Millis::new(2_000);

#[derive(Debug, Default)]
pub(crate) struct Announcer {
    seq: u32,
    last: Option<(Moment, bool)>,
}

impl Announcer {
    /// Announces when it is time to.
    pub(crate) fn act(&mut self, me: &Identity, crew: &Crew, now: Moment, out: &mut Outbox) {
        if me.rest.is_some() {
            self.withdraw(me, now, out);
            return;
        }
        if !me.works() || self.due(crew, me).is_some_and(|due| due > now) {
            return;
        }
        let taken = u16::try_from(crew.tasks()).unwrap_or(u16::MAX);
        let free = me.slots.saturating_sub(taken);
        self.announce(me, free, (now, OFFER_TTL), out);
        self.last = Some((now, free > 0));
    }

    /// Takes back what was announced, once.
    fn withdraw(&mut self, me: &Identity, now: Moment, out: &mut Outbox) {
        if self.last.take().is_some() {
            self.announce(me, 0, (now, Millis::ZERO), out);
        }
    }

    fn announce(
        &mut self,
        me: &Identity,
        free: u16,
        (now, ttl): (Moment, Millis),
        out: &mut Outbox,
    ) {
        for class in &me.classes {
            out.push(Effect::Announce(Offer {
                federation: me.federation,
                peer: me.peer,
                boot: me.boot,
                seq: self.seq,
                issued: now,
                ttl,
                class: *class,
                profiles: me.profiles.iter().take(PROFILES_MAX).copied().collect(),
                slots_total: me.slots,
                slots_free: free,
                memory: me.memory,
                per_gfuel: me.per_gfuel,
                speed: me.speed,
                gcu: me.gcu,
            }));
            self.seq = self.seq.saturating_add(1);
        }
    }

    fn due(&self, crew: &Crew, me: &Identity) -> Option<Moment> {
        let (at, was_free) = self.last?;
        let is_free = crew.tasks() < u32::from(me.slots);
        Some(at.after(if is_free == was_free {
            ANNOUNCE_EVERY
        } else {
            CHANGE_AFTER
        }))
    }

    pub(crate) fn wake_at(&self, me: &Identity, crew: &Crew) -> Option<Moment> {
        let open = me.works() && me.rest.is_none();
        if open { self.due(crew, me) } else { None }
    }
}
