//! A ledger in memory that only the rules keep: blocks are timed, their rows written, nothing is
//! hashed, sent or stored.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use ed25519_dalek::SigningKey;
use protocol::entry::{Body, CheckedEntry, Entry, SignedEntry};
use protocol::genesis::{Committee, Desk, Genesis, Grant, Issuance, Member, Params};
use protocol::ids::{Digest, PartyId, PeerId, PublicKey};
use protocol::job::Class;
use protocol::units::{Credits, Height, Millis, Moment};
use rules::{At, View, apply_block, begin};

/// Parties of the genesis: four members, all others community desks.
pub const SPONSORS: u32 = 40;
/// A block holds about so many entries when a federation is busy.
pub const ENTRIES_PER_BLOCK: usize = 1_000;
/// The first of the keys that belong to nodes.
const FIRST_NODE: u32 = 1 << 24;

/// The secret key number `n`.
pub fn key(n: u32) -> SigningKey {
    SigningKey::from_bytes(Digest::of(&n.to_le_bytes()).bytes())
}

fn public(n: u32) -> PublicKey {
    PublicKey::new(key(n).verifying_key().to_bytes())
}

/// The party of key number `n`.
pub fn party(n: u32) -> PartyId {
    PartyId::of(&public(n))
}

/// The secret key of the `n`th peer's node.
pub fn node_key(n: u32) -> SigningKey {
    key(FIRST_NODE + n)
}

/// The `n`th peer.
pub fn peer(n: u32) -> PeerId {
    PeerId::new(node_key(n).verifying_key().to_bytes())
}

fn genesis() -> Genesis {
    let member = |n| Member {
        name: format!("member {n}"),
        party: public(n),
        consensus: public(1_000 + n),
        peer: PeerId::new(*public(2_000 + n).bytes()),
        power: 1,
        bond: Credits::new(1_000_000_000),
    };
    let desk = |n| Desk {
        name: format!("desk {n}"),
        party: public(n),
    };
    let grant = |n| Grant {
        party: public(n),
        amount: Credits::new(10_000_000_000_000),
    };
    Genesis {
        name: "bench".into(),
        begins: Moment::new(1_000_000),
        devnet: true,
        members: (0..4).map(member).collect(),
        desks: (4..SPONSORS).map(desk).collect(),
        grants: (0..SPONSORS).map(grant).collect(),
        // Newcomers run in two copies here, as peers that have proven themselves do.
        params: Params {
            copies_probation: 2,
            ..Params::standard()
        },
        issuance: Issuance::Fixed,
        emergency: Committee::NOBODY,
    }
}

/// Rows in memory, each found in one step however many there are: what is timed is the rules.
pub struct Rows(pub HashMap<Vec<u8>, Vec<u8>>);

impl View for Rows {
    fn read(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.0.get(key).cloned()
    }
}

/// The rules' state, and where its chain stands.
pub struct Ledger {
    genesis: Genesis,
    /// Every row.
    pub rows: Rows,
    at: At,
    signers: HashMap<u32, (SigningKey, PartyId, u64)>,
}

impl Ledger {
    /// As the genesis leaves it.
    pub fn new() -> Self {
        let genesis = genesis();
        Self {
            rows: Rows(
                begin(&genesis)
                    .expect("a good genesis")
                    .into_iter()
                    .collect(),
            ),
            at: At {
                height: Height::GENESIS,
                now: genesis.begins,
                parent: Digest::of(b"before"),
            },
            genesis,
            signers: HashMap::new(),
        }
    }

    /// The federation that seals name.
    pub fn federation(&self) -> protocol::ids::FederationId {
        self.genesis.id()
    }

    /// What someone asks, with the next nonce, signed and checked.
    pub fn sign(&mut self, who: u32, body: Body) -> CheckedEntry {
        let federation = self.genesis.id();
        let signer = self.signers.entry(who);
        let (key, sender, nonce) = signer.or_insert_with(|| (key(who), party(who), 0));
        let entry = Entry {
            federation,
            sender: *sender,
            lane: 0,
            nonce: *nonce,
            fee_payer: None,
            cosigners: Vec::new(),
            valid_until: self.at.now.after(Millis::new(60_000)),
            body,
        };
        *nonce += 1;
        let signed = SignedEntry::sign(entry, key);
        signed.check().expect("just signed")
    }

    /// A block, and how long its rules took. Every entry must be a good one.
    pub fn block(&mut self, entries: &[CheckedEntry]) -> Duration {
        self.at = At {
            height: self.at.height.after(1),
            now: self.at.now.after(Millis::new(10)),
            parent: Digest::derive("bench", &[self.at.parent.bytes()]),
        };
        let begun = Instant::now();
        let applied = apply_block(&self.rows, &self.at, entries);
        let took = begun.elapsed();
        for answer in &applied.answers {
            assert_eq!(answer, &Ok(()), "every entry is a good one");
        }
        for (key, row) in applied.updates {
            match row {
                Some(row) => self.rows.0.insert(key, row),
                None => self.rows.0.remove(&key),
            };
        }
        took
    }

    /// Blocks of all these requests, and how long their rules took. Signing them is not counted.
    pub fn blocks(&mut self, requests: impl IntoIterator<Item = (u32, Body)>) -> Duration {
        let (mut waiting, mut took) = (Vec::new(), Duration::ZERO);
        for (who, body) in requests {
            let entry = self.sign(who, body);
            waiting.push(entry);
            if waiting.len() == ENTRIES_PER_BLOCK {
                took += self.block(&std::mem::take(&mut waiting));
            }
        }
        took + self.block(&waiting)
    }

    /// Lets so many peers in, bonded and on offer, and returns how long the rules took.
    pub fn admit(&mut self, peers: u32) -> Duration {
        self.blocks((0..peers).flat_map(|n| {
            let (who, peer) = (n % SPONSORS, peer(n));
            let owner = party(who);
            let amount = Credits::new(1_000_000_000);
            let offer = Body::PublishOffer {
                peer,
                class: Class::Grid,
                slots: 4,
                per_gfuel: Credits::new(1),
            };
            let bodies = [
                Body::AdmitPeer { peer, owner },
                Body::Bond { peer, amount },
                offer,
            ];
            bodies.map(|body| (who, body))
        }))
    }
}
