//! Who votes, as the engine has written it down, also while that changes.

use super::engine_store::{Plain, certificate_view};
use super::{Disk, write_lock};
use crate::engine::{BlockHash, Certificate, Member, MemberKey, Members};
use hotstuff_rs::block_tree::pluggables::KVGet;
use hotstuff_rs::block_tree::variables;
use hotstuff_rs::types::validator_set::VerifyingKey;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

/// How the engine marks a change of members that is not agreed yet.
const PENDING: u8 = 1;

/// Who votes on blocks while the members change, and when they do not.
#[derive(Debug)]
pub(crate) struct Electorate {
    /// The members since the last agreed change.
    pub(crate) now: Members,
    /// Those before it; nobody if they never changed.
    before: Members,
    /// Whether those of now have taken over: until then those before them help them along.
    decided: bool,
}

impl Electorate {
    /// The members before the last agreed change; nobody if they never changed.
    pub(crate) const fn before(&self) -> &Members {
        &self.before
    }

    /// Whether this member's word counts for something: now, or for the last change.
    pub(crate) fn knows(&self, member: &MemberKey) -> Option<VerifyingKey> {
        let known = self.now.get(member).or_else(|| self.before.get(member))?;
        Some(known.key)
    }

    /// Everybody whose word counts for something. Those whom the last change removed are told of
    /// blocks, because they may have missed the one that removed them.
    pub(crate) fn everybody(&self) -> impl Iterator<Item = MemberKey> {
        let gone = self.gone().map(|(member, _)| *member);
        self.now.iter().map(|(member, _)| *member).chain(gone)
    }

    /// Everybody whose votes may count now.
    pub(crate) fn voters(&self) -> impl Iterator<Item = MemberKey> {
        let gone = self.gone().filter(|_| !self.decided);
        let now = self.now.iter().map(|(member, _)| *member);
        now.chain(gone.map(|(member, _)| *member))
    }

    /// Whether `is` holds of the members of now or, until they have taken over, of those before.
    pub(crate) fn any(&self, is: impl Fn(&Members) -> bool) -> bool {
        is(&self.now) || (!self.decided && is(&self.before))
    }

    fn gone(&self) -> impl Iterator<Item = (&MemberKey, &Member)> {
        let gone = |(member, _): &(&MemberKey, &Member)| self.now.get(member).is_none();
        self.before.iter().filter(gone)
    }
}

/// A lock on a block that changes the members.
///
/// The engine locks on such a block before it commits it. If the next view is then lost, the only
/// way on is to propose the block again, and the engine, as published, refuses exactly that for
/// ever: the certificate below the block is older than its lock. So the engine is shown the
/// certificate below the block as its lock, and what the lock is for is done here and by the
/// application's shell: nothing else is voted for unless its certificate is newer than the lock,
/// and the lock is never lowered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lock {
    pub(crate) block: BlockHash,
    pub(crate) view: u64,
}

impl Lock {
    /// Whether this lock stays when the engine would put `other` in its place.
    pub(super) fn outlasts(&self, other: Option<&[u8]>) -> bool {
        let view = other.and_then(certificate_view);
        view.is_none_or(|view| view < self.view)
    }
}

impl Disk {
    /// From now on the members are read anew.
    pub(crate) fn forget_members(&self) {
        *self.0.sets.lock().unwrap_or_else(PoisonError::into_inner) = [None, None];
        *write_lock(&self.0.electorate) = None;
        self.0.changes.fetch_add(1, Ordering::SeqCst);
    }

    /// Grows whenever the members may have changed.
    pub(crate) fn changes(&self) -> u64 {
        self.0.changes.load(Ordering::SeqCst)
    }

    /// Who votes, as of now. `None` on a disk on which no engine has run.
    pub(crate) fn electorate(&self) -> Option<Arc<Electorate>> {
        let known = self.0.electorate.read();
        if let Some(known) = &*known.unwrap_or_else(PoisonError::into_inner) {
            return Some(known.clone());
        }
        // Held while reading, so that nothing old is kept after a change.
        let mut kept = write_lock(&self.0.electorate);
        let plain = Plain(self);
        let found = Arc::new(Electorate {
            now: Members::from_engine(&plain.committed_validator_set().ok()?),
            before: Members::from_engine(&plain.previous_validator_set().ok()?),
            decided: plain.validator_set_update_complete().ok()?,
        });
        *kept = Some(found.clone());
        Some(found)
    }

    /// The lock, as it is stored, if it lies on a block that changes the members and is not agreed
    /// yet.
    pub(crate) fn lock_on_change(&self) -> Option<Lock> {
        let lock: Certificate =
            borsh::from_slice(&KVGet::get(self, &variables::LOCKED_PC)?).ok()?;
        let is_open = lock.phase != 0 && self.is_open_change(&lock.block);
        is_open.then_some(Lock {
            block: lock.block,
            view: lock.view,
        })
    }

    fn is_open_change(&self, block: &BlockHash) -> bool {
        let key = [&variables::VALIDATOR_SET_UPDATES_STATUS[..], block.bytes()].concat();
        KVGet::get(self, &key).is_some_and(|status| status.first() == Some(&PENDING))
    }
}
