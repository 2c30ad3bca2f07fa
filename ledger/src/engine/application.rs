//! What runs on the chain, and the checks that no application can forget.
//!
//! The shell around it refuses a block that does not stand one above its parent, that has not
//! exactly one datum or too large a one, that would be a ninth child of its parent, and (while
//! catching up) one that is already known. The engine itself asks none of this.

use super::locked;
use super::members::Change;
use super::proof::{BlockHash, Header};
use crate::disk::Disk;
use hotstuff_rs::app::{
    App, ProduceBlockRequest, ProduceBlockResponse, ValidateBlockRequest, ValidateBlockResponse,
};
use hotstuff_rs::block_tree::accessors::app::AppBlockTreeView;
use hotstuff_rs::types::block::Block;
use hotstuff_rs::types::data_types::{CryptoHash, Data, Datum};
use hotstuff_rs::types::update_sets::AppStateUpdates;
use protocol::units::Height;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

/// Children one block may have; an honest chain has one, a fork a few.
const CHILDREN_MAX: usize = 8;
/// Blocks above the agreed head that [`Branch::pending`] shows.
const PENDING_MAX: usize = 64;

/// Rows a block sets (`Some`) or removes (`None`).
pub type Rows = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// What a block does.
#[derive(Default)]
pub struct Judged {
    /// The rows it changes.
    pub rows: Rows,
    /// How it changes the members. Such a block is agreed on by itself, by the members before it;
    /// the next one is for those after it.
    pub members: Option<Change>,
}

/// A block's content, made by the leader of a view.
pub struct Made {
    /// What the block's hash covers of the datum and of what it leads to.
    pub data_hash: [u8; 32],
    /// The content, at most the engine's `block_bytes_max`.
    pub datum: Vec<u8>,
}

/// A block somebody proposes.
pub struct Proposed<'a> {
    /// What its hash covers. Its height is already checked, its data hash is not.
    pub header: Header,
    /// Its content, of an allowed size and otherwise unchecked.
    pub datum: &'a [u8],
    /// Whether others have agreed on it already and this member catches up.
    pub catching_up: bool,
    /// Whether it was judged before, changes the members, and is proposed again: that happens when
    /// a view is lost on the way to agreeing on it, and it then carries the time it was made at.
    pub again: bool,
}

/// The application says no to a block, and why.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub String);

/// What runs on the chain. It is called on the engine's own thread, one call at a time.
///
/// [`judge`](Application::judge) must come to the same answer on every member: it may look at the
/// block and the branch, never at a clock or at chance.
pub trait Application: Send {
    /// Makes the next block on `branch`. It may wait for work, at most 0.6 view times, if nothing
    /// on the branch waits to be agreed.
    fn make(&mut self, branch: &Branch<'_>) -> Made;

    /// Judges a proposed block, own ones too, and says what it does.
    ///
    /// # Errors
    /// [`Invalid`] if the block breaks a rule; nothing of it is kept then.
    fn judge(&mut self, block: &Proposed<'_>, branch: &Branch<'_>) -> Result<Judged, Invalid>;
}

/// The chain as one new block sees it: the agreed rows, and on top of them what its ancestors that
/// are not yet agreed will change.
pub struct Branch<'a> {
    view: &'a AppBlockTreeView<'a, Disk>,
    disk: &'a Disk,
    parent: BlockHash,
    height: Height,
}

impl<'a> Branch<'a> {
    fn new(
        view: &'a AppBlockTreeView<'a, Disk>,
        disk: &'a Disk,
        parent: Option<CryptoHash>,
    ) -> Option<Self> {
        let parent = parent.map_or(BlockHash::GENESIS, |hash| BlockHash::new(hash.bytes()));
        let height = if parent == BlockHash::GENESIS {
            Height::GENESIS.after(1)
        } else {
            disk.header(&parent)?.height().after(1)
        };
        Some(Self {
            view,
            disk,
            parent,
            height,
        })
    }

    /// One row as this block sees it.
    pub fn row(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.view.app_state(key)
    }

    /// The block's own height; the first block's is 1.
    pub fn height(&self) -> Height {
        self.height
    }

    /// The block it stands on; [`BlockHash::GENESIS`] for the first.
    pub fn parent(&self) -> BlockHash {
        self.parent
    }

    /// The header of an ancestor.
    pub fn header(&self, block: &BlockHash) -> Option<Header> {
        self.disk.header(block)
    }

    /// The datum of an ancestor.
    pub fn datum(&self, block: &BlockHash) -> Option<Vec<u8>> {
        self.disk.datum(block)
    }

    /// Whether the view before the one we are in ended without a certificate for its block, as
    /// that of a silent leader does. Of use in [`Application::make`] only.
    pub fn follows_a_lost_view(&self) -> bool {
        let pulse = self.disk.pulse();
        let certified = pulse.certified.load(Ordering::SeqCst);
        pulse.view.load(Ordering::SeqCst) > certified.saturating_add(1)
    }

    /// The ancestors that are not agreed yet, nearest first, with their data. If one of them has
    /// something to agree on, the next block should come at once: three more have to follow.
    pub fn pending(&self) -> Vec<(Header, Vec<u8>)> {
        let head = self.disk.head();
        let mut found = Vec::new();
        let mut next = self.parent;
        while found.len() < PENDING_MAX {
            let Some(header) = self
                .disk
                .header(&next)
                .filter(|header| header.height() > head)
            else {
                break;
            };
            let datum = self.disk.datum(&next).unwrap_or_default();
            next = header.parent();
            found.push((header, datum));
        }
        found
    }
}

/// The application as the engine sees it.
pub(super) struct Shell<A: Application + 'static> {
    application: Arc<Mutex<A>>,
    disk: Disk,
    block_bytes_max: usize,
}

impl<A: Application + 'static> Drop for Shell<A> {
    /// The engine's own thread holds the shell, and drops it here if it panics.
    fn drop(&mut self) {
        if std::thread::panicking() {
            super::stop_the_process("the engine's thread panicked");
        }
    }
}

impl<A: Application + 'static> Shell<A> {
    pub(super) fn new(application: Arc<Mutex<A>>, disk: Disk, block_bytes_max: usize) -> Self {
        Self {
            application,
            disk,
            block_bytes_max,
        }
    }

    fn judge(
        &self,
        block: &Block,
        view: &AppBlockTreeView<'_, Disk>,
        catching_up: bool,
    ) -> Result<Judged, Invalid> {
        let no = |why: &str| Err(Invalid(why.into()));
        let parent = (!block.justify.is_genesis_pc()).then_some(block.justify.block);
        let Some(branch) = Branch::new(view, &self.disk, parent) else {
            return no("its parent is unknown");
        };
        let hash = BlockHash::new(block.hash.bytes());
        let bytes = borsh_engine::BorshSerialize::try_to_vec(&block.justify);
        let justify = bytes.ok().and_then(|bytes| borsh::from_slice(&bytes).ok());
        let Some(justify) = justify else {
            return no("its certificate is malformed");
        };
        let number = block.height.int();
        let header = Header {
            number,
            justify,
            data_hash: block.data_hash.bytes(),
        };
        if number != branch.height.get() - 1 {
            return no("its height is not one above its parent's");
        }
        let [datum] = &block.data.vec()[..] else {
            return no("it has not exactly one datum");
        };
        let datum = datum.bytes();
        if datum.len() > self.block_bytes_max {
            return no("its datum is too large");
        }
        if catching_up && self.disk.has_block(&hash) {
            return no("it is known already");
        }
        let lock = self.disk.lock_on_change().filter(|_| !catching_up);
        if lock.is_some_and(|lock| lock.block != hash && header.justify.view <= lock.view) {
            return no("this member is locked on another block");
        }
        let siblings = self.disk.children(&branch.parent);
        if siblings.len() >= CHILDREN_MAX && !siblings.contains(&hash) {
            return no("its parent has too many children");
        }
        let proposed = Proposed {
            header,
            datum,
            catching_up,
            again: self.disk.is_change(&hash),
        };
        // A block that makes the rules panic must not stop every member that sees it.
        let judged = catch_unwind(AssertUnwindSafe(|| {
            locked(&self.application).judge(&proposed, &branch)
        }));
        judged.unwrap_or_else(|_| no("judging it panicked"))
    }

    fn answer(
        &self,
        request: &ValidateBlockRequest<'_, '_, Disk>,
        catching_up: bool,
    ) -> ValidateBlockResponse {
        let block = request.proposed_block();
        match self.judge(block, request.block_tree(), catching_up) {
            Ok(Judged { rows, members }) => {
                let mut updates = AppStateUpdates::new();
                for (key, value) in rows {
                    match value {
                        Some(value) => updates.insert(key, value),
                        None => updates.delete(key),
                    }
                }
                ValidateBlockResponse::Valid {
                    app_state_updates: Some(updates),
                    validator_set_updates: members.map(|change| change.to_engine()),
                }
            }
            Err(invalid) => {
                let hash = BlockHash::new(block.hash.bytes());
                tracing::warn!(target: "ledger::engine", block = %hash, %invalid, "a bad block");
                ValidateBlockResponse::Invalid
            }
        }
    }
}

impl<A: Application + 'static> App<Disk> for Shell<A> {
    fn produce_block(&mut self, request: ProduceBlockRequest<Disk>) -> ProduceBlockResponse {
        let branch = Branch::new(request.block_tree(), &self.disk, request.parent_block())
            .expect("the engine has the block it builds on");
        let made = locked(&self.application).make(&branch);
        assert!(
            made.datum.len() <= self.block_bytes_max,
            "make() keeps to block_bytes_max"
        );
        // No updates from here: the leader has its own block judged like any other.
        ProduceBlockResponse {
            data_hash: CryptoHash::new(made.data_hash),
            data: Data::new(vec![Datum::new(made.datum)]),
            app_state_updates: None,
            validator_set_updates: None,
        }
    }

    fn validate_block(&mut self, request: ValidateBlockRequest<Disk>) -> ValidateBlockResponse {
        self.answer(&request, false)
    }

    fn validate_block_for_sync(
        &mut self,
        request: ValidateBlockRequest<Disk>,
    ) -> ValidateBlockResponse {
        self.answer(&request, true)
    }
}
