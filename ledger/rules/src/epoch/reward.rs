//! Rewards of peers: counted at the write, minted at the claim.
//!
//! What a peer earns counts by its class's curve at the running total of its **sponsor**, and caps
//! are on the sponsor too: splitting one machine into ten names changes nothing.
//!
//! ```text
//! counts = f(sponsor's total + pay) - f(sponsor's total)     f: 100, 50, 25 %, or straight
//! reward = min(pool * sponsor / all, cap) * peer / sponsor   at most the peer's cap
//! ```

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::event::{Event, IssueEvent};
use protocol::genesis::{Issuance, Params};
use protocol::ids::{PartyId, PeerId};
use protocol::job::Class;
use protocol::units::{Bps, Credits};

use super::{Epoch, Epochs, closed, of, pay, ready};
use crate::council::emergency;
use crate::market::{capacity, roster};
use crate::money::{Account, bond};
use crate::params::{Curve, class as preset};
use crate::people::{Peers, owned};
use crate::refusal::{IssueRefusal, Refusal};
use crate::state::{Draft, View, row, table};

/// Epochs of a peer that are kept at once; more than a claim may be old.
const SLOTS: u64 = 64;

/// What a sponsor's peers did in an epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct SponsorShare {
    epoch: u64,
    paid: Credits,
    work: u64,
    ready: u64,
}

/// What a peer did in an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct PeerShare {
    epoch: u64,
    /// For whom it did so.
    sponsor: PartyId,
    work: u64,
    ready: u64,
    /// The class it stood ready for.
    class: Class,
    /// Runs that it finished, and that it left.
    done: u32,
    late: u32,
    claimed: bool,
}

table!(
    /// What sponsors' peers did in the latest epochs.
    SponsorShares, 0xBA, (PartyId, u64) => SponsorShare
);
table!(
    /// What peers did in the latest epochs.
    PeerShares, 0xBB, (PeerId, u64) => PeerShare
);

const fn slot(epoch: u64) -> u64 {
    epoch % SLOTS
}

fn peer_share(view: &dyn View, peer: PeerId, epoch: u64) -> Option<PeerShare> {
    row::<PeerShares>(view, &(peer, slot(epoch))).filter(|share| share.epoch == epoch)
}

fn sponsor_share(view: &dyn View, sponsor: PartyId, epoch: u64) -> SponsorShare {
    row::<SponsorShares>(view, &(sponsor, slot(epoch)))
        .filter(|share| share.epoch == epoch)
        .unwrap_or(SponsorShare {
            epoch,
            ..SponsorShare::default()
        })
}

/// A peer's row of the running epoch, and its sponsor's; `None` for a peer nobody admitted.
fn take(draft: &Draft<'_>, peer: PeerId, class: Class) -> Option<(PeerShare, SponsorShare)> {
    let epoch = draft.epoch();
    let sponsor = draft.row::<Peers>(&peer)?.sponsor;
    let share = peer_share(draft, peer, epoch).unwrap_or(PeerShare {
        epoch,
        sponsor,
        work: 0,
        ready: 0,
        class,
        done: 0,
        late: 0,
        claimed: false,
    });
    Some((share, sponsor_share(draft, share.sponsor, epoch)))
}

fn put_back(draft: &mut Draft<'_>, peer: PeerId, share: &PeerShare, sponsor: &SponsorShare) {
    let slot = slot(share.epoch);
    draft.put::<PeerShares>(&(peer, slot), share);
    draft.put::<SponsorShares>(&(share.sponsor, slot), sponsor);
}

/// What counts of a sponsor's earnings.
fn counted(params: &Params, curve: Curve, paid: Credits) -> u64 {
    let paid = paid.get();
    match curve {
        Curve::Linear => paid,
        Curve::Diminishing => {
            let [full, half] = params.curve_until.map(Credits::get);
            let in_full = paid.min(full);
            let in_half = paid.min(half).saturating_sub(full) / 2;
            let beyond = paid.saturating_sub(half.max(full)) / 4;
            in_full.saturating_add(in_half).saturating_add(beyond)
        }
    }
}

/// A peer was paid for a run.
pub(crate) fn worked(draft: &mut Draft<'_>, peer: PeerId, class: Class, amount: Credits) {
    let number = draft.epoch();
    let mut epoch = of(draft, number);
    epoch.paid = epoch.paid.plus(amount).unwrap_or(Credits::MAX);
    if draft.founding().issuance == Issuance::Inflation
        && let Some((mut share, mut sponsor)) = take(draft, peer, class)
    {
        let params = draft.params();
        let curve = preset(params, class).curve;
        let before = counted(params, curve, sponsor.paid);
        sponsor.paid = sponsor.paid.plus(amount).unwrap_or(Credits::MAX);
        let counts = counted(params, curve, sponsor.paid).saturating_sub(before);
        share.work = share.work.saturating_add(counts);
        sponsor.work = sponsor.work.saturating_add(counts);
        epoch.work = epoch.work.saturating_add(counts);
        share.done = share.done.saturating_add(1);
        put_back(draft, peer, &share, &sponsor);
    }
    draft.put::<Epochs>(&number, &epoch);
}

/// A peer left a run that it was drawn for.
pub(crate) fn was_late(draft: &mut Draft<'_>, peer: PeerId, class: Class) {
    if draft.founding().issuance != Issuance::Inflation {
        return;
    }
    if let Some((mut share, sponsor)) = take(draft, peer, class) {
        share.late = share.late.saturating_add(1);
        put_back(draft, peer, &share, &sponsor);
    }
}

/// A peer's owner says that it stands ready in this epoch.
///
/// # Errors
/// [`Refusal`] if the peer is not the sender's, is struck or jailed, has no standing offer in the
/// class, bonds less than a beginner's bond, has said so already, or feigned slots in this epoch.
pub(crate) fn stand_ready(
    draft: &mut Draft<'_>,
    sender: PartyId,
    peer: PeerId,
    class: Class,
) -> Result<(), Refusal> {
    let row = owned(draft, peer, sender)?;
    if row.struck || row.jailed_until > draft.now() {
        return Err(Refusal::Struck { peer });
    }
    let offer = roster::offer(draft, peer, class).ok_or(Refusal::NoOffer { peer })?;
    let (has, needs) = (bond::of(draft, peer), draft.params().earn_to_bond_until);
    if has < needs {
        return Err(Refusal::Issue(IssueRefusal::BondTooSmall { has, needs }));
    }
    if draft.founding().issuance != Issuance::Inflation {
        return Err(Refusal::Issue(IssueRefusal::MintClosed));
    }
    let (mut share, mut sponsor) = take(draft, peer, class).ok_or(Refusal::UnknownPeer { peer })?;
    if share.ready > 0 {
        return Err(Refusal::Issue(IssueRefusal::AlreadyReady { peer }));
    }
    let number = draft.epoch();
    capacity::was_honest(draft, peer)?;
    let slots = u64::from(capacity::believed(
        draft,
        (peer, class),
        offer.standing.slots,
    ));
    let mut epoch = of(draft, number);
    (share.ready, share.class) = (slots, class);
    sponsor.ready = sponsor.ready.saturating_add(slots);
    epoch.ready = epoch.ready.saturating_add(slots);
    put_back(draft, peer, &share, &sponsor);
    draft.put::<Epochs>(&number, &epoch);
    draft.say(Event::Issue(IssueEvent::StandsReady { peer, class }));
    Ok(())
}

/// Mints what a peer's work and readiness in a closed epoch have earned, to its owner.
///
/// # Errors
/// [`Refusal`] if the epoch is not closed, it is too old, minting is stopped, or nothing is left.
pub(crate) fn claim(draft: &mut Draft<'_>, peer: PeerId, number: u64) -> Result<(), Refusal> {
    let owner = draft
        .row::<Peers>(&peer)
        .ok_or(Refusal::UnknownPeer { peer })?
        .owner;
    let closed = closed(draft);
    if number >= closed {
        return Err(Refusal::Issue(IssueRefusal::EpochRuns {
            epoch: number,
            closed,
        }));
    }
    emergency::issuance_runs(draft)?;
    let (worked, ready) = earned(draft, peer, number);
    let amount = worked.plus(ready).expect("parts of what may be minted");
    if amount == Credits::ZERO {
        return Err(Refusal::Issue(IssueRefusal::NothingEarned));
    }
    let mut share = peer_share(draft, peer, number).expect("something is due for it");
    share.claimed = true;
    draft.put::<PeerShares>(&(peer, slot(number)), &share);
    let mut epoch = of(draft, number);
    let minted = pay(draft, &mut epoch, Account::Wallet(owner), amount);
    if minted == Credits::ZERO {
        return Err(Refusal::AmountTooLarge);
    }
    draft.put::<Epochs>(&number, &epoch);
    ready::paid(draft, peer, ready);
    draft.say(Event::Issue(IssueEvent::Rewarded {
        peer,
        owner,
        epoch: number,
        amount,
    }));
    Ok(())
}

/// What a peer can claim for a closed epoch.
pub(crate) fn due(draft: &Draft<'_>, peer: PeerId, number: u64) -> Credits {
    let (worked, ready) = earned(draft, peer, number);
    worked.plus(ready).expect("parts of what may be minted")
}

/// What a peer can claim for its work in a closed epoch, and for standing ready in it.
fn earned(draft: &Draft<'_>, peer: PeerId, number: u64) -> (Credits, Credits) {
    let params = draft.params();
    let age = draft.epoch().saturating_sub(number);
    let Some(share) = peer_share(draft, peer, number) else {
        return Default::default();
    };
    if share.claimed || age > params.claim_life.into() {
        return Default::default();
    }
    let sponsor = sponsor_share(draft, share.sponsor, number);
    let epoch: Epoch = of(draft, number);
    let worked = part(
        params,
        epoch.pools.supply,
        (epoch.work, sponsor.work, share.work),
    );
    let ready = part(
        params,
        epoch.pools.availability,
        (epoch.ready, sponsor.ready, share.ready),
    );
    let is_earned = on_time(params, &share) && !ready::is_void(draft, peer, number);
    (worked, if is_earned { ready } else { Credits::ZERO })
}

/// The slots with which a peer has said to stand ready for a class in the running epoch.
pub(crate) fn ready_with(draft: &Draft<'_>, peer: PeerId, class: Class) -> u16 {
    let share = peer_share(draft, peer, draft.epoch()).filter(|share| share.class == class);
    let slots = share.map_or(0, |share| share.ready);
    u16::try_from(slots).unwrap_or(u16::MAX)
}

/// A peer feigned what it stands ready with in the running epoch: that is counted out, so that it
/// takes nothing from others.
pub(crate) fn is_not_ready(draft: &mut Draft<'_>, peer: PeerId) {
    let number = draft.epoch();
    let Some(mut share) = peer_share(draft, peer, number) else {
        return;
    };
    let mut sponsor = sponsor_share(draft, share.sponsor, number);
    let mut epoch = of(draft, number);
    let slots = std::mem::take(&mut share.ready);
    sponsor.ready = sponsor.ready.saturating_sub(slots);
    epoch.ready = epoch.ready.saturating_sub(slots);
    put_back(draft, peer, &share, &sponsor);
    draft.put::<Epochs>(&number, &epoch);
}

/// A peer's part of a pool, given what counts of all, of its sponsor and of itself.
fn part(params: &Params, pool: Credits, (all, sponsor, own): (u64, u64, u64)) -> Credits {
    let of_sponsor = portion(pool, sponsor, all).min(pool.share(params.reward_cap_sponsor));
    portion(of_sponsor, own, sponsor).min(pool.share(params.reward_cap_peer))
}

fn portion(whole: Credits, part: u64, of: u64) -> Credits {
    let portion = u128::from(whole.get())
        .saturating_mul(part.into())
        .checked_div(of.into())
        .unwrap_or_default();
    Credits::new(u64::try_from(portion).expect("a part is at most the whole"))
}

/// Whether a peer finished as much of what it was drawn for as its class asks.
fn on_time(params: &Params, share: &PeerShare) -> bool {
    let drawn = u64::from(share.done).saturating_add(share.late.into());
    let asked = preset(params, share.class).availability.get();
    let finished = u64::from(share.done).saturating_mul(Bps::ONE.get().into());
    finished >= drawn.saturating_mul(asked.into())
}
