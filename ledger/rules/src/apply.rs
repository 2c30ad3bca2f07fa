//! A block: first the deadlines that have come, then its entries in their order, each by its rule.

use std::collections::BTreeMap;

use protocol::entry::{Body, CheckedEntry};
use protocol::event::Event;
use protocol::ids::Digest;
use protocol::units::{Height, Moment};

use crate::books;
use crate::council;
use crate::epoch;
use crate::market::{capacity, lease, roster};
use crate::money::{backer, bank, bond, fee, grant, issue, transfer};
use crate::people::{self, key, op_key, party, sponsor};
use crate::refusal::Refusal;
use crate::state::{
    At, BLOCK_HASHES_KEPT, BlockHashes, Clock, Draft, Federation, Founding, View, row,
};
use crate::work::{self, close, dispute, draw, due, open, seal, submit, verdict};

/// What a block does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Rows to write, or to remove where there is `None`.
    pub updates: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// One answer per entry, in order.
    pub answers: Vec<Result<(), Refusal>>,
    /// What is now true for everyone, in the order it was found.
    pub events: Vec<Event>,
}

/// Applies a block to the state its parent left. Time never runs backwards: an earlier `now` than
/// the last block's is taken as that.
///
/// # Panics
/// If the state was not begun by [`crate::begin`], the block does not follow the last one, or the
/// books do not balance: then the ledger must stop.
pub fn apply_block(view: &dyn View, at: &At, entries: &[CheckedEntry]) -> Applied {
    let founding = founding(view);
    let (last, before) = clock(view);
    assert_eq!(at.height, last.after(1), "blocks follow each other");
    let now = at.now.max(before);
    let at = At { now, ..*at };
    let mut block = Draft::new(view, &founding, at);
    turn_clock(&mut block, &at);
    capacity::cast_lots(&mut block, before);
    lease::challenge::note(&mut block);
    epoch::step(&mut block);
    due::apply(&mut block);
    grant::expire(&mut block, grant::EXPIRE_PER_BLOCK);
    let answers = entries
        .iter()
        .map(|entry| enter(&mut block, entry))
        .collect();
    fee::split(&mut block);
    if let Err(unbalanced) = books::check(view, block.updates()) {
        panic!("block {}: {unbalanced}", at.height);
    }
    let changes = block.into_changes();
    Applied {
        updates: changes.updates,
        answers,
        events: changes.events,
    }
}

/// What would become of an entry if it stood alone in the next block, at `now`. For choosing what
/// to keep in a pool; the answer of a block may be another.
///
/// # Errors
/// Why it would be refused. [`Refusal::NonceInFuture`] says only that its turn has not come: what
/// it asks for was not tried.
pub fn preview(view: &dyn View, now: Moment, entry: &CheckedEntry) -> Result<(), Refusal> {
    let founding = founding(view);
    let (last, before) = clock(view);
    // The next block's parent is not known yet; whatever follows from it is no answer's business.
    let at = At {
        height: last.after(1),
        now: now.max(before),
        parent: Digest::new([0; 32]),
    };
    let mut block = Draft::new(view, &founding, at);
    turn_clock(&mut block, &at);
    enter(&mut block, entry)
}

fn founding(view: &dyn View) -> Founding {
    row::<Federation>(view, &()).expect("every state begins with `begin`")
}

fn clock(view: &dyn View) -> (Height, Moment) {
    row::<Clock>(view, &()).expect("every state begins with `begin`")
}

fn turn_clock(block: &mut Draft<'_>, at: &At) {
    let parent = Height::new(at.height.get().saturating_sub(1));
    block.put::<Clock>(&(), &(at.height, at.now));
    block.put::<BlockHashes>(&parent, &at.parent);
    if let Some(old) = parent.get().checked_sub(BLOCK_HASHES_KEPT) {
        block.remove::<BlockHashes>(&Height::new(old));
    }
}

/// Enters one entry: who may ask, the fee, the rule, and whether the key may spend what that took.
fn enter(block: &mut Draft<'_>, entry: &CheckedEntry) -> Result<(), Refusal> {
    let authority = key::authorise(block, entry)?;
    let fee = fee::take(block, entry, &authority)?;
    key::use_nonce(block, entry);
    let mut draft = block.over();
    let answer = rule(&mut draft, entry)
        .and_then(|()| op_key::count(&mut draft, block, entry, &authority, fee));
    let changes = draft.into_changes();
    if answer.is_ok() {
        block.keep(changes);
    }
    answer
}

/// One match from what is asked to the rule that answers; nothing else.
fn rule(draft: &mut Draft<'_>, entry: &CheckedEntry) -> Result<(), Refusal> {
    let (id, sender) = (entry.entry_id(), entry.value().sender);
    match &entry.value().body {
        Body::Register { key } => people::register(draft, sender, *key).map(|_| ()),
        Body::Transfer { moves } => transfer::transfer(draft, sender, moves, id),
        Body::AdmitPeer { peer, owner } => sponsor::let_in(draft, sender, *peer, *owner),
        Body::Bond { peer, amount } => bond::add(draft, sender, *peer, *amount),
        Body::Unbond { peer, amount } => bond::begin_unbonding(draft, sender, *peer, *amount),
        Body::Withdraw { peer } => bond::withdraw(draft, sender, *peer),
        Body::PublishOffer {
            peer,
            class,
            slots,
            per_gfuel,
        } => roster::publish(draft, sender, (*peer, *class), *slots, *per_gfuel),
        Body::WithdrawOffer { peer, class } => roster::withdraw(draft, sender, *peer, *class),
        Body::Submit {
            terms,
            chain,
            purse,
        } => submit::submit(draft, (sender, *purse), id, terms, *chain),
        Body::Start { job, link } => draw::start(draft, sender, *job, *link),
        Body::Decline { bundle, peer, to } => draw::decline(draft, sender, *bundle, (*peer, *to)),
        Body::SealBatch { job, seals } => seal::enter(draft, sender, *job, seals),
        Body::Close { job, secret } => close::close(draft, sender, *job, *secret),
        Body::ForceClose { job } => close::force(draft, *job),
        Body::OpenBatch { job, openings } => open::enter(draft, *job, openings),
        Body::Dispute { bundle, tasks } => dispute::show(draft, sender, *bundle, tasks),
        Body::PanelSeal { bundle, seal } => verdict::seal(draft, sender, *bundle, *seal),
        Body::PanelOpen { bundle, answer } => verdict::open(draft, sender, *bundle, answer),
        Body::Cancel { job } => submit::cancel(draft, sender, *job),
        Body::Sweep { job } => due::sweep(draft, *job),
        Body::Council(request) => council::rule(draft, sender, request),
        Body::Issue(request) => issue::rule(draft, sender, request),
        Body::Audit(request) => work::rule(draft, sender, request),
        Body::Party(request) => party::rule(draft, entry, request),
        Body::Bank(request) => bank::rule(draft, sender, id, request),
        Body::Channel(request) => bank::of_channel(draft, sender, id, request),
        Body::Lease(request) => lease::rule(draft, sender, id, request),
        Body::Stake(request) => backer::rule(draft, sender, request),
    }
}
