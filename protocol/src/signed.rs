//! The only door from a stranger's signed bytes to our types.
//!
//! ```text
//! bytes ──bytes::read──▶ Signed<T> ──check──▶ Checked<T>
//! ```
//!
//! A [`Checked`] value can only be made by [`Signed::check`], or by whoever holds the secret key,
//! so whoever holds one knows that the key in it stands for the value. Whether that key may speak
//! for a party is the ledger's question.
//! Signed bytes are `blake3::derive_key(T::CONTEXT, borsh(value))`: a signature for one kind of
//! thing is never one for another.
//!
//! Where more than one key must sign, the value itself names the others ([`Signable::cosigners`]).
//! Every signature, and so the value's id, covers that list: nobody can add, take away or swap a
//! cosignature without all others signing again. How many signatures follow is said by the value
//! and not a second time, so that there is one way to write it, and one signature costs no byte.
//! Which of the named keys stands first is not signed: it is the one that sends, and it signs too.

use borsh::io;
use borsh::{BorshDeserialize, BorshSerialize};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use thiserror::Error;

use crate::bytes::{self, Limited, Malformed};
use crate::ids::{Digest, PublicKey};

/// So many keys sign a value at most, beside the first.
pub const COSIGNERS_MAX: usize = 32;

/// Something that is signed, and the words that keep its signatures apart from all others.
pub trait Signable: BorshSerialize + BorshDeserialize + Limited {
    /// The domain of its signatures; never reused, never changed.
    const CONTEXT: &'static str;

    /// The keys that must sign it beside the one that signs first: at most [`COSIGNERS_MAX`],
    /// rising, each once. None, for what one key can say.
    fn cosigners(&self) -> &[PublicKey] {
        &[]
    }
}

/// A signature is not that key's signature of that value, or one is missing.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the signature does not belong to this content and key")]
pub struct BadSignature;

/// A value, a key, and what is said to be the key's signature of it, and those of the keys that the
/// value names beside it. Nothing is checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed<T> {
    value: T,
    key: PublicKey,
    signature: [u8; 64],
    /// One per cosigner, in their order; zeros where one has not signed yet.
    more: Vec<[u8; 64]>,
}

/// A value whose signature by `key` has been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked<T> {
    value: T,
    key: PublicKey,
    id: Digest,
}

/// A public key made ready for checking signatures. To make it takes about a tenth of a check:
/// worth keeping for a key that signs often.
#[derive(Clone, Copy, Debug)]
pub struct UnpackedKey {
    packed: PublicKey,
    point: VerifyingKey,
}

impl UnpackedKey {
    /// Unpacks a key.
    ///
    /// # Errors
    /// [`BadSignature`] if these bytes are no key, so that they cannot have signed anything.
    pub fn of(key: PublicKey) -> Result<Self, BadSignature> {
        let point = VerifyingKey::from_bytes(key.bytes()).map_err(|_| BadSignature)?;
        Ok(Self { packed: key, point })
    }

    fn has_signed(&self, id: &Digest, signature: &[u8; 64]) -> Result<(), BadSignature> {
        self.point
            .verify_strict(id.bytes(), &Signature::from_bytes(signature))
            .map_err(|_| BadSignature)
    }
}

/// Whether votes could be checked with these bytes: members that nobody can hear would stop all.
pub(crate) fn is_strong_key(key: &PublicKey) -> bool {
    VerifyingKey::from_bytes(key.bytes()).is_ok_and(|key| !key.is_weak())
}

/// The digest that is signed: of the value under its own context.
pub fn signing_digest<T: Signable>(value: &T) -> Digest {
    Digest::new(blake3::derive_key(T::CONTEXT, &bytes::write(value)))
}

impl<T: Signable> Signed<T> {
    /// Signs a value, as the first. Where it names cosigners, each has still to [`Self::cosign`].
    pub fn sign(value: T, key: &SigningKey) -> Self {
        let signature = key.sign(signing_digest(&value).bytes()).to_bytes();
        Self {
            key: PublicKey::new(key.verifying_key().to_bytes()),
            signature,
            more: vec![[0; 64]; value.cosigners().len()],
            value,
        }
    }

    /// Adds the signature of one of the cosigners that the value names, in any order; `false`, and
    /// nothing changes, if the key is none of them.
    pub fn cosign(&mut self, key: &SigningKey) -> bool {
        let public = PublicKey::new(key.verifying_key().to_bytes());
        let mut places = self.value.cosigners().iter().zip(&mut self.more);
        let Some((_, place)) = places.find(|(named, _)| **named == public) else {
            return false;
        };
        *place = key.sign(signing_digest(&self.value).bytes()).to_bytes();
        true
    }

    /// Puts together a value that names no cosigners and a signature that arrived apart.
    pub const fn from_parts(value: T, key: PublicKey, signature: [u8; 64]) -> Self {
        Self {
            value,
            key,
            signature,
            more: Vec::new(),
        }
    }

    /// The digest of what was signed. It names the value whatever the signature, so a signature
    /// that was changed on the way does not make a second thing.
    pub fn id(&self) -> Digest {
        signing_digest(&self.value)
    }

    /// The key that is said to have signed.
    pub const fn claimed_key(&self) -> PublicKey {
        self.key
    }

    /// The signature, to be sent apart from the value.
    pub const fn signature(&self) -> [u8; 64] {
        self.signature
    }

    /// The value, unchecked: for showing and for choosing what to check, never for believing.
    pub const fn unchecked(&self) -> &T {
        &self.value
    }

    /// Checks every signature once (strict ed25519, RFC 8032 without malleable encodings).
    ///
    /// # Errors
    /// [`BadSignature`] if a key is no key or did not sign this value, if one is there twice, or if
    /// there are more than [`COSIGNERS_MAX`].
    pub fn check(self) -> Result<Checked<T>, BadSignature> {
        let key = UnpackedKey::of(self.key)?;
        self.check_by(&key)
    }

    /// The same check, for whoever has unpacked the key already.
    ///
    /// # Errors
    /// [`BadSignature`] if `key` is not the key in it, or did not sign this value.
    pub fn check_by(self, key: &UnpackedKey) -> Result<Checked<T>, BadSignature> {
        if key.packed != self.key {
            return Err(BadSignature);
        }
        let id = self.id();
        let others = self.value.cosigners();
        let in_order = others.is_sorted_by(|one, next| one < next);
        if others.len() > COSIGNERS_MAX || others.len() != self.more.len() || !in_order {
            return Err(BadSignature);
        }
        if others.contains(&self.key) {
            return Err(BadSignature);
        }
        key.has_signed(&id, &self.signature)?;
        for (other, signature) in others.iter().zip(&self.more) {
            UnpackedKey::of(*other)?.has_signed(&id, signature)?;
        }
        Ok(Checked {
            value: self.value,
            key: self.key,
            id,
        })
    }
}

impl<T: Signable> BorshSerialize for Signed<T> {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        self.value.serialize(writer)?;
        self.key.serialize(writer)?;
        self.signature.serialize(writer)?;
        self.more.iter().try_for_each(|one| one.serialize(writer))
    }
}

impl<T: Signable> BorshDeserialize for Signed<T> {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let value = T::deserialize_reader(reader)?;
        let key = PublicKey::deserialize_reader(reader)?;
        let signature = <[u8; 64]>::deserialize_reader(reader)?;
        let others = value.cosigners().len();
        if others > COSIGNERS_MAX {
            let why = "more cosigners than may sign";
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        let more = (0..others)
            .map(|_| <[u8; 64]>::deserialize_reader(reader))
            .collect::<io::Result<_>>()?;
        Ok(Self {
            value,
            key,
            signature,
            more,
        })
    }
}

impl<T: Limited> Limited for Signed<T> {
    fn within_limits(&self) -> Result<(), Malformed> {
        self.value.within_limits()
    }
}

impl<T: Signable> Checked<T> {
    /// What a key says, by whoever holds it and has nobody else to convince: no signature is made,
    /// and none could be sent on. `None` where the value names cosigners, who must sign too.
    pub fn vouched(value: T, key: &SigningKey) -> Option<Self> {
        value.cosigners().is_empty().then(|| Self {
            key: PublicKey::new(key.verifying_key().to_bytes()),
            id: signing_digest(&value),
            value,
        })
    }

    /// Everyone who signed, each once: the first, then the cosigners.
    pub fn keys(&self) -> impl Iterator<Item = PublicKey> {
        std::iter::once(self.key).chain(self.value.cosigners().iter().copied())
    }

    /// Bytes that the keys and signatures take beside the value.
    pub fn signature_bytes(&self) -> usize {
        let others = self.value.cosigners().len();
        32 + 64 * others.saturating_add(1)
    }
}

impl<T> Checked<T> {
    /// What was signed.
    pub const fn value(&self) -> &T {
        &self.value
    }

    /// The value itself, when the proof is no longer needed.
    pub fn into_value(self) -> T {
        self.value
    }

    /// Who signed first.
    pub const fn key(&self) -> PublicKey {
        self.key
    }

    /// The digest that was signed; see [`Signed::id`].
    pub const fn id(&self) -> Digest {
        self.id
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    reason = "where it is not as a test says, the test has failed"
)]
mod tests;
