//! How long a job's draw takes with so many peers on the roster:
//! `cargo run --release -p rules --example draw -- 1000 100000`.
//!
//! Every peer is admitted, bonded and put on offer by entries, as on a ledger; then a job of 1 024
//! bundles in 7 copies is started.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement prints, and stops where it cannot measure"
)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ed25519_dalek::SigningKey;
use protocol::entry::{Body, CheckedEntry, Entry, SignedEntry, chain};
use protocol::genesis::{Committee, Desk, Genesis, Grant, Issuance, Member, Params};
use protocol::ids::{Digest, JobId, PartyId, PeerId, PublicKey};
use protocol::job::{Care, Class, Terms};
use protocol::units::{Credits, GFUEL, Height, Millis, Moment};
use rules::{At, apply_block, begin};

const SPONSORS: u32 = 40;
const ENTRIES_PER_BLOCK: usize = 1_000;

fn key(n: u32) -> SigningKey {
    SigningKey::from_bytes(Digest::of(&n.to_le_bytes()).bytes())
}

fn public(n: u32) -> PublicKey {
    PublicKey::new(key(n).verifying_key().to_bytes())
}

fn peer(n: u32) -> PeerId {
    PeerId::new(*Digest::derive("peer", &[&n.to_le_bytes()]).bytes())
}

fn genesis() -> Genesis {
    let rich = Credits::new(10_000_000_000_000);
    let member = |n| Member {
        name: format!("member {n}"),
        party: public(n),
        consensus: public(1_000 + n),
        peer: peer(u32::MAX - n),
        power: 1,
        bond: Credits::new(1_000_000_000),
    };
    Genesis {
        name: "draw".into(),
        begins: Moment::new(1_000_000),
        devnet: true,
        members: (0..4).map(member).collect(),
        desks: (4..SPONSORS)
            .map(|n| Desk {
                name: format!("desk {n}"),
                party: public(n),
            })
            .collect(),
        grants: (0..SPONSORS)
            .map(|n| Grant {
                party: public(n),
                amount: rich,
            })
            .collect(),
        params: Params::standard(),
        issuance: Issuance::Fixed,
        emergency: Committee::NOBODY,
    }
}

struct Ledger {
    genesis: Genesis,
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    at: At,
    nonces: BTreeMap<u32, u64>,
}

impl Ledger {
    fn sign(&mut self, who: u32, body: Body) -> CheckedEntry {
        let nonce = self.nonces.entry(who).or_default();
        let entry = Entry {
            federation: self.genesis.id(),
            sender: PartyId::of(&public(who)),
            lane: 0,
            nonce: *nonce,
            fee_payer: None,
            cosigners: Vec::new(),
            valid_until: self.at.now.after(Millis::new(60_000)),
            body,
        };
        *nonce += 1;
        let signed = SignedEntry::sign(entry, &key(who));
        signed.check().expect("just signed")
    }

    /// A block, and how long its rules took.
    fn block(&mut self, entries: &[CheckedEntry]) -> Duration {
        self.at = At {
            height: self.at.height.after(1),
            now: self.at.now.after(Millis::new(10)),
            parent: Digest::derive("draw", &[self.at.parent.bytes()]),
        };
        let begun = Instant::now();
        let applied = apply_block(&self.rows, &self.at, entries);
        let took = begun.elapsed();
        for answer in &applied.answers {
            assert_eq!(answer, &Ok(()), "every entry is a good one");
        }
        for (key, row) in applied.updates {
            match row {
                Some(row) => self.rows.insert(key, row),
                None => self.rows.remove(&key),
            };
        }
        took
    }
}

fn measure(peers: u32) -> (Duration, Duration) {
    let genesis = genesis();
    let mut ledger = Ledger {
        rows: begin(&genesis).expect("a good genesis"),
        at: At {
            height: Height::GENESIS,
            now: genesis.begins,
            parent: Digest::of(b"before"),
        },
        genesis,
        nonces: BTreeMap::new(),
    };
    let mut waiting = Vec::new();
    let mut spent = Duration::ZERO;
    for n in 0..peers {
        let (who, peer) = (n % SPONSORS, peer(n));
        let owner = PartyId::of(&public(who));
        for body in [
            Body::AdmitPeer { peer, owner },
            Body::Bond {
                peer,
                amount: Credits::new(1_000_000_000),
            },
            Body::PublishOffer {
                peer,
                class: Class::Grid,
                slots: 4,
                per_gfuel: Credits::new(1),
            },
        ] {
            let entry = ledger.sign(who, body);
            waiting.push(entry);
        }
        if waiting.len() >= ENTRIES_PER_BLOCK || n + 1 == peers {
            spent += ledger.block(&std::mem::take(&mut waiting));
        }
    }
    let secret = Digest::of(b"secret");
    let terms = Terms {
        job: Digest::of(b"job"),
        module: Digest::of(b"module"),
        peer: peer(0),
        class: Class::Grid,
        tasks: 1_024,
        tasks_per_bundle: 1,
        copies: 7,
        task_fuel_max: GFUEL,
        per_gfuel: Credits::new(1_000),
        seal_window: Millis::new(60_000),
        care: Care::default(),
    };
    let chain_end = chain(&chain(&secret));
    let submit = ledger.sign(
        0,
        Body::Submit {
            terms,
            chain: chain_end,
            purse: None,
        },
    );
    let job = JobId::new(*submit.entry_id().bytes());
    ledger.block(&[submit]);
    ledger.block(&[]);
    ledger.block(&[]);
    let link = chain(&secret);
    let start = ledger.sign(0, Body::Start { job, link });
    let took = ledger.block(&[start]);
    (spent / peers.max(1), took)
}

fn main() {
    for peers in std::env::args().skip(1) {
        let peers: u32 = peers.parse().expect("a number of peers");
        let (entered, drawn) = measure(peers);
        println!(
            "{peers} peers: {entered:?} to let one in, {drawn:?} for 1 024 bundles x 7 copies"
        );
    }
}
