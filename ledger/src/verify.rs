//! Replaying a ledger from genesis: every block executed again in memory, every root compared.
//!
//! It finds a block that was changed, a row that no block accounts for, a proof that does not
//! hold, also where the members change, and credits that came from nowhere.

use crate::ask::Reader;
use crate::commitment::{COVERED, Tree, grow};
use crate::disk::{Agreed, Disk, DiskError, SCAN_ROWS_MAX};
use crate::engine::{BlockHash, verify as verify_proof};
use crate::execute::{self, Place};
use crate::feed::{RESULTS, Results, results_key};
use crate::known::Checker;
use protocol::genesis::Genesis;
use protocol::ids::Digest;
use protocol::units::Height;
use std::collections::BTreeMap;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// The newest proof is found within so many blocks of the head.
const UNPROVEN_MAX: u64 = 1_024;

type State = BTreeMap<Vec<u8>, Vec<u8>>;

/// A ledger that is what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Its newest block.
    pub height: Height,
    /// The root of its state.
    pub root: Digest,
    /// Entries in all its blocks.
    pub entries: u64,
    /// Credits, counted row by row.
    pub supply: rules::read::Supply,
}

/// Where a ledger is not what it says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("block {height}: {what}")]
pub struct Difference {
    /// The first block with a difference; genesis for what concerns the ledger as a whole.
    pub height: Height,
    /// What it is.
    pub what: String,
}

/// Why a ledger was not replayed to its end.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It cannot be opened; a running peer verifies its own.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// It is not what it says.
    #[error(transparent)]
    Difference(#[from] Difference),
}

/// Replays the ledger of a stopped peer, whose home is `home`.
///
/// # Errors
/// [`VerifyError`], the first thing that is wrong.
pub fn replay(home: &Path, genesis: &Genesis) -> Result<Verified, VerifyError> {
    let disk = Disk::open(&home.join(crate::LEDGER_FOLDER))?;
    Ok(replay_disk(&disk, genesis)?)
}

/// Replays an open ledger, up to what is agreed now.
///
/// # Errors
/// The first [`Difference`].
pub(crate) fn replay_disk(disk: &Disk, genesis: &Genesis) -> Result<Verified, Difference> {
    let reader = Reader::new(disk);
    let head = reader.height();
    let mut rows = rules::begin(genesis).map_err(|error| at(Height::GENESIS, &error))?;
    let changes = rows.iter().map(|(key, row)| (&key[..], Some(&row[..])));
    let growth = grow(&Tree::default(), |_| None, changes);
    let mut tree = Tree::default();
    tree.settle(&growth);
    put(&mut rows, growth.rows);
    let checker = Checker::new(genesis.id());
    let newest_proof = newest_proof(disk, head)?;
    let (mut parent, mut entries) = (BlockHash::GENESIS, 0);
    for height in (1..=head.get()).map(Height::new) {
        let block = disk
            .agreed(height)
            .ok_or_else(|| differs(height, "the block is missing"))?;
        if (block.header.parent(), block.height()) != (parent, height) {
            return Err(differs(
                height,
                "the block does not stand on the one before it",
            ));
        }
        let place = Place { height, parent };
        let executed = catch_unwind(AssertUnwindSafe(|| {
            let hash = block.header.data_hash;
            let (heading, known) = execute::open(&block.datum, hash, place, &checker)?;
            execute::judge(&rows, &tree, &heading, known)
        }));
        let executed = executed
            .map_err(|_| differs(height, "the rules panicked"))?
            .map_err(|wrong| at(height, &wrong))?;
        compare_results(&reader, height, &executed.heading.results)?;
        if height == newest_proof || executed.members.is_some() {
            prove(&block, genesis, &rows)?;
        }
        tree.settle(&executed.growth);
        entries += u64::try_from(executed.entries.len()).unwrap_or(u64::MAX);
        put(&mut rows, executed.updates);
        parent = block.header.hash();
    }
    compare_rows(&reader, &rows, head)?;
    let covered = rows
        .into_iter()
        .filter(|(key, _)| COVERED.contains(&key[0]));
    let supply = rules::books::recount(covered).map_err(|error| at(head, &error))?;
    Ok(Verified {
        height: head,
        root: tree.root(),
        entries,
        supply,
    })
}

fn put(rows: &mut State, updates: BTreeMap<Vec<u8>, Option<Vec<u8>>>) {
    for (key, row) in updates.into_iter().filter(|(key, _)| key[0] != RESULTS) {
        match row {
            Some(row) => rows.insert(key, row),
            None => rows.remove(&key),
        };
    }
}

/// What peers were told of a block is what it did.
fn compare_results(reader: &Reader<'_>, height: Height, said: &Digest) -> Result<(), Difference> {
    let row = rules::View::read(reader, &results_key(height));
    let results = row.and_then(|row| borsh::from_slice::<Results>(&row).ok());
    let same = results.is_some_and(|results| results.digest() == *said);
    same.then_some(()).ok_or_else(|| {
        differs(
            height,
            "its stored answers and events are not those it led to",
        )
    })
}

/// The newest block with a proof: the head, or one close below it. Genesis has none and needs none.
fn newest_proof(disk: &Disk, head: Height) -> Result<Height, Difference> {
    if head == Height::GENESIS {
        return Ok(head);
    }
    let lowest = head.get().saturating_sub(UNPROVEN_MAX).max(1);
    let mut newest = (lowest..=head.get()).rev().map(Height::new);
    let is_proven = |height: &Height| {
        disk.agreed(*height)
            .is_some_and(|block| block.proof.is_some())
    };
    newest
        .find(is_proven)
        .ok_or_else(|| differs(head, "no proof that members agreed on it"))
}

/// The members, as they were before this block, have agreed on it.
fn prove(block: &Agreed, genesis: &Genesis, before: &State) -> Result<(), Difference> {
    let height = block.height();
    let proof = block.proof.as_ref();
    let proof = proof.ok_or_else(|| differs(height, "it changes the members without a proof"))?;
    let chain = protocol::entry::chain_of(&genesis.id());
    let members = execute::members(before);
    let proven = verify_proof(proof, chain, &members).map_err(|why| at(height, &why))?;
    if proven.block != block.header.hash() {
        return Err(differs(height, "its proof is of another block"));
    }
    Ok(())
}

/// Every row on the disk is one that the blocks lead to, and none is missing.
fn compare_rows(reader: &Reader<'_>, rows: &State, head: Height) -> Result<(), Difference> {
    let mut expected = rows.iter().peekable();
    for prefix in 0..RESULTS {
        let mut from = vec![prefix];
        loop {
            let page = reader.scan(&[prefix], &from, SCAN_ROWS_MAX);
            for (key, row) in &page {
                if expected.next() != Some((key, row)) {
                    return Err(differs(
                        head,
                        "the disk has other rows than the blocks lead to",
                    ));
                }
            }
            match page.last() {
                Some((key, _)) if page.len() == SCAN_ROWS_MAX => from = [&key[..], &[0]].concat(),
                _ => break,
            }
        }
    }
    match expected.next() {
        None => Ok(()),
        Some(_) => Err(differs(head, "the disk lacks rows that the blocks lead to")),
    }
}

fn differs(height: Height, what: &str) -> Difference {
    Difference {
        height,
        what: what.into(),
    }
}

fn at(height: Height, error: &dyn Error) -> Difference {
    Difference {
        height,
        what: error.to_string(),
    }
}
