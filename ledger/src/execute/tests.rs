//! One block, honest and lying.

use super::*;
use crate::commitment::Tree;
use ed25519_dalek::SigningKey;
use protocol::entry::{Body, Entry};
use protocol::genesis::{Committee, Genesis, Grant, Issuance, Member, Params};
use protocol::ids::{PartyId, PeerId, PublicKey};
use protocol::signed::Signed;
use protocol::units::Credits;

const BEGINS: Moment = Moment::new(1_000_000);

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn public(seed: u8) -> PublicKey {
    PublicKey::new(key(seed).verifying_key().to_bytes())
}

/// A federation of so many members.
pub(crate) fn genesis(members: u8) -> Genesis {
    let member = |seed: u8| Member {
        name: format!("member {seed}"),
        party: public(seed),
        consensus: public(50 + seed),
        peer: PeerId::new(*public(100 + seed).bytes()),
        power: 1,
        bond: Credits::new(1_000_000),
    };
    let amount = Credits::new(1_000_000_000);
    Genesis {
        name: "execute".into(),
        begins: BEGINS,
        devnet: true,
        members: (1..=members).map(member).collect(),
        desks: vec![],
        grants: (1..8)
            .map(|seed| Grant {
                party: public(seed),
                amount,
            })
            .collect(),
        params: Params::standard(),
        issuance: Issuance::Fixed,
        emergency: Committee::NOBODY,
    }
}

struct Scene {
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    tree: Tree,
    checker: Checker,
}

const PLACE: Place = Place {
    height: Height::new(1),
    parent: BlockHash::GENESIS,
};

impl Scene {
    fn new() -> Self {
        let mut rows = rules::begin(&genesis(4)).unwrap();
        let list = rows.iter().map(|(key, row)| (&key[..], Some(&row[..])));
        let growth = commitment::grow(&Tree::default(), |_| None, list);
        let mut tree = Tree::default();
        tree.settle(&growth);
        rows.extend(
            growth
                .rows
                .into_iter()
                .filter_map(|(key, row)| Some((key, row?))),
        );
        Self {
            rows,
            tree,
            checker: Checker::new(genesis(4).id()),
        }
    }

    fn transfer(&self, from: u8, nonce: u64) -> Arc<Known> {
        let entry = Entry {
            federation: genesis(4).id(),
            sender: PartyId::of(&public(from)),
            lane: 0,
            nonce,
            valid_until: Moment::new(BEGINS.ms() + 60_000),
            fee_payer: None,
            cosigners: Vec::new(),
            body: Body::Transfer {
                moves: vec![(PartyId::of(&public(2)), Credits::new(5))],
            },
        };
        self.checker
            .check(&bytes::write(&Signed::sign(entry, &key(from))))
            .unwrap()
    }

    /// The block that an honest leader makes of these entries.
    fn block(&self, entries: Vec<Arc<Known>>) -> Datum {
        let now = Moment::new(BEGINS.ms() + 10);
        let applied = apply(&self.rows, PLACE, now, &entries);
        let done = finish(&self.rows, &self.tree, PLACE, now, entries, applied);
        let entries = done
            .entries
            .iter()
            .map(|known| known.bytes.clone())
            .collect();
        Datum {
            heading: done.heading,
            entries,
        }
    }

    fn judge(&self, block: &Datum) -> Result<Executed, Wrong> {
        let hash = block.heading.data_hash();
        let (heading, known) = open(&block.clone().write(), hash, PLACE, &self.checker)?;
        judge(&self.rows, &self.tree, &heading, known)
    }
}

#[test]
fn an_honest_block_is_executed_to_the_same_heading() {
    let scene = Scene::new();
    let entries = vec![
        scene.transfer(5, 0),
        scene.transfer(6, 0),
        scene.transfer(5, 1),
    ];
    let block = scene.block(entries);
    let executed = scene.judge(&block).unwrap();
    assert_eq!(executed.heading, block.heading);
    assert!(executed.has_events);
    assert!(executed.updates.contains_key(&results_key(PLACE.height)));
}

#[test]
fn every_lie_in_a_block_is_found() {
    let scene = Scene::new();
    let block = scene.block(vec![scene.transfer(5, 0), scene.transfer(6, 0)]);
    let lie = |change: &dyn Fn(&mut Datum)| {
        let mut lie = block.clone();
        change(&mut lie);
        scene.judge(&lie).unwrap_err()
    };
    let other = Digest::of(b"other");
    let wrong = lie(&|block| block.heading.state = other);
    assert!(matches!(wrong, Wrong::State { said, .. } if said == other));
    let wrong = lie(&|block| block.heading.results = other);
    assert!(matches!(wrong, Wrong::Results));
    let wrong = lie(&|block| block.heading.entries = other);
    assert!(matches!(wrong, Wrong::Entries));
    let wrong = lie(&|block| block.heading.now = Moment::new(BEGINS.ms() - 1));
    assert!(matches!(wrong, Wrong::TimeRunsBack { .. }));
    let wrong = lie(&|block| block.heading.height = Height::new(2));
    assert!(matches!(wrong, Wrong::Place { .. }));
    let wrong = lie(&|block| block.heading.parent = BlockHash::new([7; 32]));
    assert!(matches!(wrong, Wrong::Place { .. }));
    let wrong = lie(&|block| block.entries.swap(0, 1));
    assert!(matches!(wrong, Wrong::Entries));
    let wrong = lie(&|block| drop(block.entries.pop()));
    assert!(matches!(wrong, Wrong::Entries));
    let written = block.clone().write();
    let wrong = open(&written, [0; 32], PLACE, &scene.checker).unwrap_err();
    assert!(matches!(wrong, Wrong::DataHash));
}

#[test]
fn a_block_holds_only_entries_that_are_signed_and_pay() {
    let scene = Scene::new();
    for worthless in [
        vec![scene.transfer(5, 1)],
        vec![scene.transfer(5, 0), scene.transfer(5, 0)],
        vec![scene.transfer(20, 0)],
    ] {
        let block = scene.block(worthless);
        assert!(matches!(scene.judge(&block), Err(Wrong::Worthless { .. })));
    }
    let mut block = scene.block(vec![scene.transfer(5, 0)]);
    *block.entries[0].last_mut().unwrap() ^= 1;
    block.heading.entries = entries_root(&[entry_name(&block.entries[0])]);
    assert!(matches!(
        scene.judge(&block),
        Err(Wrong::Entry { place: 0, .. })
    ));
}
