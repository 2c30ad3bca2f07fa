//! New keys.

use std::fs;
use std::io;
use std::path::Path;

use ed25519_dalek::SigningKey;
use protocol::ids::PublicKey;
use zeroize::Zeroizing;

use super::{KeyError, Keys, public};

impl Keys {
    /// The keys in this file; new ones, written there, if it does not exist.
    ///
    /// # Errors
    /// [`KeyError`]; an existing file is never changed.
    pub fn load_or_make(path: &Path) -> Result<Self, KeyError> {
        match Self::load(path) {
            Err(KeyError::Disk { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => {
                let seeds = [fresh_seed()?, fresh_seed()?, fresh_seed()?];
                Self::of(&seeds).put(path)
            }
            other => other,
        }
    }

    /// New keys in this file for another peer of the same party.
    ///
    /// # Errors
    /// [`KeyError`], also where the file exists; it is never changed.
    pub fn make_sibling(&self, path: &Path) -> Result<Self, KeyError> {
        let party = Zeroizing::new(self.party.to_bytes());
        let seeds = [fresh_seed()?, party, fresh_seed()?];
        Self::of(&seeds).put(path)
    }

    /// Lets a next consensus key lie in this file beside the one that votes `today`, so that a
    /// crash at any time leaves both; one that lies there already and does not vote yet stays.
    ///
    /// # Errors
    /// [`KeyError`]; the file is as it was then.
    pub fn prepare_next(path: &Path, today: PublicKey) -> Result<Self, KeyError> {
        let mut keys = Self::load(path)?;
        if let Some(next) = keys.next.take_if(|next| public(next) == today) {
            keys.consensus = next;
        }
        if keys.next.is_none() {
            keys.next = Some(SigningKey::from_bytes(&*fresh_seed()?));
            keys.write(path, |part, path| fs::rename(part, path))?;
        }
        Ok(keys)
    }

    /// Writes them to a file that does not exist.
    fn put(self, path: &Path) -> Result<Self, KeyError> {
        self.write(path, |part, path| {
            // Unlike a rename it never replaces keys that another process has just written.
            fs::hard_link(part, path)?;
            fs::remove_file(part)
        })?;
        Ok(self)
    }
}

fn fresh_seed() -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut seed[..]).map_err(KeyError::NoChance)?;
    Ok(seed)
}
