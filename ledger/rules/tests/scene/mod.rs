//! A federation in a test: four members, six workers each at a desk of its own, a researcher. One
//! line enters an entry in a block of its own; after every block the books are counted anew.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each file of tests uses a part of the scene, and fails where it is not as it says"
)]

use std::collections::BTreeMap;
use std::sync::OnceLock;

use ed25519_dalek::SigningKey;
use protocol::entry::{Body, CheckedEntry, Entry, SignedEntry};
use protocol::event::Event;
use protocol::genesis::{Committee, Desk, Genesis, Grant, Issuance, Member, Params};
use protocol::ids::{Digest, PartyId, PeerId, PublicKey};
use protocol::job::Class;
use protocol::units::{Credits, Height, Millis, Moment};
use rules::{At, Refusal, apply_block, begin, books, read};

/// Workers in a scene, `W0` to `W5`.
pub(crate) const WORKERS: u8 = 6;

/// Whole credits.
pub(crate) fn cr(credits: u64) -> Credits {
    Credits::new(credits * 1_000_000)
}

/// The secret key number `n`, made once.
pub(crate) fn key(n: u8) -> SigningKey {
    static KEYS: [OnceLock<SigningKey>; 256] = [const { OnceLock::new() }; 256];
    let made = KEYS[usize::from(n)].get_or_init(|| SigningKey::from_bytes(&[n; 32]));
    made.clone()
}

/// The public half of key number `n`.
pub(crate) fn public(n: u8) -> PublicKey {
    PublicKey::new(key(n).verifying_key().to_bytes())
}

/// The node whose key is number `n`.
pub(crate) fn node(n: u8) -> PeerId {
    PeerId::new(*public(n).bytes())
}

/// Someone who signs entries, by the number of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Who(pub u8);

/// The researcher.
pub(crate) const R: Who = Who(61);
/// Someone with a wallet and nothing to do with jobs.
pub(crate) const ANNA: Who = Who(62);

/// The party of member `n`, 0 to 3.
pub(crate) fn member(n: u8) -> Who {
    Who(1 + n)
}

/// The desk of worker `n`.
pub(crate) fn desk(n: u8) -> Who {
    Who(31 + n)
}

/// The owner of worker `n`.
pub(crate) fn owner(n: u8) -> Who {
    Who(41 + n)
}

/// The node of worker `n`.
pub(crate) fn worker(n: u8) -> PeerId {
    node(51 + n)
}

impl Who {
    pub(crate) fn party(self) -> PartyId {
        PartyId::of(&public(self.0))
    }
}

/// The first state of every scene.
pub(crate) fn genesis() -> Genesis {
    let members = (0..4).map(|n| Member {
        name: format!("M{n}"),
        party: public(1 + n),
        consensus: public(11 + n),
        peer: node(21 + n),
        power: 1,
        bond: cr(1_000),
    });
    let desks = (0..WORKERS).map(|n| Desk {
        name: format!("D{n}"),
        party: public(31 + n),
    });
    let rich = (1..=4)
        .chain(31..31 + WORKERS)
        .chain(41..41 + WORKERS)
        .chain([R.0, ANNA.0]);
    let grants = rich.map(|n| Grant {
        party: public(n),
        amount: cr(100_000),
    });
    Genesis {
        name: "scene".into(),
        begins: Moment::new(1_000_000),
        devnet: true,
        members: members.collect(),
        desks: desks.collect(),
        grants: grants.collect(),
        // Stories of two copies are told with newcomers; the tiers have stories of their own. And
        // slashes are shared out at once, but where a test is about the time between.
        params: Params {
            copies_probation: 2,
            appeal_window: Millis::ZERO,
            ..Params::standard()
        },
        issuance: Issuance::Fixed,
        emergency: Committee::NOBODY,
    }
}

/// A federation, its last block, and everything it said.
pub(crate) struct Scene {
    pub(crate) genesis: Genesis,
    pub(crate) rows: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) at: At,
    pub(crate) events: Vec<Event>,
    pub(crate) blocks: Vec<(At, Vec<CheckedEntry>)>,
    nonces: BTreeMap<Who, u64>,
}

impl Scene {
    /// As the genesis leaves it.
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// With other numbers.
    pub(crate) fn with(change: impl FnOnce(&mut Params)) -> Self {
        let mut genesis = genesis();
        change(&mut genesis.params);
        Self::of(genesis)
    }

    /// As this genesis leaves it.
    pub(crate) fn of(genesis: Genesis) -> Self {
        Self {
            rows: begin(&genesis).unwrap(),
            at: At {
                height: Height::GENESIS,
                now: genesis.begins,
                parent: Digest::of(b"before"),
            },
            genesis,
            events: Vec::new(),
            blocks: Vec::new(),
            nonces: BTreeMap::new(),
        }
    }

    /// With all workers admitted, bonded with `bond` and standing ready at `per_gfuel`.
    pub(crate) fn ready(mut self, bond: Credits, per_gfuel: Credits) -> Self {
        for n in 0..WORKERS {
            self.admit(n, bond);
            self.offer(n, 4, per_gfuel).unwrap();
        }
        self
    }

    pub(crate) fn admit(&mut self, n: u8, bond: Credits) {
        let (peer, owner_party) = (worker(n), owner(n).party());
        let admit = Body::AdmitPeer {
            peer,
            owner: owner_party,
        };
        self.enter(desk(n), admit).unwrap();
        let amount = bond;
        self.enter(owner(n), Body::Bond { peer, amount }).unwrap();
    }

    pub(crate) fn offer(&mut self, n: u8, slots: u16, per_gfuel: Credits) -> Result<(), Refusal> {
        let offer = Body::PublishOffer {
            peer: worker(n),
            class: Class::Grid,
            slots,
            per_gfuel,
        };
        self.enter(owner(n), offer)
    }

    /// Signs what someone asks, with the next nonce.
    pub(crate) fn sign(&mut self, who: Who, body: Body) -> CheckedEntry {
        let nonce = read::nonce(&self.rows, who.party(), 0);
        self.sign_as(who, nonce, body)
    }

    pub(crate) fn sign_as(&self, who: Who, nonce: u64, body: Body) -> CheckedEntry {
        let entry = Entry {
            federation: self.genesis.id(),
            sender: who.party(),
            lane: 0,
            nonce,
            valid_until: self.at.now.after(Millis::new(60_000)),
            fee_payer: None,
            cosigners: Vec::new(),
            body,
        };
        SignedEntry::sign(entry, &key(who.0)).check().unwrap()
    }

    /// One entry in a block of its own.
    pub(crate) fn enter(&mut self, who: Who, body: Body) -> Result<(), Refusal> {
        let entry = self.sign(who, body);
        self.block(10, vec![entry]).remove(0)
    }

    /// A block `later` ms after the last.
    pub(crate) fn block(
        &mut self,
        later: u64,
        entries: Vec<CheckedEntry>,
    ) -> Vec<Result<(), Refusal>> {
        self.at = self.next(later);
        let applied = apply_block(&self.rows, &self.at, &entries);
        for (key, row) in applied.updates {
            match row {
                Some(row) => self.rows.insert(key, row),
                None => self.rows.remove(&key),
            };
        }
        self.events.extend(applied.events);
        self.blocks.push((self.at, entries));
        let counted =
            books::recount(self.rows.iter().map(|(key, row)| (&key[..], &row[..]))).unwrap();
        assert_eq!(counted, read::supply(&self.rows));
        applied.answers
    }

    fn next(&self, later: u64) -> At {
        let parent = Digest::derive("scene", &[self.at.parent.bytes(), &later.to_le_bytes()]);
        At {
            height: self.at.height.after(1),
            now: self.at.now.after(Millis::new(later)),
            parent,
        }
    }

    /// The rows as a block with this entry would leave them.
    pub(crate) fn tried(&self, later: u64, entry: &CheckedEntry) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let entries = vec![entry.clone()];
        let applied = apply_block(&self.rows, &self.next(later), &entries);
        let mut rows = self.rows.clone();
        for (key, row) in applied.updates {
            match row {
                Some(row) => rows.insert(key, row),
                None => rows.remove(&key),
            };
        }
        rows
    }

    /// Lets time pass: an empty block after `span`.
    pub(crate) fn wait(&mut self, span: Millis) {
        self.block(span.get(), vec![]);
    }

    pub(crate) fn has(&self, who: Who) -> Credits {
        read::wallet(&self.rows, who.party()).available
    }

    pub(crate) fn bond(&self, peer: PeerId) -> Credits {
        read::peer(&self.rows, peer).unwrap().bond
    }

    pub(crate) fn locked(&self, peer: PeerId) -> Credits {
        read::peer(&self.rows, peer).unwrap().peer.locked
    }
}
