//! Our wishes on their way to the ledger: signed, handed to every member, and answered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ledger::{Agreed, Ledger, Rejected};
use protocol::entry::{Body, SignedEntry};
use protocol::genesis::Genesis;
use protocol::ids::{EntryId, PeerId};
use protocol::message::{ENTRIES_MAX, Message};
use protocol::units::{Millis, Moment};

use steward::{Busy, Fate, Input, Kind, ProposalToken, Trouble};

use crate::keys::Keys;
use crate::outbox::Outbox;

/// The entries of one message take so many bytes at most, well below what a message may take.
const BATCH_BYTES_MAX: usize = 512 * 1_024;

/// The entries that this peer signed and that no block holds yet.
pub struct Entries {
    keys: Arc<Keys>,
    ledger: Arc<Ledger>,
    outbox: Outbox,
    tokens: BTreeMap<EntryId, ProposalToken>,
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
            tokens: BTreeMap::new(),
            fresh: Vec::new(),
            against: BTreeMap::new(),
        })
    }

    /// Signs a wish, or sends again what was signed for it. Answers at once only where the wish
    /// cannot be sent.
    pub fn propose(&mut self, now: Moment, token: ProposalToken, body: Body) -> Option<Input> {
        if self.tokens.values().any(|waiting| *waiting == token) {
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
        self.tokens.insert(entry.entry_id(), token);
        self.fresh.push(entry);
        None
    }

    /// Learns from a block what became of our entries.
    pub fn agreed(&mut self, block: &Agreed) -> Vec<Input> {
        let mut fates = Vec::new();
        for answer in &block.answers {
            self.outbox.agreed(answer.entry);
            self.against.remove(&answer.entry);
            let Some(token) = self.tokens.remove(&answer.entry) else {
                continue;
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
        let (token, entry) = (*self.tokens.get(&id)?, self.outbox.entry(id)?);
        let members = self.ledger.member_nodes();
        if !members.contains(&from) {
            return None;
        }
        let against = self.against.entry(id).or_default();
        against.insert(from);
        let faulty_max = members.len().saturating_sub(1) / 3;
        if against.len() <= faulty_max {
            return None;
        }
        let lane = random_lane().ok()?;
        let trouble = match self.ledger.preview(entry) {
            Err(rejected) => trouble(&rejected),
            Ok(()) => Trouble::new(Kind::Other, format!("members refuse it: {why}")),
        };
        let may_retry = !is_asked_once(&entry.unchecked().body);
        self.outbox.give_up(id, lane);
        self.tokens.remove(&id);
        self.against.remove(&id);
        let fate = Fate::Refused { trouble, may_retry };
        Some(Input::Answered { token, fate })
    }

    /// Adds what was lost or has outlived its time to what is to be sent.
    pub fn tend(&mut self, now: Moment, agreed_time: Moment) {
        self.fresh.extend(self.outbox.again(now));
        let Ok(lane) = random_lane() else { return };
        let keys = Arc::clone(&self.keys);
        let old: Vec<_> = self
            .outbox
            .ids()
            .map(|id| self.tokens.get(&id).copied())
            .collect();
        let renewed = self
            .outbox
            .renew(agreed_time, now, lane, |entry| keys.sign_entry(entry));
        if renewed.is_empty() {
            return;
        }
        let named = renewed.iter().map(SignedEntry::entry_id).zip(old);
        self.tokens = named.filter_map(|(id, token)| Some((id, token?))).collect();
        self.against.clear();
        self.fresh.extend(renewed);
    }

    /// When [`Entries::tend`] next has something to do.
    pub fn wake_at(&self) -> Option<Moment> {
        self.outbox.wake_at()
    }

    /// What is to be handed to every member now, in messages that are small enough.
    pub fn take_messages(&mut self) -> Vec<Message> {
        batches(std::mem::take(&mut self.fresh))
            .into_iter()
            .map(Message::Entries)
            .collect()
    }
}

/// Whether somebody waits for the answer, and would rather hear no than wait for better times.
const fn is_asked_once(body: &Body) -> bool {
    matches!(body, Body::Submit { .. })
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
        9 | 22 | 23 => Kind::Money,
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
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use ledger::{NoCarrier, Role, WallClock};
    use protocol::ids::PartyId;
    use protocol::units::Credits;
    use rules::Refusal;

    use super::*;
    use crate::devnet::Plan;
    use crate::driver::now;
    use crate::parts::read_genesis;

    /// The entries of a devnet's researcher, who has heard of no block yet.
    fn researcher(dir: &Path) -> (Entries, Genesis) {
        let plan = Plan::make(dir, 4, 0).unwrap();
        let home = &plan.place("researcher").unwrap().home;
        let genesis = read_genesis(&home.genesis()).unwrap();
        let config = ledger::Config {
            home: home.root().to_owned(),
            genesis: genesis.clone(),
            role: Role::Follower,
            view_time: Duration::from_secs(1),
            clock: Arc::new(WallClock),
        };
        let ledger = Arc::new(Ledger::start(config, Arc::new(NoCarrier)).unwrap());
        let keys = Arc::new(Keys::load(&home.keys()).unwrap());
        (Entries::new(&genesis, keys, ledger).unwrap(), genesis)
    }

    fn sent(entries: &mut Entries) -> SignedEntry {
        let messages = entries.take_messages();
        let [Message::Entries(sent)] = &messages[..] else {
            panic!("one message: {messages:?}")
        };
        sent.first().expect("one entry").clone()
    }

    #[test]
    fn members_are_believed_when_one_of_those_who_refuse_must_be_right() {
        let dir = tempfile::tempdir().unwrap();
        let (mut entries, genesis) = researcher(dir.path());
        let member = |nth: usize| genesis.members[nth].peer;
        let body = || Body::Transfer {
            moves: vec![(PartyId::of(&genesis.members[0].party), Credits::new(1))],
        };
        let token = ProposalToken(1);
        assert_eq!(entries.propose(now(), token, body()), None);
        let entry = sent(&mut entries);
        let id = entry.entry_id();
        let why = "it touches too many rows";
        assert_eq!(entries.refused(PeerId::new([7; 32]), id, why), None);
        assert_eq!(entries.refused(member(0), id, why), None);
        assert_eq!(entries.refused(member(0), id, why), None, "it is one voice");
        let fate = Fate::Refused {
            trouble: Trouble::new(Kind::Other, format!("members refuse it: {why}")),
            may_retry: true,
        };
        let told = entries.refused(member(3), id, why);
        assert_eq!(told, Some(Input::Answered { token, fate }));
        assert_eq!(entries.refused(member(2), id, why), None, "it is told once");
        assert_eq!(entries.wake_at(), None, "it is not sent again");

        assert_eq!(entries.propose(now(), ProposalToken(2), body()), None);
        let next = sent(&mut entries);
        assert_eq!(next.unchecked().nonce, 0, "nothing waits behind it");
        assert_ne!(next.unchecked().lane, entry.unchecked().lane);
    }

    #[test]
    fn refusals_keep_their_kinds() {
        let (needs, has) = (Credits::new(2), Credits::new(1));
        for (refusal, expected) in [
            (Refusal::FeeUnpayable { needs, has }, Kind::Money),
            (Refusal::InsufficientBalance { needs, has }, Kind::Money),
            (Refusal::AmountTooLarge, Kind::Money),
            (Refusal::TooFewCopies { min: 2 }, Kind::Request),
            (Refusal::PriceIsZero { needed: needs }, Kind::Request),
            (Refusal::RosterFull, Kind::Other),
            (Refusal::UnknownJob, Kind::Other),
        ] {
            assert_eq!(kind(refusal.code()), expected, "{refusal}");
        }
        let offers = Refusal::NotEnoughOffers {
            class: "grid",
            have: 1,
            copies: 2,
        };
        assert_eq!(kind(offers.code()), Kind::Offers);
    }
}
