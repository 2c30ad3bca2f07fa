//! The only door from a stranger's signed bytes to our types.
//!
//! ```text
//! bytes ──bytes::read──▶ Signed<T> ──check──▶ Checked<T>
//! ```
//!
//! A [`Checked`] value can only be made by [`Signed::check`], so whoever holds one knows that the
//! key in it signed the value. Whether that key may speak for a party is the ledger's question.
//! Signed bytes are `blake3::derive_key(T::CONTEXT, borsh(value))`: a signature for one kind of
//! thing is never one for another.

use borsh::{BorshDeserialize, BorshSerialize};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use thiserror::Error;

use crate::bytes::{self, Limited, Malformed};
use crate::ids::{Digest, PublicKey};

/// Something that is signed, and the words that keep its signatures apart from all others.
pub trait Signable: BorshSerialize + BorshDeserialize + Limited {
    /// The domain of its signatures; never reused, never changed.
    const CONTEXT: &'static str;
}

/// The signature is not that key's signature of that value.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the signature does not belong to this content and key")]
pub struct BadSignature;

/// A value, a key, and what is said to be the key's signature of it. Nothing is checked yet.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Signed<T> {
    value: T,
    key: PublicKey,
    signature: [u8; 64],
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
}

/// The digest that is signed: of the value under its own context.
pub fn signing_digest<T: Signable>(value: &T) -> Digest {
    Digest::new(blake3::derive_key(T::CONTEXT, &bytes::write(value)))
}

impl<T: Signable> Signed<T> {
    /// Signs a value.
    pub fn sign(value: T, key: &SigningKey) -> Self {
        let signature = key.sign(signing_digest(&value).bytes()).to_bytes();
        Self {
            value,
            key: PublicKey::new(key.verifying_key().to_bytes()),
            signature,
        }
    }

    /// Puts together a value and a signature that arrived apart.
    pub const fn from_parts(value: T, key: PublicKey, signature: [u8; 64]) -> Self {
        Self {
            value,
            key,
            signature,
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

    /// Checks the signature (strict ed25519, RFC 8032 without malleable encodings).
    ///
    /// # Errors
    /// [`BadSignature`] if the key is no key, or did not sign this value.
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
        key.point
            .verify_strict(id.bytes(), &Signature::from_bytes(&self.signature))
            .map_err(|_| BadSignature)?;
        Ok(Checked {
            value: self.value,
            key: self.key,
            id,
        })
    }
}

impl<T: Limited> Limited for Signed<T> {
    fn within_limits(&self) -> Result<(), Malformed> {
        self.value.within_limits()
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

    /// Who signed.
    pub const fn key(&self) -> PublicKey {
        self.key
    }

    /// The digest that was signed; see [`Signed::id`].
    pub const fn id(&self) -> Digest {
        self.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
    struct Note(u8);
    #[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
    struct Oath(u8);
    macro_rules! signable {
        ($name:ident, $context:literal) => {
            impl Limited for $name {
                fn within_limits(&self) -> Result<(), Malformed> {
                    Ok(())
                }
            }
            impl Signable for $name {
                const CONTEXT: &'static str = $context;
            }
        };
    }
    signable!(Note, "tallygrid test note");
    signable!(Oath, "tallygrid test oath");

    #[test]
    fn only_the_signer_of_this_value_in_this_context_passes() {
        let (alice, mallory) = (
            SigningKey::from_bytes(&[1; 32]),
            SigningKey::from_bytes(&[2; 32]),
        );
        let signed = Signed::sign(Note(7), &alice);
        assert_eq!(signed.clone().check().map(|c| c.into_value()), Ok(Note(7)));

        let other_value = Signed {
            value: Note(8),
            ..signed.clone()
        };
        let other_key = Signed {
            key: PublicKey::new(mallory.verifying_key().to_bytes()),
            ..signed.clone()
        };
        let other_context = Signed::from_parts(Oath(7), signed.claimed_key(), signed.signature());
        assert_eq!(other_value.check(), Err(BadSignature));
        assert_eq!(other_key.check(), Err(BadSignature));
        assert_eq!(other_context.check(), Err(BadSignature));
        for place in 0..64 {
            let mut forged = signed.clone();
            forged.signature[place] ^= 1;
            assert_eq!(forged.check(), Err(BadSignature), "byte {place}");
        }
        let no_key = Signed {
            key: PublicKey::new([2; 32]),
            ..signed
        };
        assert_eq!(no_key.check(), Err(BadSignature));
    }
}
