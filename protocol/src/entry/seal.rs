//! Seals and openings: a peer fixes its outcomes before anyone can read them, and shows them later.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::bytes::{Limited, Malformed};
use crate::ids::{BundleId, Digest, FederationId, JobId, PeerId, PublicKey};
use crate::outcome::Root;
use crate::signed::{Signable, Signed};

/// What a drawn peer signs when its outcomes are ready: it cannot change them any more, and nobody
/// can read them yet.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Seal {
    /// The federation.
    pub federation: FederationId,
    /// The bundle.
    pub bundle: BundleId,
    /// The peer that ran it, and whose key signs.
    pub peer: PeerId,
    /// [`Opening::seal`].
    pub hash: Digest,
}

/// A seal as it stands in an entry that names the job and federation once.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PeerSeal {
    /// The bundle's place in the job.
    pub bundle: u32,
    /// The peer that signed.
    pub peer: PeerId,
    /// [`Seal::hash`].
    pub hash: Digest,
    /// The peer's signature of the whole [`Seal`].
    pub signature: [u8; 64],
}

impl PeerSeal {
    /// The seal as the peer signed it, still to be checked.
    pub fn signed(&self, federation: FederationId, job: JobId) -> Signed<Seal> {
        let bundle = BundleId {
            job,
            index: self.bundle,
        };
        let seal = Seal {
            federation,
            bundle,
            peer: self.peer,
            hash: self.hash,
        };
        Signed::from_parts(seal, PublicKey::new(*self.peer.bytes()), self.signature)
    }
}

/// What a peer sealed, opened.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Opening {
    /// The bundle's place in the job.
    pub bundle: u32,
    /// The peer that ran it.
    pub peer: PeerId,
    /// The root of its outcomes.
    pub root: Root,
    /// 32 bytes that only the peer knew.
    pub salt: Digest,
}

impl Opening {
    /// The hash that a peer seals: bound to job, bundle and peer, so that no one can use it as its
    /// own.
    pub fn seal(&self, job: &JobId) -> Digest {
        let parts: [&[u8]; 6] = [
            job.bytes(),
            &self.bundle.to_le_bytes(),
            self.peer.bytes(),
            self.salt.bytes(),
            self.root.digest.bytes(),
            &self.root.fuel.get().to_le_bytes(),
        ];
        Digest::derive("tallygrid seal v1", &parts)
    }
}

impl Signable for Seal {
    const CONTEXT: &'static str = "tallygrid peer seal v1";
}

impl Limited for Seal {
    fn within_limits(&self) -> Result<(), Malformed> {
        Ok(())
    }
}
