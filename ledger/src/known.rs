//! Entries whose signatures have been checked here, so that none is checked twice: not when it
//! comes from its sender, again in a block, and again when a sibling of that block is proposed.
//!
//! Keyed by [`entry_name`], which covers every byte: what is found is exactly what was checked.

use crate::header::entry_name;
use protocol::bytes::{self, Malformed};
use protocol::entry::{CheckedEntry, ENTRY_BYTES_MAX, SignedEntry};
use protocol::ids::{Digest, EntryId, FederationId, PublicKey};
use protocol::signed::{BadSignature, UnpackedKey};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Entries remembered: at least the last so many, at most twice as many.
const REMEMBERED: usize = 16_384;
/// What the remembered entries may take, in each of two halves.
const REMEMBERED_BYTES: usize = 32 << 20;

/// Unpacked keys remembered; then all are forgotten, and come back as they sign.
const KEYS_MAX: usize = 4_096;

/// A checked entry, and its bytes as they lie in a block.
#[derive(Debug)]
pub struct Known {
    /// The entry's name for people and for the rules; the same whatever its signature.
    pub id: EntryId,
    /// The name of its bytes.
    pub name: Digest,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The entry.
    pub entry: CheckedEntry,
}

/// Why bytes are no entry of this federation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnEntry {
    /// They do not decode to an entry within its limits.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The entry is meant for another federation.
    #[error("the entry is for federation {meant}, not for this one")]
    OtherFederation {
        /// The federation it names.
        meant: FederationId,
    },
    /// The key in it did not sign it.
    #[error(transparent)]
    Signature(#[from] BadSignature),
}

#[derive(Default)]
struct Halves {
    new: HashMap<Digest, Arc<Known>>,
    new_bytes: usize,
    old: HashMap<Digest, Arc<Known>>,
}

/// The memory of checked entries of one federation; bounded, and safe to share.
pub struct Checker {
    federation: FederationId,
    halves: Mutex<Halves>,
    /// Keys that have signed an entry.
    keys: Mutex<HashMap<PublicKey, UnpackedKey>>,
}

impl Checker {
    /// An empty memory.
    pub fn new(federation: FederationId) -> Self {
        Self {
            federation,
            halves: Mutex::default(),
            keys: Mutex::default(),
        }
    }

    /// Checks the bytes of a signed entry, or remembers that they were.
    ///
    /// # Errors
    /// [`NotAnEntry`]; nothing is remembered of it.
    pub fn check(&self, written: &[u8]) -> Result<Arc<Known>, NotAnEntry> {
        self.check_named(entry_name(written), written)
    }

    /// The same, for whoever knows the name of these bytes already.
    ///
    /// # Errors
    /// [`NotAnEntry`]; nothing is remembered of it.
    pub(crate) fn check_named(
        &self,
        name: Digest,
        written: &[u8],
    ) -> Result<Arc<Known>, NotAnEntry> {
        if let Some(known) = self.recall(&name) {
            return Ok(known);
        }
        let signed: SignedEntry = bytes::read(written, ENTRY_BYTES_MAX)?;
        let meant = signed.unchecked().federation;
        if meant != self.federation {
            return Err(NotAnEntry::OtherFederation { meant });
        }
        let key = self.unpacked(signed.claimed_key())?;
        let entry = signed.check_by(&key)?;
        self.keys().insert(entry.key(), key);
        let id = entry.entry_id();
        let known = Arc::new(Known {
            id,
            name,
            bytes: written.to_vec(),
            entry,
        });
        self.remember(&known);
        Ok(known)
    }

    /// The key, unpacked; from memory if it has signed an entry before.
    fn unpacked(&self, key: PublicKey) -> Result<UnpackedKey, BadSignature> {
        let mut keys = self.keys();
        if let Some(unpacked) = keys.get(&key) {
            return Ok(*unpacked);
        }
        if keys.len() >= KEYS_MAX {
            keys.clear();
        }
        drop(keys);
        UnpackedKey::of(key)
    }

    fn keys(&self) -> MutexGuard<'_, HashMap<PublicKey, UnpackedKey>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recall(&self, name: &Digest) -> Option<Arc<Known>> {
        let halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        halves
            .new
            .get(name)
            .or_else(|| halves.old.get(name))
            .cloned()
    }

    fn remember(&self, known: &Arc<Known>) {
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        if halves.new.len() >= REMEMBERED || halves.new_bytes >= REMEMBERED_BYTES {
            halves.old = std::mem::take(&mut halves.new);
            halves.new_bytes = 0;
        }
        halves.new_bytes += known.bytes.len();
        halves.new.insert(known.name, Arc::clone(known));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::tests::{FEDERATION, signed};
    use protocol::bytes::write;

    #[test]
    fn only_whole_signed_entries_of_this_federation_are_known() {
        let checker = Checker::new(FEDERATION);
        let good = write(&signed(1, 0, 0));
        let known = checker.check(&good).unwrap();
        assert!(
            Arc::ptr_eq(&known, &checker.check(&good).unwrap()),
            "checked once"
        );
        let mut forged = good.clone();
        *forged.last_mut().unwrap() ^= 1;
        assert_eq!(checker.check(&forged).unwrap_err(), BadSignature.into());
        assert!(matches!(
            checker.check(&good[1..]),
            Err(NotAnEntry::Malformed(_))
        ));
        let mut moved = write(&signed(2, 0, 0));
        let at = moved.len() - 96..moved.len() - 64;
        moved[at.clone()].copy_from_slice(&good[good.len() - 96..good.len() - 64]);
        assert_eq!(
            checker.check(&moved).unwrap_err(),
            BadSignature.into(),
            "a key that is remembered is no signature"
        );
        let elsewhere = Checker::new(FederationId::new([9; 32]));
        let refused = elsewhere.check(&good).unwrap_err();
        assert_eq!(refused, NotAnEntry::OtherFederation { meant: FEDERATION });
    }

    #[test]
    fn the_memory_is_bounded_and_keeps_the_newest() {
        let checker = Checker::new(FEDERATION);
        let name = |n: u64| Digest::of(&n.to_le_bytes());
        let template = checker.check(&write(&signed(1, 0, 0))).unwrap();
        for n in 0..3 * REMEMBERED as u64 {
            let entry = template.entry.clone();
            let known = Known {
                id: template.id,
                name: name(n),
                bytes: vec![],
                entry,
            };
            checker.remember(&Arc::new(known));
        }
        let halves = checker.halves.lock().unwrap();
        assert!(halves.new.len() + halves.old.len() <= 2 * REMEMBERED);
        drop(halves);
        assert!(checker.recall(&name(3 * REMEMBERED as u64 - 1)).is_some());
        assert!(checker.recall(&name(0)).is_none());
    }
}
