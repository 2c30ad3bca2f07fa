//! Reading what the council decided and what epochs did: numbers, classes, proposals, notices,
//! emergencies, indexes, rewards, the reserve.

use protocol::entry::{EmergencyAct, Quota};
use protocol::genesis::{Committee, Issuance};
use protocol::ids::{Digest, PartyId, PeerId, PublicKey};
use protocol::job::Class;
use protocol::params::{PARAMS, ParamSpec};
use protocol::units::{Credits, Moment};

use crate::council::{
    self, Ballot, Ballots, Council, Emergencies, Emergency, Given, Notices, Tally, ballot,
    emergency,
};
use crate::epoch::{self, Epoch, reward};
use crate::market::bench;
use crate::market::index::{self, Index};
use crate::money::curve;
use crate::money::issue::{self, Reserve};
use crate::params::{self, ClassSpec};
use crate::people::{Accusation, Departed, Voter, voter};
use crate::state::{At, Clock, Draft, Federation, Founding, View, row};

fn founding(view: &dyn View) -> Option<Founding> {
    row::<Federation>(view, &())
}

/// A governed number by its id: what is known of it, and what it is.
pub fn param(view: &dyn View, id: u16) -> Option<(&'static ParamSpec, u64)> {
    let params = super::params(view)?;
    ParamSpec::of(id).zip(params.get(id))
}

/// Every governed number, by rising id.
pub fn all_params(view: &dyn View) -> Vec<(&'static ParamSpec, u64)> {
    let ids = PARAMS.iter().map(|spec| spec.id);
    ids.filter_map(|id| param(view, id)).collect()
}

/// A class, as the numbers make it.
pub fn class(view: &dyn View, class: Class) -> Option<ClassSpec> {
    Some(params::class(&super::params(view)?, class))
}

/// Whether a class takes jobs: neither the council nor an emergency has closed it.
pub fn class_takes_jobs(view: &dyn View, class: Class) -> bool {
    let is_paused = emergency_in_force(view, EmergencyAct::PauseClass(class)).is_some();
    council::is_open(view, class) && !is_paused
}

/// A class's price index, and the load it will move by.
pub fn index(view: &dyn View, class: Class) -> Option<Index> {
    Some(index::of(view, class, &super::params(view)?))
}

/// How fast a peer is, in millions of operators a second: the median of what members saw, once at
/// least three have.
pub fn bench(view: &dyn View, peer: PeerId, class: Class) -> Option<u32> {
    bench::score(view, peer, class)
}

/// What a Gfuel of a class is quoted at: its index times its utility, rounded down, at least a
/// micro-credit. Nobody is bound to it, and it moves no escrow.
pub fn quoted(view: &dyn View, class: Class) -> Option<Credits> {
    Some(index::quoted(view, class, &super::params(view)?))
}

/// What a second of a peer's work is quoted at: its score at what a Gfuel of the class is quoted
/// at, rounded down.
pub fn per_second(view: &dyn View, peer: PeerId, class: Class) -> Option<Credits> {
    bench::per_second(quoted(view, class)?, bench(view, peer, class)?)
}

/// How many proposals and notices there are, the next emergency order's number, and the version of
/// the software that is needed.
pub fn council(view: &dyn View) -> Council {
    council::state(view)
}

/// A proposal by number ([`Council::proposals`]).
pub fn proposal(view: &dyn View, number: u64) -> Option<Ballot> {
    row::<Ballots>(view, &number)
}

/// Proposals, newest first, from number `from` downwards (`u64::MAX`: from the newest), at most
/// `max` of them.
pub fn proposals(view: &dyn View, from: u64, max: usize) -> Vec<Ballot> {
    let count = council(view).proposals;
    let first = count.min(from.saturating_add(1));
    let numbers = (0..first).rev().take(max);
    numbers
        .filter_map(|number| proposal(view, number))
        .collect()
}

/// Power for and against a proposal, with today's members.
pub fn tally(view: &dyn View, number: u64) -> Option<Tally> {
    Some(ballot::tally(view, &proposal(view, number)?))
}

/// A notice by number ([`Council::notices`]).
pub fn notice(view: &dyn View, number: u64) -> Option<Given> {
    row::<Notices>(view, &number)
}

/// An emergency, in force, over, or resting; `None` if there never was one of its kind.
pub fn emergency(view: &dyn View, act: EmergencyAct) -> Option<Emergency> {
    row::<Emergencies>(view, &act)
}

/// An emergency, if it was in force at the last block.
pub fn emergency_in_force(view: &dyn View, act: EmergencyAct) -> Option<Emergency> {
    let (_, now) = row::<Clock>(view, &())?;
    emergency::in_force(view, act, now)
}

/// Who can order emergencies.
pub fn emergency_keys(view: &dyn View) -> Committee {
    founding(view).map_or(Committee::NOBODY, |founding| founding.emergency)
}

/// Where credits come from after the beginning.
pub fn issuance(view: &dyn View) -> Option<Issuance> {
    founding(view).map(|founding| founding.issuance)
}

/// The reserve, where there is one.
pub fn reserve(view: &dyn View) -> Option<Reserve> {
    issue::reserve(view)
}

/// What the next whole credit needs of the reserve, and what the last would give back; nothing
/// where there is no reserve.
pub fn credit_prices(view: &dyn View) -> Option<(Credits, Credits)> {
    let founding = founding(view)?;
    let Issuance::Reserve { curve, .. } = &founding.issuance else {
        return None;
    };
    let supply = super::supply(view).circulating;
    Some(curve::prices(curve.as_ref(), supply))
}

/// What the council lets a member mint or grant in an epoch; `None` if it never said.
pub fn quota(view: &dyn View, member: PartyId, of: Quota) -> Option<Credits> {
    council::quota(view, member, of)
}

/// What a party owes: how far its wallet is below zero, with mutual credit.
pub fn owed(view: &dyn View, party: PartyId) -> Credits {
    issue::owed(view, party)
}

/// When the bond of a member that has left matures.
pub fn member_bond_matures(view: &dyn View, party: PartyId) -> Option<Moment> {
    row::<Departed>(view, &party)
}

/// Whose votes on blocks a key signs or signed, and which key took its place.
pub fn voter(view: &dyn View, key: PublicKey) -> Option<Voter> {
    voter::of(view, key)
}

/// What was shown against a member last.
pub fn accusation(view: &dyn View, member: PartyId) -> Option<Accusation> {
    voter::accusation(view, member)
}

/// The epoch of the last block, and when it began.
pub fn running_epoch(view: &dyn View) -> Option<(u64, Moment)> {
    let (_, now) = row::<Clock>(view, &())?;
    Some(founding(view)?.epoch_at(now))
}

/// How many epochs are closed: all with smaller numbers.
pub fn closed_epochs(view: &dyn View) -> u64 {
    epoch::closed(view)
}

/// An epoch, as far as it has come; empty for one that is no longer kept.
pub fn epoch(view: &dyn View, number: u64) -> Epoch {
    epoch::of(view, number)
}

/// What a peer can claim for a closed epoch.
pub fn reward_due(view: &dyn View, peer: PeerId, number: u64) -> Credits {
    let Some((founding, (height, now))) = founding(view).zip(row::<Clock>(view, &())) else {
        return Credits::ZERO;
    };
    let parent = Digest::new([0; 32]);
    let draft = Draft::new(
        view,
        &founding,
        At {
            height,
            now,
            parent,
        },
    );
    reward::due(&draft, peer, number)
}
