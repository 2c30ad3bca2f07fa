//! Our wishes on their way to the ledger: signed, handed to every member, and answered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ledger::{Agreed, Ledger, Rejected};
use protocol::entry::{Body, Entry, SignedEntry};
use protocol::genesis::Genesis;
use protocol::ids::{EntryId, PeerId};
use protocol::message::{ENTRIES_MAX, Message};
use protocol::units::{Millis, Moment};

use steward::{Busy, Fate, Input, Kind, ProposalToken, Trouble};

use crate::api::door::{Reply, Wanted};
use crate::api::problem::{Code, Problem};
use crate::api::types::EntryView;
use crate::asked::{self, Signed};
use crate::keys::Keys;
use crate::outbox::Outbox;

/// The entries of one message take so many bytes at most, well below what a message may take.
const BATCH_BYTES_MAX: usize = 512 * 1_024;

/// Who waits to learn what became of an entry.
enum Asker {
    Steward(ProposalToken),
    Person(Reply<EntryView>),
    Nobody,
}

/// The entries that this peer signed or was handed signed, and that no block holds yet.
pub struct Entries {
    keys: Arc<Keys>,
    ledger: Arc<Ledger>,
    outbox: Outbox,
    signed: Signed,
    askers: BTreeMap<EntryId, Asker>,
    fresh: Vec<SignedEntry>,
    /// Which members refuse an entry of ours.
    against: BTreeMap<EntryId, BTreeSet<PeerId>>,
}

impl Entries {
    /// Starts in a lane that this party has not used: a random one, so that what was signed before
    /// a crash and is still on its way cannot collide with what is signed now.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub fn new(
        genesis: &Genesis,
        keys: Arc<Keys>,
        ledger: Arc<Ledger>,
    ) -> Result<Self, getrandom::Error> {
        let party = keys.party();
        let lane = random_lane()?;
        let nonce = rules::read::nonce(&ledger.ask(), party, lane);
        let outbox = Outbox::new(genesis.id(), party, lane, nonce);
        Ok(Self {
            keys,
            ledger,
            outbox,
            signed: Signed::default(),
            askers: BTreeMap::new(),
            fresh: Vec::new(),
            against: BTreeMap::new(),
        })
    }

    /// Signs a wish, or sends again what was signed for it. Answers at once only where the wish
    /// cannot be sent.
    pub fn propose(&mut self, now: Moment, token: ProposalToken, body: Body) -> Option<Input> {
        let is_it = |asker: &Asker| matches!(asker, Asker::Steward(other) if *other == token);
        if self.askers.values().any(is_it) {
            return None;
        }
        let checked_first = is_asked_once(&body);
        let keys = Arc::clone(&self.keys);
        let Some(entry) = self.outbox.sign(now, body, |entry| keys.sign_entry(entry)) else {
            return Some(Input::Busy(Busy::Propose(token)));
        };
        if checked_first && let Err(rejected) = self.ledger.preview(&entry) {
            self.outbox.take_back(&entry);
            let fate = Fate::Refused {
                trouble: trouble(&rejected),
                may_retry: false,
            };
            return Some(Input::Answered { token, fate });
        }
        self.askers.insert(entry.entry_id(), Asker::Steward(token));
        self.fresh.push(entry);
        None
    }

    /// Has agreed what this peer says of its own accord, and nobody waits for. What the ledger here
    /// refuses is not sent.
    ///
    /// # Errors
    /// The refusal, in words, or that too much waits.
    pub fn say(&mut self, now: Moment, body: Body) -> Result<(), String> {
        let keys = Arc::clone(&self.keys);
        let signed = self.outbox.sign(now, body, |entry| keys.sign_entry(entry));
        let entry = signed.ok_or_else(|| too_many().to_string())?;
        if let Err(rejected) = self.ledger.preview(&entry) {
            self.outbox.take_back(&entry);
            return Err(rejected.to_string());
        }
        self.askers.insert(entry.entry_id(), Asker::Nobody);
        self.fresh.push(entry);
        Ok(())
    }

    /// Has an entry agreed that a person asks for. What the ledger here refuses is answered at
    /// once; all else when a block holds it, when members refuse it, or when its life is over.
    pub fn enter(&mut self, now: Moment, wanted: Wanted, reply: Reply<EntryView>) {
        let entered = match wanted {
            Wanted::Ours(entry) => self.sign(now, *entry),
            Wanted::Signed(entry) => self.take_in(now, *entry),
        };
        match entered {
            Err(problem) => reply.give(Err(problem)),
            Ok(entry) => {
                self.askers.insert(entry.entry_id(), Asker::Person(reply));
                self.fresh.push(entry);
            }
        }
    }

    fn sign(&mut self, now: Moment, entry: Entry) -> Result<SignedEntry, Problem> {
        if !self.outbox.is_ours(&entry) {
            let why = "it is of another party or federation than this peer's";
            let problem = Problem::new(Code::NotAllowed, "this peer cannot sign that");
            return Err(problem
                .because(why)
                .try_this("--key FILE names another key"));
        }
        let keys = Arc::clone(&self.keys);
        let signed = self
            .outbox
            .sign(now, entry.body, |entry| keys.sign_entry(entry));
        let entry = signed.ok_or_else(too_many)?;
        let previewed = asked::preview(&self.ledger, now, &entry);
        if previewed.is_err() {
            self.outbox.take_back(&entry);
        }
        previewed.map(|()| entry)
    }

    fn take_in(&mut self, now: Moment, entry: SignedEntry) -> Result<SignedEntry, Problem> {
        asked::preview(&self.ledger, now, &entry)?;
        if self.signed.put(now, &entry) {
            Ok(entry)
        } else {
            Err(too_many())
        }
    }

    /// Learns from a block what became of our entries.
    pub fn agreed(&mut self, block: &Agreed) -> Vec<Input> {
        let mut fates = Vec::new();
        for answer in &block.answers {
            let ours = self.outbox.agreed(answer.entry);
            let body = ours.or_else(|| self.signed.take(answer.entry));
            self.against.remove(&answer.entry);
            let token = match self.askers.remove(&answer.entry) {
                None | Some(Asker::Nobody) => continue,
                Some(Asker::Steward(token)) => token,
                Some(Asker::Person(reply)) => {
                    asked::tell(reply, &self.ledger, block, answer, body.as_ref());
                    continue;
                }
            };
            let fate = answer
                .refused
                .as_ref()
                .map_or(Fate::Agreed, |refused| Fate::Refused {
                    trouble: Trouble::new(kind(refused.code), &*refused.why),
                    may_retry: true,
                });
            fates.push(Input::Answered { token, fate });
        }
        fates
    }

    /// A member says that an entry of ours will not enter a block. One member may be wrong, or
    /// behind: it is believed once so many say so that one of them is right.
    pub fn refused(&mut self, from: PeerId, id: EntryId, why: &str) -> Option<Input> {
        let waiting = self.outbox.entry(id).or_else(|| self.signed.entry(id));
        let entry = waiting?.clone();
        let members = self.ledger.member_nodes();
        if !members.contains(&from) || !self.askers.contains_key(&id) {
            return None;
        }
        let against = self.against.entry(id).or_default();
        against.insert(from);
        let faulty_max = members.len().saturating_sub(1) / 3;
        if against.len() <= faulty_max {
            return None;
        }
        let lane = random_lane().ok()?;
        let rejected = self.ledger.preview(&entry).err();
        let may_retry = !is_asked_once(&entry.unchecked().body);
        self.outbox.give_up(id, lane);
        self.signed.take(id);
        self.against.remove(&id);
        let token = match self.askers.remove(&id)? {
            Asker::Steward(token) => token,
            Asker::Nobody => return None,
            Asker::Person(reply) => {
                reply.give(Err(match rejected {
                    Some(Rejected::Refusal(why)) => asked::refusal(why.code(), &why.to_string()),
                    _ => Problem::new(Code::Failed, "members refuse it").because(why),
                }));
                return None;
            }
        };
        let trouble = match rejected {
            Some(rejected) => trouble(&rejected),
            None => Trouble::new(Kind::Other, format!("members refuse it: {why}")),
        };
        let fate = Fate::Refused { trouble, may_retry };
        Some(Input::Answered { token, fate })
    }

    /// Adds what was lost or has outlived its time to what is to be sent.
    pub fn tend(&mut self, now: Moment, agreed_time: Moment) {
        self.fresh.extend(self.outbox.again(now));
        self.fresh.extend(self.signed.again(now));
        for id in self.signed.over(agreed_time) {
            self.signed.take(id);
            if let Some(Asker::Person(reply)) = self.askers.remove(&id) {
                let problem = Problem::new(Code::TimedOut, "no block took it while it was valid");
                reply.give(Err(problem.try_this("peer ledger status")));
            }
        }
        let Ok(lane) = random_lane() else { return };
        let keys = Arc::clone(&self.keys);
        let old: Vec<EntryId> = self.outbox.ids().collect();
        let renewed = self
            .outbox
            .renew(agreed_time, now, lane, |entry| keys.sign_entry(entry));
        if renewed.is_empty() {
            return;
        }
        for (entry, old) in renewed.iter().zip(old) {
            if let Some(asker) = self.askers.remove(&old) {
                self.askers.insert(entry.entry_id(), asker);
            }
        }
        self.against.clear();
        self.fresh.extend(renewed);
    }

    /// When [`Entries::tend`] next has something to do.
    pub fn wake_at(&self) -> Option<Moment> {
        let wishes = [self.outbox.wake_at(), self.signed.wake_at()];
        wishes.into_iter().flatten().min()
    }

    /// What is to be handed to every member now, in messages that are small enough.
    pub fn take_messages(&mut self) -> Vec<Message> {
        batches(std::mem::take(&mut self.fresh))
            .into_iter()
            .map(Message::Entries)
            .collect()
    }
}

fn too_many() -> Problem {
    Problem::new(Code::Busy, "it waits already, or too many entries do").try_this("peer status")
}

/// Whether whoever waits for the answer would rather hear no than wait for better times.
const fn is_asked_once(body: &Body) -> bool {
    matches!(
        body,
        Body::Submit { .. } | Body::Decline { to: Some(_), .. }
    )
}

fn trouble(rejected: &Rejected) -> Trouble {
    let kind = match rejected {
        Rejected::Refusal(refusal) => kind(refusal.code()),
        Rejected::NotAnEntry(_) => Kind::Other,
    };
    Trouble::new(kind, rejected.to_string())
}

/// Which kind of trouble a refusal of this number is.
fn kind(code: u16) -> Kind {
    match code {
        9 | 22 | 23 | 105 | 110 | 140..=142 => Kind::Money,
        130 => Kind::Unknown,
        41 | 53 | 60 => Kind::Offers,
        50..=52 => Kind::Request,
        _ => Kind::Other,
    }
}

/// Cuts entries, in order, into lists that fit into a message each.
pub fn batches(entries: Vec<SignedEntry>) -> Vec<Vec<SignedEntry>> {
    let mut batches: Vec<Vec<SignedEntry>> = Vec::new();
    let mut room = 0;
    for entry in entries {
        let size = protocol::bytes::write(&entry).len();
        match batches.last_mut() {
            Some(batch) if size <= room && batch.len() < ENTRIES_MAX => {
                room -= size;
                batch.push(entry);
            }
            _ => {
                room = BATCH_BYTES_MAX.saturating_sub(size);
                batches.push(vec![entry]);
            }
        }
    }
    batches
}

/// How often lost entries are looked for.
pub const TEND_EVERY: Millis = Millis::new(200);

fn random_lane() -> Result<u16, getrandom::Error> {
    let mut bytes = [0; 2];
    getrandom::fill(&mut bytes)?;
    Ok(u16::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests;
