//! Reading who stands ready, how far each is trusted, what it stands to lose, and why it is not
//! drawn.

use protocol::ids::{BundleId, PartyId, PeerId};
use protocol::job::Class;
use protocol::units::{Credits, Moment};

use super::running_epoch;
use crate::market::caps::{self, Caps};
use crate::market::{Offer, PAGE_OFFERS_MAX, Pile, Pool, Standing, capacity, roster, sums};
use crate::money::{Account, backer, balance, bond, exposure};
use crate::people::{Peers, meter, reputation, tier};
use crate::state::{Clock, Federation, Founding, View, row};
use crate::work::{Job, feigned};

pub use crate::market::capacity::{Capacity, Seen};
pub use crate::money::backer::Backer;
pub use crate::people::meter::Meter;
pub use crate::people::reputation::{Reputation, Score};
pub use crate::people::tier::Tier;

/// How far a peer is trusted in a class, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trust {
    /// The evidence, faded to the epoch of the last block.
    pub reputation: Reputation,
    /// What it amounts to.
    pub score: Score,
    /// What follows from that.
    pub tier: Tier,
}

/// What a peer stands to lose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposed {
    /// Its bond, whoever put it in.
    pub bond: Credits,
    /// What of that counts: the least it was in the look-back.
    pub counts: Credits,
    /// What open bundles hold of it.
    pub locked: Credits,
    /// What leaves it, and can be slashed until it is withdrawn.
    pub unbonding: Credits,
    /// Who else put a part of it in.
    pub backers: Vec<Backer>,
}

/// What an offer weighs in draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weight {
    /// Where it stands.
    pub pool: Pool,
    /// What it weighs.
    pub weight: u64,
    /// What one peer's offer counts at most.
    pub peer_cap: u64,
    /// What all offers of its sponsor weigh.
    pub sponsor: u64,
    /// What they count at most.
    pub sponsor_cap: u64,
    /// What all offers of the pool weigh.
    pub all: u64,
}

/// Why a peer is not drawn, or less often than its slots are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotDrawn {
    /// No sponsor let it in.
    NotAdmitted,
    /// It signed two results, or was convicted too often: never again.
    Struck,
    /// A panel found it wrong.
    Jailed {
        /// Until then.
        until: Moment,
    },
    /// It missed too many of its runs.
    Suspended {
        /// Until then.
        until: Moment,
    },
    /// It has no standing offer in the class.
    NoOffer,
    /// It asks for more than the job pays.
    Price {
        /// What it asks for a Gfuel.
        asks: Credits,
        /// What the job pays.
        pays: Credits,
    },
    /// What counts of its bond and is not locked does not cover what the job locks.
    BondTooSmall {
        /// What counts and is free.
        free: Credits,
        /// What the job locks.
        needs: Credits,
    },
    /// Its tier asks for more copies than the job can pay for.
    Tier {
        /// Its tier.
        tier: Tier,
        /// The copies that this asks for.
        copies: u8,
    },
    /// It weighs more than one peer counts.
    PeerCapped,
    /// Its sponsor's peers weigh more than one sponsor counts.
    SponsorCapped,
}

fn now(view: &dyn View) -> Option<(Founding, Moment)> {
    let founding = row::<Federation>(view, &())?;
    let (_, now) = row::<Clock>(view, &())?;
    Some((founding, now))
}

/// How many pages the list of a class's offers has.
pub fn roster_pages(view: &dyn View, class: Class) -> u32 {
    roster::count(view, class).div_ceil(PAGE_OFFERS_MAX)
}

/// The standing offers on a page of a class's list, at most 256.
pub fn roster_page(view: &dyn View, class: Class, page: u32) -> Vec<Standing> {
    roster::page(view, class, page)
}

/// A peer's standing offer in a class.
pub fn offer(view: &dyn View, peer: PeerId, class: Class) -> Option<Standing> {
    roster::offer(view, peer, class).map(|offer| offer.standing)
}

/// What a peer's offer in a class weighs.
pub fn weight(view: &dyn View, peer: PeerId, class: Class) -> Option<Weight> {
    let (founding, _) = now(view)?;
    let params = &founding.params;
    let Offer {
        standing,
        pool,
        weight,
        ..
    } = roster::offer(view, peer, class)?;
    let shares = (params.roster_cap_sponsor, params.roster_cap_peer);
    let caps: Caps = caps::of(view, (class, pool), shares);
    let of = |pile| sums::head(view, pile).weight;
    Some(Weight {
        pool,
        weight,
        peer_cap: caps.peer,
        sponsor: of(Pile::Peers(class, pool, standing.sponsor)),
        sponsor_cap: caps.sponsor,
        all: of(Pile::Sponsors(class, pool)),
    })
}

/// How far an admitted peer is trusted in a class.
pub fn trust(view: &dyn View, peer: PeerId, class: Class) -> Option<Trust> {
    let (founding, now) = now(view)?;
    let (params, row) = (&founding.params, row::<Peers>(view, &peer)?);
    let reputation = reputation::at(view, params, founding.epoch_at(now).0, (peer, class));
    Some(Trust {
        reputation,
        score: reputation.score(params),
        tier: tier::from(view, params, now, &row, &reputation),
    })
}

/// What an admitted peer stands to lose.
pub fn exposure(view: &dyn View, peer: PeerId) -> Option<Exposed> {
    let (founding, now) = now(view)?;
    let row = row::<Peers>(view, &peer)?;
    Some(Exposed {
        bond: bond::of(view, peer),
        counts: exposure::counted(view, &founding.params, founding.epoch_at(now).0, peer),
        locked: row.locked,
        unbonding: balance(view, Account::Unbonding(peer)).amount(),
        backers: backer::of(view, peer),
    })
}

/// What a peer was drawn for and missed, in the last epoch in which it was drawn.
pub fn meter(view: &dyn View, peer: PeerId, class: Class) -> Meter {
    meter::last(view, peer, class)
}

/// Every reason why a peer is not drawn in a class, or seldom; for a job, its terms count too.
/// Empty: its card is in the deck.
pub fn why_not_drawn(
    view: &dyn View,
    peer: PeerId,
    class: Class,
    job: Option<&Job>,
) -> Vec<NotDrawn> {
    let Some((row, (founding, now))) = row::<Peers>(view, &peer).zip(now(view)) else {
        return vec![NotDrawn::NotAdmitted];
    };
    let mut why = Vec::new();
    let suspended = meter::suspended_until(view, peer, class);
    let until = row.jailed_until;
    if row.struck {
        why.push(NotDrawn::Struck);
    } else if until > now {
        why.push(NotDrawn::Jailed { until });
    }
    if suspended > now {
        let until = suspended;
        why.push(NotDrawn::Suspended { until });
    }
    let offer = offer(view, peer, class);
    if offer.is_none() {
        why.push(NotDrawn::NoOffer);
    }
    if let Some(job) = job {
        let (asks, pays) = (offer.map(|offer| offer.per_gfuel), job.terms.per_gfuel);
        if let Some(asks) = asks.filter(|asks| *asks > pays) {
            why.push(NotDrawn::Price { asks, pays });
        }
        let counts = exposure::counted(view, &founding.params, founding.epoch_at(now).0, peer);
        let free = counts.minus(row.locked).unwrap_or(Credits::ZERO);
        if free < job.lock {
            let needs = job.lock;
            why.push(NotDrawn::BondTooSmall { free, needs });
        }
        if let Some(Trust { tier, .. }) = trust(view, peer, class) {
            let copies = tier.copies(&founding.params);
            if copies > job.copies_max {
                why.push(NotDrawn::Tier { tier, copies });
            }
        }
    }
    if let Some(weight) = weight(view, peer, class) {
        if weight.weight > weight.peer_cap {
            why.push(NotDrawn::PeerCapped);
        }
        if weight.sponsor > weight.sponsor_cap {
            why.push(NotDrawn::SponsorCapped);
        }
    }
    why
}

/// The members that may say in the running epoch what a peer's capacity in a class is, and the
/// epoch; `None` before it has drawn any.
pub fn challengers(view: &dyn View, peer: PeerId, class: Class) -> Option<(u64, Vec<PartyId>)> {
    let (running, _) = running_epoch(view)?;
    capacity::challengers(view, peer, class).filter(|(epoch, _)| *epoch == running)
}

/// What members saw of a peer's capacity in a class, in the epoch in which one last looked.
pub fn capacity(view: &dyn View, peer: PeerId, class: Class) -> Option<Capacity> {
    capacity::last(view, peer, class)
}

/// The name under which a slash for feigned capacity (F10) is held and appealed.
pub fn capacity_finding(peer: PeerId, class: Class, epoch: u64) -> BundleId {
    feigned::name(peer, class, epoch)
}
