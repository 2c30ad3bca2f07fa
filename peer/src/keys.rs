//! The only room that holds secret keys: it signs, and never shows them.
//!
//! A peer has three: its **node** key *is* the peer and signs offers and seals; its **party** key
//! signs entries, and so spends credits; its **consensus** key votes on blocks, should the peer be
//! a member's. While that one is being replaced, the **next** one lies beside it. They lie in one
//! file that only its owner can read, with a checksum:
//!
//! ```text
//! tallygrid keys v1
//! node <64 hexadecimal digits>
//! party <64 hexadecimal digits>
//! consensus <64 hexadecimal digits>
//! next <64 hexadecimal digits>            (only while the consensus key is being replaced)
//! check <64 hexadecimal digits: BLAKE3 of the lines above>
//! ```

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use ed25519_dalek::SigningKey;
use protocol::entry::{
    EmergencyOrder, Entry, KeyRotation, Seal, SignedEntry, SignedVoucher, VoterRequest, Voucher,
};
use protocol::ids::{Digest, FederationId, PartyId, PeerId, PublicKey};
use protocol::offer::Offer;
use protocol::signed::Signed;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::home::our_uid;

mod make;

const HEADER: &str = "tallygrid keys v1";
const NAMES: [&str; 3] = ["node", "party", "consensus"];
const NEXT: &str = "next";
const CHECK: &str = "tallygrid keys file v1";
/// A key file may have so many bytes; a whole one has fewer than 500.
const FILE_BYTES_MAX: u64 = 4_096;

/// The keys cannot be read or made.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The disk says no.
    #[error("cannot {doing} the key file {path}")]
    Disk {
        /// What we were doing.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// Others can read it, so it may be known.
    #[error(
        "others can read the key file {path} (mode {mode:03o}): run `chmod 600 {path}`, \
         and if anyone may have read it, make new keys"
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It is someone else's.
    #[error("the key file {path} belongs to user {owner}, not to you")]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// It is not what was written.
    #[error(
        "the key file {path} is damaged: {why}; put back your copy of it. \
         Moving it away makes this peer a new one, with no credits"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The system gives no randomness.
    #[error("the system gives no randomness for new keys: {0}")]
    NoChance(getrandom::Error),
}

/// The secret keys of a peer. Wiped from memory when dropped.
pub struct Keys {
    node: SigningKey,
    party: SigningKey,
    consensus: SigningKey,
    next: Option<SigningKey>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys of {}", self.node())
    }
}

impl Keys {
    /// The keys in this file.
    ///
    /// # Errors
    /// [`KeyError`], also where the file does not exist.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let disk = |doing, cause| KeyError::Disk {
            doing,
            path: path.to_owned(),
            cause,
        };
        let file = File::open(path).map_err(|cause| disk("open", cause))?;
        let found = file.metadata().map_err(|cause| disk("look at", cause))?;
        let us = our_uid().map_err(|cause| disk("learn our user for", cause))?;
        if found.uid() != us {
            return Err(KeyError::NotOurs {
                path: path.to_owned(),
                owner: found.uid(),
            });
        }
        if found.mode() & 0o077 != 0 {
            return Err(KeyError::Exposed {
                path: path.to_owned(),
                mode: found.mode() & 0o777,
            });
        }
        let mut text = Zeroizing::new(Vec::with_capacity(1_024));
        file.take(FILE_BYTES_MAX)
            .read_to_end(&mut text)
            .map_err(|cause| disk("read", cause))?;
        Self::read(&text).map_err(|why| KeyError::Damaged {
            path: path.to_owned(),
            why,
        })
    }

    fn of([node, party, consensus]: &[Zeroizing<[u8; 32]>; 3]) -> Self {
        Self {
            node: SigningKey::from_bytes(node),
            party: SigningKey::from_bytes(party),
            consensus: SigningKey::from_bytes(consensus),
            next: None,
        }
    }

    fn read(bytes: &[u8]) -> Result<Self, &'static str> {
        if bytes.is_empty() {
            return Err("it is empty");
        }
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not text")?;
        let (above, below) = text
            .rsplit_once("check ")
            .ok_or("it is cut short, or not a key file")?;
        let mut lines = above.lines();
        match lines.next() {
            Some(HEADER) => {}
            Some(line) if line.starts_with("tallygrid keys ") => {
                return Err("it was written by another version");
            }
            _ => return Err("it is not a key file"),
        }
        if below.trim_end() != check(above) {
            return Err("its checksum does not fit");
        }
        let mut seeds = [[0; 32]; 3].map(Zeroizing::new);
        for (name, seed) in NAMES.iter().zip(&mut seeds) {
            read_seed(lines.next(), name, seed)?;
        }
        let mut keys = Self::of(&seeds);
        if let Some(line) = lines.next() {
            let mut seed = Zeroizing::new([0; 32]);
            read_seed(Some(line), NEXT, &mut seed)?;
            keys.next = Some(SigningKey::from_bytes(&seed));
        }
        Ok(keys)
    }

    /// As they lie in the file.
    fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(1_024));
        text.push_str(HEADER);
        text.push('\n');
        let names = NAMES.into_iter().chain([NEXT]);
        let keys = [&self.node, &self.party, &self.consensus].into_iter();
        for (name, key) in names.zip(keys.chain(&self.next)) {
            let seed = Zeroizing::new(key.to_bytes());
            text.push_str(name);
            text.push(' ');
            HEXLOWER.encode_append(&seed[..], &mut text);
            text.push('\n');
        }
        let sum = check(&text);
        text.push_str("check ");
        text.push_str(&sum);
        text.push('\n');
        text
    }

    /// Writes the file, whole or not at all; `place` puts what was written where it belongs.
    fn write(
        &self,
        path: &Path,
        place: impl Fn(&Path, &Path) -> io::Result<()>,
    ) -> Result<(), KeyError> {
        let text = self.text();
        let part = path.with_extension("part");
        let save = || -> io::Result<()> {
            // A part left by a peer that died while writing was never used.
            match fs::remove_file(&part) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&part)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            place(&part, path)?;
            let folder = path.parent().filter(|folder| *folder != Path::new(""));
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        };
        save().map_err(|cause| KeyError::Disk {
            doing: "write",
            path: path.to_owned(),
            cause,
        })
    }

    /// The peer: its node key's public half.
    pub fn node(&self) -> PeerId {
        PeerId::new(self.node.verifying_key().to_bytes())
    }

    /// The party whose root key this is.
    pub fn party(&self) -> PartyId {
        PartyId::of(&self.party_key())
    }

    /// The party's root key.
    pub fn party_key(&self) -> PublicKey {
        public(&self.party)
    }

    /// The key that votes are checked with.
    pub fn consensus(&self) -> PublicKey {
        public(&self.consensus)
    }

    /// The node key's secret seed, for the swarm's handshakes and nothing else.
    pub fn node_seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.node.to_bytes())
    }

    /// The secret consensus key and the next one, if one lies there, for the ledger's votes and
    /// nothing else.
    pub fn consensus_keys(&self) -> Vec<SigningKey> {
        let keys = [&self.consensus].into_iter().chain(&self.next);
        keys.cloned().collect()
    }

    /// That the next consensus key takes the place of the one of now, signed by both; `None` while
    /// there is no next one.
    pub fn sign_rotation(&self, federation: FederationId) -> Option<VoterRequest> {
        let next = self.next.as_ref()?;
        let rotation = KeyRotation {
            federation,
            member: self.party(),
            old: self.consensus(),
            new: public(next),
        };
        Some(VoterRequest::Rotate {
            rotation: Box::new(rotation),
            by_old: Signed::sign(rotation, &self.consensus).signature(),
            by_new: Signed::sign(rotation, next).signature(),
        })
    }

    /// Signs an entry as the party.
    pub fn sign_entry(&self, entry: Entry) -> SignedEntry {
        Signed::sign(entry, &self.party)
    }

    /// Adds the party's signature to an entry that names its key as a cosigner's; `false` if it
    /// does not.
    pub fn cosign_entry(&self, entry: &mut SignedEntry) -> bool {
        entry.cosign(&self.party)
    }

    /// Signs an emergency order with the party key.
    pub fn sign_order(&self, order: EmergencyOrder) -> Signed<EmergencyOrder> {
        Signed::sign(order, &self.party)
    }

    /// Signs a voucher of a payment channel with the party key.
    pub fn sign_voucher(&self, voucher: Voucher) -> SignedVoucher {
        Signed::sign(voucher, &self.party)
    }

    /// Signs an offer as the peer.
    pub fn sign_offer(&self, offer: Offer) -> Signed<Offer> {
        Signed::sign(offer, &self.node)
    }

    /// Signs a seal as the peer.
    pub fn sign_seal(&self, seal: Seal) -> Signed<Seal> {
        Signed::sign(seal, &self.node)
    }

    /// 32 bytes that only this peer can find, the same for the same `purpose` and `parts`: a salt
    /// or the start of a hash chain that need not be written down to survive a restart.
    pub fn secret(&self, purpose: &str, parts: &[&[u8]]) -> Digest {
        let seed = self.node_seed();
        let mut all: Vec<&[u8]> = vec![&seed[..], purpose.as_bytes()];
        all.extend_from_slice(parts);
        Digest::derive("tallygrid local secret v1", &all)
    }
}

fn public(key: &SigningKey) -> PublicKey {
    PublicKey::new(key.verifying_key().to_bytes())
}

fn read_seed(line: Option<&str>, name: &str, seed: &mut [u8; 32]) -> Result<(), &'static str> {
    let digits = line
        .and_then(|line| line.strip_prefix(name))
        .and_then(|rest| rest.strip_prefix(' '));
    let digits = digits
        .filter(|digits| digits.len() == 64)
        .ok_or("a key is missing")?;
    HEXLOWER
        .decode_mut(digits.as_bytes(), seed)
        .map(|_| ())
        .map_err(|_| "a key is not written in hexadecimal digits")
}

fn check(text: &str) -> String {
    let sum = Digest::derive(CHECK, &[text.as_bytes()]);
    HEXLOWER.encode(sum.bytes())
}

#[cfg(test)]
mod tests;
