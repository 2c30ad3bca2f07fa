//! Leases: a peer keeps something for a holder, for whole epochs that are paid in advance. Where it
//! does not, the holder has its price back and the peer loses a part of its bond (F5, F11).
//!
//! ```text
//!          ask                  lots ─▶ which chunk ─▶ proved, once an epoch (storage)
//!           │                   members ─▶ slots that are there           (slots)
//! take ──▶ Lease ── epoch ── epoch ── epoch ──▶ over: slots stand ready again, nothing is held
//!  │ price of all epochs         │
//!  ▼                             ├─ kept ───▶ Wallet(owner)
//! LeaseEscrow ───────────────────┴─ missed ─▶ Wallet(holder), and Bond ──slash──▶ SlashHold
//! ```
//!
//! What a lease could cost its peer is locked in the peer's bond when it is taken, and released
//! epoch by epoch. Epochs are settled when somebody asks for it, or at the lease's end: a lease
//! keeps the place where it stands, and nothing walks over leases. A peer that takes no part any
//! more loses them, and their holders have the rest back.
//!
//! A peer answers for storage from the epoch on in which it first shows that it has the content:
//! nobody can bind it to a blob that it never saw.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::entry::{Leasable, LeaseRequest, LeaseTerms, Leased};
use protocol::event::{Event, LeaseEvent};
use protocol::ids::{BundleId, Digest, EntryId, JobId, LeaseId, PartyId, PeerId};
use protocol::units::{Credits, Moment};

use crate::money::posting::{Posting, post_covered};
use crate::money::{About, Account, Code};
use crate::people::owned;
use crate::refusal::{LeaseRefusal, Refusal};
use crate::state::{Draft, View, row, table};

pub(crate) mod challenge;
mod end;
mod list;
mod miss;
pub(crate) mod settle;
pub(crate) mod shelf;
mod take;

pub(crate) use end::{forfeit, struck, wake};
pub(crate) use list::{held, of_peer};
pub(crate) use miss::{at_stake, convict};
pub(crate) use settle::due;

/// A peer has so many leases at most.
pub(crate) const LEASES_MAX: usize = 16;
/// A party holds so many leases at most.
pub(crate) const HELD_MAX: usize = 64;
/// A peer has so many epochs, after the one in which storage was leased, to show that it has the
/// content.
pub(crate) const EPOCHS_TO_BEGIN: u64 = 2;

/// A lease.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Lease {
    /// The peer that keeps it.
    pub peer: PeerId,
    /// Whom for.
    pub holder: PartyId,
    /// What.
    pub what: Leased,
    /// What an epoch of it costs.
    pub price: Credits,
    /// What an epoch that is missed whole costs the peer beside that.
    pub penalty: Credits,
    /// The epoch in which it was taken.
    pub taken: u64,
    /// Its first epoch; none while the peer has not shown that it has the content.
    pub first: Option<u64>,
    /// How many epochs it has, without those that were given up.
    pub epochs: u16,
    /// How many of them are settled.
    pub settled: u16,
    /// The last epoch whose challenge was answered.
    pub proved: Option<u64>,
    /// When it is next looked at without anybody asking.
    pub(crate) wakes: Moment,
}

table!(
    /// Leases that have not ended.
    Leases, 0xCB, LeaseId => Lease
);

impl Lease {
    /// How many epochs are still to be settled.
    pub const fn left(&self) -> u16 {
        self.epochs.saturating_sub(self.settled)
    }

    /// What its escrow holds: the price of the epochs that are still to be settled.
    pub fn escrow(&self) -> Credits {
        of_epochs(self.price, self.left().into())
    }

    /// What its peer's bond has locked for it.
    pub fn locked(&self) -> Credits {
        of_epochs(self.penalty, self.left().into())
    }

    /// The first epoch that is still to be settled; none before it began.
    pub fn next(&self) -> Option<u64> {
        Some(self.first?.saturating_add(self.settled.into()))
    }

    /// The first epoch that is not its own any more; none before it began.
    pub fn ends(&self) -> Option<u64> {
        Some(self.first?.saturating_add(self.epochs.into()))
    }
}

/// So many times an amount that was paid, or locked, for more epochs than that.
fn of_epochs(each: Credits, epochs: u64) -> Credits {
    each.times(epochs)
        .expect("the whole term was reckoned when the lease was taken")
}

/// The lease of this name.
///
/// # Errors
/// [`LeaseRefusal::UnknownLease`].
fn of(view: &dyn View, name: LeaseId) -> Result<Lease, Refusal> {
    row::<Leases>(view, &name).ok_or(Refusal::Lease(LeaseRefusal::UnknownLease))
}

/// The lease of this name, if it has not ended.
pub(crate) fn find(view: &dyn View, name: LeaseId) -> Option<Lease> {
    row::<Leases>(view, &name)
}

/// Who holds leases of a peer, and so gains where it is found to have missed them.
pub(crate) fn holders(view: &dyn View, peer: PeerId) -> Vec<PartyId> {
    let leases = of_peer(view, peer).into_iter();
    leases
        .filter_map(|name| find(view, name))
        .map(|lease| lease.holder)
        .collect()
}

/// The name of a finding about a lease, by which its slash is held, frozen and appealed like a
/// bundle's. No job has it, and no finding of feigned capacity.
pub(crate) fn finding(lease: LeaseId, epoch: u64) -> BundleId {
    let epoch = epoch.to_le_bytes();
    let parts: [&[u8]; 2] = [lease.bytes(), &epoch];
    let job = Digest::derive("tallygrid missed lease v1", &parts);
    let job = JobId::new(*job.bytes());
    BundleId { job, index: 0 }
}

/// Answers a request about leases.
///
/// # Errors
/// The rule's refusal.
pub(crate) fn rule(
    draft: &mut Draft<'_>,
    sender: PartyId,
    entry: EntryId,
    request: &LeaseRequest,
) -> Result<(), Refusal> {
    match request {
        LeaseRequest::Ask { peer, what, terms } => ask(draft, sender, (*peer, *what), *terms),
        LeaseRequest::Take {
            peer,
            what,
            epochs,
            price_max,
        } => {
            let asked = take::Asked {
                peer: *peer,
                what: *what,
                epochs: *epochs,
                price_max: *price_max,
            };
            take::take(draft, sender, LeaseId::new(*entry.bytes()), asked)
        }
        LeaseRequest::Prove { lease, proof } => challenge::prove(draft, sender, *lease, proof),
        LeaseRequest::Collect { lease } => end::collect(draft, *lease),
        LeaseRequest::End { lease } => end::give_up(draft, sender, *lease),
    }
}

/// A peer's owner says what it leases, and at what price.
///
/// # Errors
/// [`Refusal`] if the peer is not the sender's, or is struck.
fn ask(
    draft: &mut Draft<'_>,
    sender: PartyId,
    (peer, what): (PeerId, Leasable),
    terms: LeaseTerms,
) -> Result<(), Refusal> {
    if owned(draft, peer, sender)?.struck {
        return Err(Refusal::Struck { peer });
    }
    shelf::ask(draft, (peer, what), terms);
    draft.say(Event::Lease(LeaseEvent::Asked { peer, what, terms }));
    Ok(())
}

/// Moves credits out of a lease's escrow.
fn release(draft: &mut Draft<'_>, name: LeaseId, to: PartyId, (amount, code): (Credits, Code)) {
    let posting = Posting {
        from: Account::LeaseEscrow(name),
        to: Account::Wallet(to),
        amount,
        code,
        about: About::Lease(name),
    };
    post_covered(draft, posting);
}
