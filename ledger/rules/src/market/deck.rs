//! Who runs a bundle: dealt by weight, from those who have shown their work and, for a governed
//! share of bundles, from newcomers.
//!
//! ```text
//! copies = max(what the job asks, what the tier of each who is dealt asks)
//! explores? no:   established, or newcomers where these run out
//!           yes:  as many as newcomers need, and the last of them is a newcomer
//! ```
//!
//! All of a bundle are of different sponsors. Each covers what it locks with a bond that was there
//! all through the look-back; the one exception is a newcomer that earns its first bond with small
//! work, beside at least two who cover it.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use protocol::ids::{PartyId, PeerId};
use protocol::job::Class;
use protocol::units::Credits;

use crate::chance::Chance;
use crate::market::cards::{Cards, Spot};
use crate::market::{Offer, Pool, Standing, caps, roster};
use crate::money::{bond, exposure};
use crate::people::tier::Tier;
use crate::people::{Peers, meter, tier};
use crate::state::Draft;

/// Cards drawn for one run, of which the most may be of peers that cannot take it.
const TRIES_MAX: usize = 64;
/// Work is small if a run of it is paid at most this part of the bond that a beginner earns.
const SMALL_WORK_PART: u64 = 10;
const WHOLE: NonZeroU64 = NonZeroU64::new(10_000).expect("it is not zero");

/// What a job asks of those who are drawn for it.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) class: Class,
    /// What it pays for a Gfuel.
    pub(crate) per_gfuel: Credits,
    /// What a run locks.
    pub(crate) lock: Credits,
    /// The most that a run is paid.
    pub(crate) pay: Credits,
    /// How many copies of a bundle there are at least, and at most.
    pub(crate) copies: (u8, u8),
    /// Sponsors none of whose peers may be drawn.
    pub(crate) barred: Vec<PartyId>,
    /// The sponsor one of whose peers runs every bundle, as the submitter's witness.
    pub(crate) anchor: Option<PartyId>,
}

/// Who was drawn for a run, and what it locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Drawn {
    pub(crate) standing: Standing,
    pub(crate) lock: Credits,
}

/// A peer whose card was drawn.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    offer: Offer,
    tier: Tier,
    /// What of its bond is free, as far as it counts.
    free: Credits,
    /// Whether it may earn its first bond with this work.
    earns: bool,
}

/// What may be dealt to one run.
#[derive(Clone, Copy, Debug)]
struct May<'a> {
    /// Peers that are not drawn again.
    past: &'a [PeerId],
    /// The most copies that a drawn peer's tier may ask for.
    copies: u8,
    /// Whether it may be one that does not cover its lock.
    uncovered: bool,
}

/// All who can be drawn for a job.
pub(crate) struct Deck<'d> {
    draft: &'d Draft<'d>,
    wish: Wish,
    established: Cards,
    newcomers: Cards,
    explores: u64,
    known: BTreeMap<PeerId, Option<Candidate>>,
}

impl<'d> Deck<'d> {
    /// Everyone on the roster of the job's class.
    pub(crate) fn new(draft: &'d Draft<'d>, wish: Wish) -> Self {
        let params = draft.params();
        let shares = (params.roster_cap_sponsor, params.roster_cap_peer);
        let cards = |pool| {
            let at = (wish.class, pool);
            let mut cards = Cards::of(draft, at, caps::of(draft, at, shares));
            for party in &wish.barred {
                cards.drop_sponsor(draft, *party);
            }
            cards
        };
        Self {
            established: cards(Pool::Established),
            newcomers: cards(Pool::Newcomers),
            explores: explored(draft, wish.class),
            known: BTreeMap::new(),
            draft,
            wish,
        }
    }

    const fn cards(&mut self, pool: Pool) -> &mut Cards {
        match pool {
            Pool::Established => &mut self.established,
            Pool::Newcomers => &mut self.newcomers,
        }
    }

    /// Deals the peers of one bundle, or says for how many places of how many there were some.
    pub(crate) fn deal_bundle(&mut self, chance: &mut Chance) -> Result<Vec<Drawn>, (u8, u8)> {
        let (least, most) = self.wish.copies;
        let explores = chance.below(WHOLE) < self.explores;
        let mut copies = least;
        if explores {
            copies = copies
                .max(Tier::Probation.copies(self.draft.params()))
                .min(most);
        }
        let mut bundle: Vec<Drawn> = Vec::new();
        let mut found = 0;
        while found < copies {
            let is_last = found.saturating_add(1) == copies;
            let turn = explores && (is_last || chance.below(WHOLE) < self.explores);
            let pools = match turn {
                true => [Pool::Newcomers, Pool::Established],
                false => [Pool::Established, Pool::Newcomers],
            };
            let may = May {
                past: &[],
                copies: most,
                uncovered: is_last && found >= 2,
            };
            let anchor = self.wish.anchor.filter(|_| found == 0);
            let dealt = pools.iter().find_map(|pool| match anchor {
                Some(party) => self.deal_of(*pool, chance, party, may),
                None => self.deal(*pool, chance, may),
            });
            let Some((drawn, tier)) = dealt else {
                break;
            };
            self.hide(drawn.standing.sponsor);
            copies = copies.max(tier.copies(self.draft.params()));
            bundle.push(drawn);
            found = found.saturating_add(1);
        }
        self.show();
        if found < copies {
            return Err((found, copies));
        }
        Ok(bundle)
    }

    /// Deals one peer for a run of a bundle that has so many, besides the `seated` sponsors and
    /// none of the `past` peers; of `only` one sponsor, if there is one.
    pub(crate) fn deal_one(
        &mut self,
        chance: &mut Chance,
        (seated, only): (&[PartyId], Option<PartyId>),
        past: &[PeerId],
        copies: u8,
    ) -> Option<Drawn> {
        for party in seated {
            self.hide(*party);
        }
        let may = May {
            past,
            copies,
            uncovered: false,
        };
        let mut pools = [Pool::Established, Pool::Newcomers].iter();
        let dealt = pools.find_map(|pool| match only {
            Some(party) => self.deal_of(*pool, chance, party, may),
            None => self.deal(*pool, chance, may),
        });
        self.show();
        dealt.map(|(drawn, _)| drawn)
    }

    /// This peer for such a run, if its card could be dealt to it.
    pub(crate) fn named(
        &mut self,
        peer: PeerId,
        (seated, only): (&[PartyId], Option<PartyId>),
        past: &[PeerId],
        copies: u8,
    ) -> Option<Drawn> {
        let (needs, lock) = (self.needs(), self.wish.lock);
        let one = self.candidate(peer).filter(|one| one.free >= needs)?;
        let standing = one.offer.standing;
        let mut apart = seated.iter().chain(&self.wish.barred);
        let fits = one.tier.copies(self.draft.params()) <= copies
            && !past.contains(&peer)
            && !apart.any(|sponsor| *sponsor == standing.sponsor)
            && only.is_none_or(|sponsor| sponsor == standing.sponsor);
        fits.then_some(Drawn { standing, lock })
    }

    /// The free bond that a run asks for.
    fn needs(&self) -> Credits {
        let times = self.draft.params().coverage.into();
        self.wish.lock.times(times).unwrap_or(Credits::MAX)
    }

    fn hide(&mut self, sponsor: PartyId) {
        let draft = self.draft;
        self.established.hide_sponsor(draft, sponsor);
        self.newcomers.hide_sponsor(draft, sponsor);
    }

    fn show(&mut self) {
        self.established.show(self.draft);
        self.newcomers.show(self.draft);
    }

    fn deal(&mut self, pool: Pool, chance: &mut Chance, may: May<'_>) -> Option<(Drawn, Tier)> {
        let draft = self.draft;
        for _ in 0..TRIES_MAX {
            let cards = self.cards(pool);
            let Some((spot, peer)) = cards.draw(draft, chance) else {
                if cards.shuffle_in(draft) {
                    continue;
                }
                return None;
            };
            if let Some(drawn) = self.take(pool, (spot, peer), may) {
                return Some(drawn);
            }
        }
        None
    }

    /// Deals a peer of one sponsor.
    fn deal_of(
        &mut self,
        pool: Pool,
        chance: &mut Chance,
        party: PartyId,
        may: May<'_>,
    ) -> Option<(Drawn, Tier)> {
        let draft = self.draft;
        for deals in 0..2 {
            for _ in 0..TRIES_MAX {
                let Some(card) = self.cards(pool).draw_of(draft, chance, party) else {
                    break;
                };
                if let Some(drawn) = self.take(pool, card, may) {
                    return Some(drawn);
                }
            }
            if deals == 0 {
                self.cards(pool).shuffle_in(draft);
            }
        }
        None
    }

    /// Takes a peer whose card was drawn, if it may be; else puts its cards away.
    fn take(
        &mut self,
        pool: Pool,
        (spot, peer): (Spot, PeerId),
        may: May<'_>,
    ) -> Option<(Drawn, Tier)> {
        let (draft, lock, needs) = (self.draft, self.wish.lock, self.needs());
        let candidate = self
            .candidate(peer)
            .filter(|one| one.free >= needs || one.earns);
        let Some(one) = candidate else {
            self.cards(pool).drop_peer(draft, spot);
            return None;
        };
        let (locked, covers) = (lock.min(one.free), one.free >= needs);
        let fits = (covers || may.uncovered)
            && one.tier.copies(draft.params()) <= may.copies
            && !may.past.contains(&peer);
        if !fits {
            self.cards(pool).hide_peer(draft, spot);
            return None;
        }
        let standing = one.offer.standing;
        self.cards(pool).deal(draft, spot);
        let left = one.free.minus(locked).expect("the lesser of the two");
        // In a job a beginner has one run that it does not cover: nothing adds up on its word.
        let earns = one.earns && covers;
        let after = Candidate {
            free: left,
            earns,
            ..one
        };
        self.known.insert(peer, Some(after));
        let lock = locked;
        Some((Drawn { standing, lock }, one.tier))
    }

    fn candidate(&mut self, peer: PeerId) -> Option<Candidate> {
        if let Some(known) = self.known.get(&peer) {
            return *known;
        }
        let candidate = self.look_at(peer);
        self.known.insert(peer, candidate);
        candidate
    }

    fn look_at(&self, peer: PeerId) -> Option<Candidate> {
        let (draft, class) = (self.draft, self.wish.class);
        let offer = roster::offer(draft, peer, class)?;
        let row = draft.row::<Peers>(&peer)?;
        let now = draft.now();
        let away = row.struck
            || row.suspended
            || row.jailed_until > now
            || meter::suspended_until(draft, peer, class) > now;
        if away || offer.standing.per_gfuel > self.wish.per_gfuel {
            return None;
        }
        let until = draft.params().earn_to_bond_until;
        let is_small = self.wish.pay.get() <= until.get() / SMALL_WORK_PART;
        Some(Candidate {
            offer,
            tier: tier::of(draft, peer, &row, class),
            free: exposure::free(draft, peer, &row),
            earns: is_small && offer.pool == Pool::Newcomers && bond::of(draft, peer) < until,
        })
    }
}

/// The share of bundles in which a newcomer is drawn, in ten-thousandths: what is governed for it,
/// or what those who have shown their work cannot do under their caps, while they are few; but no
/// more than the newcomers' share of all slots.
fn explored(draft: &Draft<'_>, class: Class) -> u64 {
    let params = draft.params();
    let established = roster::pool_head(draft, class, Pool::Established);
    let newcomers = roster::pool_head(draft, class, Pool::Newcomers);
    let cap = u64::from(params.roster_cap_peer.get());
    let done = cap.saturating_mul(established.offers.into());
    let slots = established.slots.saturating_add(newcomers.slots);
    let share = newcomers.slots.saturating_mul(WHOLE.get());
    let share = share.checked_div(slots).unwrap_or(0);
    let undone = WHOLE.get().saturating_sub(done).min(share);
    let least = if newcomers.offers > 0 {
        params.exploration.get()
    } else {
        0
    };
    undone.max(least.into())
}

#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    reason = "a test that overflows has failed"
)]
mod tests;
