//! Names nobody can mix up: each is its own type over 32 bytes, shown with a prefix that
//! says what it names.

use std::fmt;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use data_encoding::{BASE32_NOPAD, Encoding, Specification};
use thiserror::Error;

/// How many bytes of an id its short form shows: 10 bytes are 16 letters of base32.
const SHORT_BYTES: usize = 10;

/// The text was not an id of the kind asked for.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("`{text}` is not an id: expected {prefix} followed by 52 letters or digits 2-7")]
pub struct NotAnId {
    /// What was read.
    pub text: String,
    /// The prefix that was expected.
    pub prefix: &'static str,
}

fn base32() -> Encoding {
    let mut letters = Specification::new();
    letters.symbols.push_str("abcdefghijklmnopqrstuvwxyz234567");
    letters.encoding().unwrap_or(BASE32_NOPAD)
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
        )]
        pub struct $name([u8; 32]);

        impl $name {
            /// The letters that open its written form.
            pub const PREFIX: &'static str = $prefix;

            /// Names the thing whose 32 bytes these are.
            pub const fn new(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// Its 32 bytes.
            pub const fn bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// The whole name: the prefix and 52 letters. [`FromStr`] reads it back.
            pub fn full(&self) -> String {
                format!("{}{}", $prefix, base32().encode(&self.0))
            }
        }

        impl fmt::Display for $name {
            /// The short form: the prefix and 16 letters, enough to tell things apart on a screen.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", $prefix, base32().encode(&self.0[..SHORT_BYTES]))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let no = || NotAnId { text: text.chars().take(80).collect(), prefix: $prefix };
                let letters = text.strip_prefix($prefix).ok_or_else(no)?;
                let bytes = base32().decode(letters.as_bytes()).map_err(|_| no())?;
                Ok(Self(bytes.try_into().map_err(|_| no())?))
            }
        }
    };
}

id!(
    /// One machine running the binary. It *is* the machine's ed25519 node key, so whoever holds a
    /// `PeerId` can check that peer's signatures.
    PeerId, "node_"
);
id!(
    /// Who owns credits and signs entries: a hash of the party's root public key.
    PartyId, "party_"
);
id!(
    /// A federation: the hash of its genesis.
    FederationId, "fed_"
);
id!(
    /// A job on the ledger: the hash of the entry that submitted it.
    JobId, "job_"
);
id!(
    /// Credits set apart for jobs, by the hash of the entry that set them apart: a task wallet or a
    /// grant.
    PurseId, "purse_"
);
id!(
    /// A payment channel, by the hash of the entry that opened it.
    ChannelId, "chan_"
);
id!(
    /// A lease, by the hash of the entry that took it.
    LeaseId, "lease_"
);
id!(
    /// A signed entry, by the hash of its bytes.
    EntryId, "tx_"
);
id!(
    /// Content, by the BLAKE3 hash of its bytes.
    Digest, "b3_"
);
id!(
    /// An ed25519 public key, of a party or of a member's consensus.
    PublicKey, "key_"
);

impl Digest {
    /// The digest of content as it lies on a disk.
    pub fn of(content: &[u8]) -> Self {
        Self(*blake3::hash(content).as_bytes())
    }

    /// The digest of `parts` under a `context` that no other use shares. Every part is preceded by
    /// its length, so no two lists of parts give the same bytes.
    pub fn derive(context: &str, parts: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(context);
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Self(*hasher.finalize().as_bytes())
    }
}

impl PartyId {
    /// The party whose root key this is.
    pub fn of(root: &PublicKey) -> Self {
        Self(*Digest::derive("tallygrid party v1", &[root.bytes()]).bytes())
    }
}

/// One share of a job's tasks, drawn as a whole.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct BundleId {
    /// The job it is a part of.
    pub job: JobId,
    /// Its place in the job, from 0.
    pub index: u32,
}

impl fmt::Display for BundleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.job, self.index)
    }
}

impl fmt::Debug for BundleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_what_it_wrote_and_nothing_else() {
        let job = JobId::new([7; 32]);
        assert_eq!(job.full().parse(), Ok(job));
        assert!(job.full().starts_with(&job.to_string()));
        assert!(PeerId::from_str(&job.full()).is_err());
        for text in [
            "",
            "job_",
            "job_a",
            "job_1111",
            "node_ä",
            &"job_a".repeat(30),
        ] {
            assert!(JobId::from_str(text).is_err(), "{text}");
        }
    }

    #[test]
    fn parts_cannot_slide_into_each_other() {
        assert_ne!(
            Digest::derive("t", &[b"ab", b"c"]),
            Digest::derive("t", &[b"a", b"bc"])
        );
        assert_ne!(Digest::derive("t", &[b"a"]), Digest::derive("u", &[b"a"]));
    }
}
