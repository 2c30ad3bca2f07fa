//! Our own standing, and everybody's standing offers, as last agreed.
//!
//! ```text
//! works? ──not admitted──▶ ask our sponsor ──bond below target──▶ bond ──▶ publish each offer
//! ```

use std::collections::BTreeMap;

use protocol::entry::{Body, Leased};
use protocol::event::{Event, Fault, FaultEvent, LeaseEvent};
use protocol::ids::{LeaseId, PartyId, PeerId};
use protocol::job::Class;
use protocol::units::{Credits, Millis, Moment};

use crate::desk::Aim;
use crate::effect::Report;
use crate::hand::Hand;
use crate::identity::Identity;

/// After our offers were set aside we stand ready again so much later; each time it happens before
/// we were paid again, twice as much later.
pub const AGAIN_AFTER: Millis = Millis::new(10_000);
/// But never more than this.
pub const AGAIN_AFTER_MAX: Millis = Millis::new(3_600_000);

/// A peer's standing offer in a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StandingOffer {
    /// The peer.
    pub peer: PeerId,
    /// Its sponsor, if it was admitted by an entry.
    pub sponsor: Option<PartyId>,
    /// The class.
    pub class: Class,
    /// Its weight in draws.
    pub slots: u16,
    /// The least it is drawn for.
    pub per_gfuel: Credits,
    /// What it stands to lose, as far as events tell.
    pub bond: Credits,
}

/// What the ledger says of this peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OurStanding {
    /// Whether a sponsor let it in.
    pub admitted: bool,
    /// What it stands to lose.
    pub bond: Credits,
    /// Whether a panel found it wrong since its bond was last topped up by hand.
    pub convicted: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Place {
    sponsor: Option<PartyId>,
    owner: Option<PartyId>,
    bond: Credits,
}

#[derive(Debug)]
pub(crate) struct Standing {
    us: PeerId,
    places: BTreeMap<PeerId, Place>,
    offers: BTreeMap<(Class, PeerId), (u16, Credits)>,
    ours: OurStanding,
    away: Option<Away>,
    /// What members saw of our slots, where we offered more.
    seen: BTreeMap<Class, u16>,
    /// The slots of ours that are leased; the rules bound their number.
    leased: BTreeMap<LeaseId, (Class, u16)>,
}

/// Our offers were set aside.
#[derive(Clone, Copy, Debug)]
struct Away {
    /// How often since we were last paid.
    times: u32,
    /// When the last time was; that of all classes counts once.
    since: Moment,
    /// When we stand ready again.
    until: Moment,
}

impl Standing {
    pub(crate) fn new(me: &Identity) -> Self {
        let ours = OurStanding {
            admitted: me.admitted,
            bond: me.bond,
            convicted: false,
        };
        // Genesis lets members' nodes in without an event.
        let members = me.members.iter().map(|member| {
            let (sponsor, owner) = (Some(member.party), Some(member.party));
            (
                member.peer,
                Place {
                    sponsor,
                    owner,
                    bond: Credits::ZERO,
                },
            )
        });
        let mut places: BTreeMap<PeerId, Place> = members.collect();
        let place = Place {
            sponsor: places.get(&me.peer).and_then(|place| place.sponsor),
            owner: Some(me.party),
            bond: me.bond,
        };
        places.insert(me.peer, place);
        Self {
            us: me.peer,
            places,
            offers: BTreeMap::new(),
            ours,
            away: None,
            seen: BTreeMap::new(),
            leased: BTreeMap::new(),
        }
    }

    pub(crate) const fn ours(&self) -> OurStanding {
        self.ours
    }

    /// The standing offers of a class.
    pub(crate) fn offers(&self, class: Class) -> impl Iterator<Item = StandingOffer> {
        let of_class = self.offers.iter().filter(move |((c, _), _)| *c == class);
        of_class.map(|((class, peer), (slots, per_gfuel))| {
            let place = self.places.get(peer).copied().unwrap_or_default();
            StandingOffer {
                peer: *peer,
                sponsor: place.sponsor,
                class: *class,
                slots: *slots,
                per_gfuel: *per_gfuel,
                bond: place.bond,
            }
        })
    }

    /// Who owns a peer, as far as events tell.
    pub(crate) fn owner(&self, peer: &PeerId) -> Option<PartyId> {
        self.places.get(peer)?.owner
    }

    /// Learns what the ledger says, at an agreed time. Returns what the operator must hear, if
    /// anything.
    pub(crate) fn apply(&mut self, event: &Event, time: Moment) -> Option<Report> {
        match event {
            Event::PeerAdmitted {
                peer,
                owner,
                sponsor,
            } => {
                let place = self.places.entry(*peer).or_default();
                (place.owner, place.sponsor) = (Some(*owner), Some(*sponsor));
                self.ours.admitted |= *peer == self.us;
            }
            Event::BondChanged { peer, bond, .. } => self.set_bond(*peer, *bond, true),
            Event::OfferPublished {
                peer,
                class,
                slots,
                per_gfuel,
            } => {
                self.offers.insert((*class, *peer), (*slots, *per_gfuel));
                // Who offers more by hand has found what was missing.
                if *peer == self.us {
                    self.seen.retain(|of, seen| of != class || slots <= seen);
                }
            }
            Event::Fault(FaultEvent::CapacityFeigned {
                peer, class, seen, ..
            }) if *peer == self.us => {
                self.seen.insert(*class, *seen);
                return Some(Report::CapacityMissing {
                    class: *class,
                    seen: *seen,
                });
            }
            Event::Lease(event) => self.hear_of_lease(event),
            Event::OfferWithdrawn { peer, class } => {
                self.offers.remove(&(*class, *peer));
            }
            Event::OfferSetAside {
                peer, class, until, ..
            } => {
                self.offers.remove(&(*class, *peer));
                if *peer == self.us {
                    self.set_aside(time, *until);
                }
            }
            Event::Paid { peer, .. } if *peer == self.us => {
                self.away = self.away.filter(|away| away.until > time);
            }
            Event::Slashed {
                bundle,
                peer,
                fault,
                amount,
            } => {
                let bond = self
                    .places
                    .get(peer)
                    .map_or(Credits::ZERO, |place| place.bond);
                let judge = matches!(fault, Fault::WrongJudgement | Fault::NoJudgement);
                if !judge {
                    self.set_bond(*peer, bond.minus(*amount).unwrap_or_default(), false);
                }
                if *peer == self.us && *fault == Fault::WrongOutcome {
                    self.ours.convicted = true;
                    return Some(Report::Convicted { bundle: *bundle });
                }
            }
            _ => {}
        }
        None
    }

    fn hear_of_lease(&mut self, event: &LeaseEvent) {
        match event {
            LeaseEvent::Taken {
                lease,
                peer,
                what: Leased::Slots { class, slots },
                ..
            } if *peer == self.us => {
                self.leased.insert(*lease, (*class, *slots));
            }
            LeaseEvent::Ended { lease, .. } => {
                self.leased.remove(lease);
            }
            _ => {}
        }
    }

    /// How many of our slots in a class are leased.
    fn leased(&self, class: Class) -> u16 {
        let leases = self.leased.values().filter(|(of, _)| *of == class);
        leases.fold(0, |sum, (_, slots)| sum.saturating_add(*slots))
    }

    fn set_bond(&mut self, peer: PeerId, bond: Credits, by_owner: bool) {
        self.places.entry(peer).or_default().bond = bond;
        if peer == self.us {
            self.ours.bond = bond;
            self.ours.convicted &= !by_owner;
        }
    }

    fn set_aside(&mut self, time: Moment, until: Moment) {
        if let Some(away) = self.away.as_mut().filter(|away| away.since == time) {
            away.until = away.until.max(until);
            return;
        }
        let times = self.away.map_or(0, |away| away.times.saturating_add(1));
        let factor = 1_u64 << times.min(20);
        let wait = AGAIN_AFTER.times(factor).unwrap_or(AGAIN_AFTER_MAX);
        self.away = Some(Away {
            times,
            since: time,
            until: until.max(time.after(wait.min(AGAIN_AFTER_MAX))),
        });
    }

    /// When we stand ready again, if our offers were set aside.
    pub(crate) fn wake_at(&self, now: Moment) -> Option<Moment> {
        self.away.map(|away| away.until).filter(|at| *at > now)
    }

    /// Takes our offers off the ledger while the owner of the machine lets no work in.
    fn withdraw(&self, hand: &mut Hand<'_>) {
        let (peer, now) = (hand.me.peer, hand.now);
        for class in hand.me.classes.iter().copied() {
            hand.desk.forget(Aim::Offer(class));
            if self.offers.contains_key(&(class, peer)) {
                hand.desk.want(Aim::Withdraw(class), now, hand.out, || {
                    Some(Body::WithdrawOffer { peer, class })
                });
            } else {
                hand.desk.forget(Aim::Withdraw(class));
            }
        }
    }

    /// Wants what a peer that works for others needs: to be let in, bonded, and on offer. Who was
    /// convicted does not bond again by itself: its machine needs a hand first. Nor are slots that
    /// members did not see offered again, or those that are leased.
    pub(crate) fn act(&self, hand: &mut Hand<'_>) {
        let me = hand.me;
        if !me.works() {
            return;
        }
        if me.rest.is_some() {
            self.withdraw(hand);
            return;
        }
        let (peer, owner, now) = (me.peer, me.party, hand.now);
        if !self.ours.admitted {
            if me.sponsor {
                hand.desk.want(Aim::Admit, now, hand.out, || {
                    Some(Body::AdmitPeer { peer, owner })
                });
            }
            return;
        }
        hand.desk.forget(Aim::Admit);
        let missing = me
            .bond_target
            .minus(self.ours.bond)
            .filter(|rest| *rest > Credits::ZERO);
        match missing {
            Some(amount) if !self.ours.convicted => {
                hand.desk.want(Aim::Bond, now, hand.out, || {
                    Some(Body::Bond { peer, amount })
                });
                return;
            }
            Some(_) => {}
            None => hand.desk.forget(Aim::Bond),
        }
        if self.away.is_some_and(|away| away.until > now) {
            return;
        }
        for class in me.classes.iter().copied() {
            hand.desk.forget(Aim::Withdraw(class));
            let seen = self.seen.get(&class).copied().unwrap_or(me.slots);
            let slots = me.slots.saturating_sub(self.leased(class)).min(seen);
            let per_gfuel = me.per_gfuel;
            if slots == 0 {
                continue;
            }
            if self.offers.get(&(class, peer)) == Some(&(slots, per_gfuel)) {
                hand.desk.forget(Aim::Offer(class));
            } else if !self.ours.convicted {
                let body = Body::PublishOffer {
                    peer,
                    class,
                    slots,
                    per_gfuel,
                };
                hand.desk
                    .want(Aim::Offer(class), now, hand.out, || Some(body));
            }
        }
    }
}
