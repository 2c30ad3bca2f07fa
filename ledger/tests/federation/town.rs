//! A federation in one process: real ledgers on real disks, joined by channels in place of links.

use ed25519_dalek::SigningKey;
use ledger::{
    Carrier, Clock, Config, Feed, Lane, Ledger, MemberKey, NoCarrier, PoolRefusal, Role, WallClock,
};
use protocol::entry::{Body, Entry, SignedEntry};
use protocol::genesis::{Committee, Genesis, Grant, Issuance, Member, Params};
use protocol::ids::{EntryId, PartyId, PeerId, PublicKey};
use protocol::signed::Signed;
use protocol::units::{Credits, Height, Millis};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, RwLock, Weak};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub(crate) const MEMBERS: u8 = 4;
/// Homes for those who may become members, beside those of members.
const MORE: u8 = 1;
pub(crate) const VIEW: Duration = Duration::from_secs(1);
/// What must happen happens within this, however loaded the machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
/// Frames that wait on one link.
const LINK: usize = 4_096;

pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

pub(crate) fn public(key: &SigningKey) -> PublicKey {
    PublicKey::new(key.verifying_key().to_bytes())
}

pub(crate) fn party(seed: u8) -> PartyId {
    PartyId::of(&public(&key(seed)))
}

pub(crate) fn consensus(number: u8) -> SigningKey {
    key(100 + number)
}

/// The key that takes that one's place, if the member has it replaced; it lies at its ledger too.
pub(crate) fn next_consensus(number: u8) -> SigningKey {
    key(120 + number)
}

pub(crate) fn peer(number: u8) -> PeerId {
    PeerId::new(key(150 + number).verifying_key().to_bytes())
}

/// Members 0 to 3, whose parties are 1 to 4; parties 10 to 29 hold 1 000 credits each.
pub(crate) fn genesis() -> Genesis {
    let member = |number: u8| Member {
        name: format!("member {number}"),
        party: public(&key(1 + number)),
        consensus: public(&consensus(number)),
        peer: peer(number),
        power: 1,
        bond: Credits::new(10_000_000),
    };
    let parties = (1..=MEMBERS).chain(10..30);
    let grant = |seed| Grant {
        party: public(&key(seed)),
        amount: Credits::new(1_000_000_000),
    };
    Genesis {
        name: "town".into(),
        begins: WallClock.now(),
        devnet: true,
        members: (0..MEMBERS).map(member).collect(),
        desks: vec![],
        grants: parties.map(grant).collect(),
        params: Params::standard(),
        issuance: Issuance::Fixed,
        emergency: Committee::NOBODY,
    }
}

type Link = SyncSender<(PeerId, Vec<u8>)>;

/// The links of one member: everyone's inbox, by consensus key, and who is cut off.
#[derive(Clone, Default)]
struct Links(
    Arc<RwLock<BTreeMap<[u8; 32], Link>>>,
    Arc<RwLock<BTreeSet<PeerId>>>,
);

struct From {
    me: PeerId,
    links: Links,
}

impl Carrier for From {
    fn send(&self, to: &MemberKey, _lane: Lane, bytes: Vec<u8>) {
        if self.links.1.read().unwrap().contains(&self.me) {
            return;
        }
        let links = self.links.0.read().unwrap();
        if let Some(link) = links.get(to.bytes()) {
            // A full link drops, as a real one does.
            let _sent = link.try_send((self.me, bytes));
        }
    }
}

fn pump(ledger: Weak<Ledger>, frames: Receiver<(PeerId, Vec<u8>)>) {
    while let Ok((from, frame)) = frames.recv() {
        let Some(ledger) = ledger.upgrade() else {
            return;
        };
        let _taken = ledger.deliver(&from, &frame);
    }
}

pub(crate) struct Town {
    pub(crate) genesis: Genesis,
    pub(crate) members: Vec<Option<Arc<Ledger>>>,
    homes: Vec<TempDir>,
    links: Links,
    nonces: BTreeMap<u8, u64>,
}

impl Town {
    pub(crate) fn new() -> Self {
        Self::of(genesis())
    }

    pub(crate) fn of(genesis: Genesis) -> Self {
        let all = 0..MEMBERS + MORE;
        let homes = all.clone().map(|_| tempfile::tempdir().unwrap()).collect();
        let mut town = Self {
            genesis,
            members: all.map(|_| None).collect(),
            homes,
            links: Links::default(),
            nonces: BTreeMap::new(),
        };
        for number in 0..MEMBERS {
            town.start(number, Arc::new(WallClock));
        }
        town
    }

    pub(crate) fn home(&self, number: u8) -> &Path {
        self.homes[usize::from(number)].path()
    }

    pub(crate) fn start(&mut self, number: u8, clock: Arc<dyn Clock>) {
        let (link, frames) = sync_channel(LINK);
        let keys = vec![consensus(number), next_consensus(number)];
        for key in &keys {
            let mut links = self.links.0.write().unwrap();
            links.insert(key.verifying_key().to_bytes(), link.clone());
        }
        self.links.1.write().unwrap().remove(&peer(number));
        let carrier = From {
            me: peer(number),
            links: self.links.clone(),
        };
        let config = Config {
            home: self.home(number).to_path_buf(),
            genesis: self.genesis.clone(),
            role: Role::Member { keys },
            view_time: VIEW,
            clock,
        };
        let ledger = Arc::new(Ledger::start(config, Arc::new(carrier)).unwrap());
        let fed = Arc::downgrade(&ledger);
        std::thread::spawn(move || pump(fed, frames));
        self.members[usize::from(number)] = Some(ledger);
    }

    pub(crate) fn stop(&mut self, number: u8) {
        self.unlink(number);
        if let Some(ledger) = self.members[usize::from(number)].take() {
            ledger.stop();
            closed(ledger);
        }
    }

    /// From now on nothing gets to or from this member, until it is started again.
    pub(crate) fn silence(&self, number: u8) {
        self.links.1.write().unwrap().insert(peer(number));
        self.unlink(number);
    }

    fn unlink(&self, number: u8) {
        for key in [consensus(number), next_consensus(number)] {
            let key = key.verifying_key().to_bytes();
            self.links.0.write().unwrap().remove(&key);
        }
    }

    pub(crate) fn member(&self, number: u8) -> &Ledger {
        self.members[usize::from(number)].as_ref().expect("it runs")
    }

    pub(crate) fn running(&self) -> impl Iterator<Item = &Arc<Ledger>> {
        self.members.iter().flatten()
    }

    pub(crate) fn entry(&mut self, from: u8, body: Body) -> SignedEntry {
        let nonce = self.nonces.entry(from).or_default();
        let entry = Entry {
            federation: self.genesis.id(),
            sender: party(from),
            lane: 0,
            nonce: *nonce,
            valid_until: WallClock.now().after(Millis::new(600_000)),
            fee_payer: None,
            cosigners: Vec::new(),
            body,
        };
        *nonce += 1;
        Signed::sign(entry, &key(from))
    }

    pub(crate) fn transfer(&mut self, from: u8, to: u8, amount: u64) -> SignedEntry {
        self.entry(
            from,
            Body::Transfer {
                moves: vec![(party(to), Credits::new(amount))],
            },
        )
    }

    /// Hands an entry to every running member. Some may agree on it before the others hear of it.
    pub(crate) fn propose(&self, entry: &SignedEntry) -> EntryId {
        let members = self.running().filter(|ledger| ledger.status().is_member);
        for (place, member) in members.enumerate() {
            match member.propose(entry) {
                Err(PoolRefusal::NonceUsed { .. }) if place > 0 => {}
                taken => assert_eq!(taken, Ok(entry.entry_id())),
            }
        }
        entry.entry_id()
    }
}

/// Waits until nobody else holds the ledger, so that its disk is closed.
fn closed(ledger: Arc<Ledger>) {
    let end = Instant::now() + PATIENCE;
    let mut ledger = Some(ledger);
    while let Some(held) = ledger.take() {
        match Arc::try_unwrap(held) {
            Ok(alone) => drop(alone),
            Err(held) => {
                assert!(Instant::now() < end, "somebody keeps the ledger");
                std::thread::sleep(Duration::from_millis(5));
                ledger = Some(held);
            }
        }
    }
}

/// Waits until these entries are answered, and returns the height of the last.
pub(crate) fn await_entries(ledger: &Ledger, from: Height, entries: &[EntryId]) -> Height {
    let mut feed: Feed = ledger.agreed_from(from);
    let mut open: Vec<EntryId> = entries.to_vec();
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        let Some(block) = feed.next(Duration::from_millis(200)) else {
            continue;
        };
        for answer in &block.answers {
            assert_eq!(answer.refused, None);
            open.retain(|entry| *entry != answer.entry);
        }
        if open.is_empty() {
            return block.height;
        }
    }
    panic!(
        "{} of {} entries were not agreed: {:?}",
        open.len(),
        entries.len(),
        ledger.status()
    );
}

pub(crate) fn await_height(ledger: &Ledger, height: Height) {
    let end = Instant::now() + PATIENCE;
    while ledger.status().height < height {
        assert!(
            Instant::now() < end,
            "not at {height}: {:?}",
            ledger.status()
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) fn follower(home: PathBuf, genesis: &Genesis) -> Ledger {
    let config = Config {
        home,
        genesis: genesis.clone(),
        role: Role::Follower,
        view_time: VIEW,
        clock: Arc::new(WallClock),
    };
    Ledger::start(config, Arc::new(NoCarrier)).unwrap()
}

/// Follows `source` up to `height`.
pub(crate) fn follow(follower: &Ledger, source: &Ledger, height: Height) {
    let end = Instant::now() + PATIENCE;
    while follower.status().height < height {
        assert!(
            Instant::now() < end,
            "does not follow: {:?}",
            follower.status()
        );
        if let Some(frame) = source.follow_out(follower.follow_from(), Duration::from_millis(200)) {
            assert_eq!(
                follower.follow_in(&frame.bytes).unwrap().after(1),
                frame.next
            );
        }
    }
}

/// The root of the state after the block at `height`, as this ledger has it.
pub(crate) fn root_at(ledger: &Ledger, height: Height) -> protocol::ids::Digest {
    let frame = ledger
        .follow_out(height, Duration::ZERO)
        .expect("the block is agreed");
    ledger::follow::headings(&frame.bytes).unwrap()[0].state
}
