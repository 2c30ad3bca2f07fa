//! Orders entries into blocks with agreed time: it stands where HotStuff stands, and calls the real
//! rules. Blocks come on demand, and rarely while nothing happens.

use std::collections::{BTreeMap, VecDeque};

use protocol::entry::{Body, CheckedEntry, Entry};
use protocol::event::Event;
use protocol::genesis::Genesis;
use protocol::ids::{FederationId, PartyId};
use protocol::units::{Height, Millis, Moment};
use rules::{Refusal, preview, read};
use steward::{Fate, Kind, ProposalToken, Trouble};

use crate::chain::Chain;
use crate::keys::Keys;

/// While nothing happens, a block is made this often, so that agreed time and epochs move.
pub(crate) const IDLE_EVERY: Millis = Millis::new(5 * 60_000);
/// An entry is valid for so long after the block it was first meant for.
const VALID_FOR: Millis = Millis::new(60_000);

/// Entries of one party that wait at most, beside what its steward wants.
const OWN_MAX: usize = 4_096;

/// Whether an entry is about right and wrong, for which a part of every block is kept.
const fn is_grave(body: &Body) -> bool {
    matches!(
        body,
        Body::Dispute { .. }
            | Body::PanelSeal { .. }
            | Body::PanelOpen { .. }
            | Body::Audit(_)
            | Body::Close { .. }
            | Body::ForceClose { .. }
            | Body::OpenBatch { .. }
    )
}

/// Who asked for an entry: a player, one life of its steward, and the steward's own name for it.
pub(crate) type Wish = (usize, u32, ProposalToken);

/// Something that waits for a block.
#[derive(Debug)]
struct Waiting {
    /// Whose party signs it.
    from: usize,
    wish: Option<Wish>,
    body: Body,
    /// The block after which it came.
    since: Height,
}

/// A block, and what it did.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) height: Height,
    pub(crate) now: Moment,
    pub(crate) entries: Vec<CheckedEntry>,
    pub(crate) answers: Vec<Result<(), Refusal>>,
    pub(crate) events: Vec<Event>,
    /// What became of wishes, here or at the door of the pool.
    pub(crate) fates: Vec<(Wish, Fate)>,
}

/// The ledger: its rows, and what waits to be entered.
#[derive(Debug)]
pub(crate) struct Sequencer {
    federation: FederationId,
    every: Millis,
    entries_max: usize,
    pub(crate) chain: Chain,
    pub(crate) last: Moment,
    pool: VecDeque<Waiting>,
    answered: BTreeMap<Wish, Option<Fate>>,
    /// How many entries each party has waiting that it signed past its steward.
    own: BTreeMap<usize, usize>,
    /// The most blocks that a dispute, a verdict or evidence had to wait for.
    pub(crate) grave_wait: u64,
}

impl Sequencer {
    /// A ledger that begins with these rows.
    pub(crate) fn new(
        genesis: &Genesis,
        rows: BTreeMap<Vec<u8>, Vec<u8>>,
        seed: u64,
        every: Millis,
        entries_max: usize,
    ) -> Self {
        Self {
            federation: genesis.id(),
            every,
            entries_max,
            chain: Chain::new(seed, rows),
            last: genesis.begins,
            pool: VecDeque::new(),
            answered: BTreeMap::new(),
            own: BTreeMap::new(),
            grave_wait: 0,
        }
    }

    /// Takes a wish of a steward; the same one twice is one. Answers at once what it knows already.
    pub(crate) fn put(&mut self, wish: Wish, signer: usize, body: Body) -> Option<Fate> {
        if let Some(known) = self.answered.get(&wish) {
            return known.clone();
        }
        self.answered.insert(wish, None);
        self.pool.push_back(Waiting {
            from: signer,
            wish: Some(wish),
            body,
            since: self.chain.height,
        });
        None
    }

    /// Takes an entry that a party signs past its steward.
    pub(crate) fn put_own(&mut self, from: usize, body: Body) {
        let waits = self.own.entry(from).or_insert(0);
        if *waits >= OWN_MAX {
            return;
        }
        *waits += 1;
        let (wish, since) = (None, self.chain.height);
        self.pool.push_back(Waiting {
            from,
            wish,
            body,
            since,
        });
    }

    /// When the next block is to be made.
    pub(crate) fn next_at(&self) -> Moment {
        let soonest = self.last.after(self.every);
        if !self.pool.is_empty() {
            return soonest;
        }
        let idle = self.last.after(IDLE_EVERY);
        let due = read::next_due(&self.chain.rows).unwrap_or(idle);
        due.min(idle).max(soonest)
    }

    /// Makes the next block at `now`.
    pub(crate) fn make(&mut self, now: Moment, keys: &[Keys]) -> Block {
        let (entries, wishes, mut fates) = self.pick(now, keys);
        let (answers, events) = self.chain.apply(now, &entries);
        for (wish, answer) in wishes.into_iter().zip(&answers) {
            let fate = match answer {
                Ok(()) => Fate::Agreed,
                Err(refusal) => refused(refusal),
            };
            if let Some(wish) = wish {
                fates.push((wish, fate));
            }
        }
        for (wish, fate) in &fates {
            self.answered.insert(*wish, Some(fate.clone()));
        }
        self.last = now;
        Block {
            height: self.chain.height,
            now,
            entries,
            answers,
            events,
            fates,
        }
    }

    /// Chooses what enters the next block, as a leader does: what the rules would refuse now is
    /// turned away at the door, and what is too early goes on waiting.
    #[expect(
        clippy::type_complexity,
        reason = "three lists that belong to one block"
    )]
    fn pick(
        &mut self,
        now: Moment,
        keys: &[Keys],
    ) -> (Vec<CheckedEntry>, Vec<Option<Wish>>, Vec<(Wish, Fate)>) {
        let (mut entries, mut wishes, mut fates) = (Vec::new(), Vec::new(), Vec::new());
        let mut nonces: BTreeMap<PartyId, u64> = BTreeMap::new();
        let mut later = VecDeque::new();
        let kept = read::params(&self.chain.rows).map_or(0, |params| params.reserved_space.get());
        let plain_max = self.entries_max * (10_000 - kept as usize) / 10_000;
        while let Some(waiting) = self.pool.pop_front() {
            let grave = is_grave(&waiting.body);
            let room = if grave { self.entries_max } else { plain_max };
            if entries.len() >= room {
                later.push_back(waiting);
                continue;
            }
            let who = &keys[waiting.from];
            let next = read::nonce(&self.chain.rows, who.id, 0);
            let entry = |nonce| Entry {
                federation: self.federation,
                sender: who.id,
                lane: 0,
                nonce,
                valid_until: now.after(VALID_FOR),
                fee_payer: None,
                cosigners: Vec::new(),
                body: waiting.body.clone(),
            };
            let tried = who.enter(entry(next));
            match preview(&self.chain.rows, now, &tried) {
                Ok(()) => {}
                Err(Refusal::StartTooEarly { .. }) => {
                    later.push_back(waiting);
                    continue;
                }
                Err(refusal) => {
                    match waiting.wish {
                        Some(wish) => fates.push((wish, refused(&refusal))),
                        None => self.forget_own(waiting.from),
                    }
                    continue;
                }
            }
            let nonce = nonces.entry(who.id).or_insert(next);
            let signed = if *nonce == next {
                tried
            } else {
                who.enter(entry(*nonce))
            };
            *nonce += 1;
            if grave {
                let waited = self.chain.height.get() - waiting.since.get();
                self.grave_wait = self.grave_wait.max(waited + 1);
            }
            if waiting.wish.is_none() {
                self.forget_own(waiting.from);
            }
            entries.push(signed);
            wishes.push(waiting.wish);
        }
        later.append(&mut self.pool);
        self.pool = later;
        (entries, wishes, fates)
    }

    fn forget_own(&mut self, from: usize) {
        if let Some(waits) = self.own.get_mut(&from) {
            *waits = waits.saturating_sub(1);
        }
    }
}

fn refused(refusal: &Refusal) -> Fate {
    let may_retry = matches!(
        refusal,
        Refusal::InsufficientBalance { .. }
            | Refusal::FeeUnpayable { .. }
            | Refusal::StartTooEarly { .. }
            | Refusal::NotEnoughPeers { .. }
            | Refusal::NotAllSealed { .. }
            | Refusal::CloseTooEarly { .. }
            | Refusal::DepositTooSmall { .. }
            | Refusal::NonceInFuture { .. }
    );
    let kind = match refusal {
        Refusal::InsufficientBalance { .. } | Refusal::FeeUnpayable { .. } => Kind::Money,
        Refusal::NotEnoughPeers { .. } | Refusal::NotEnoughOffers { .. } => Kind::Offers,
        _ => Kind::Other,
    };
    Fate::Refused {
        trouble: Trouble::new(kind, refusal.to_string()),
        may_retry,
    }
}
