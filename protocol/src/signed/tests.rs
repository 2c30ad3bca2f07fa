//! Signatures, forged in every place.

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

#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Treaty(Vec<PublicKey>);
impl Limited for Treaty {
    fn within_limits(&self) -> Result<(), Malformed> {
        Ok(())
    }
}
impl Signable for Treaty {
    const CONTEXT: &'static str = "tallygrid test treaty";
    fn cosigners(&self) -> &[PublicKey] {
        &self.0
    }
}

fn keys(numbers: &[u8]) -> Vec<SigningKey> {
    let mut keys: Vec<_> = numbers
        .iter()
        .map(|n| SigningKey::from_bytes(&[*n; 32]))
        .collect();
    keys.sort_by_key(|key| key.verifying_key().to_bytes());
    keys
}

fn public(key: &SigningKey) -> PublicKey {
    PublicKey::new(key.verifying_key().to_bytes())
}

#[test]
fn everyone_a_treaty_names_must_sign_it_once() {
    let (first, others) = (SigningKey::from_bytes(&[1; 32]), keys(&[2, 3, 4]));
    let treaty = Treaty(others.iter().map(public).collect());
    let mut signed = Signed::sign(treaty.clone(), &first);
    for other in others.iter().rev() {
        assert_eq!(signed.clone().check(), Err(BadSignature), "one is missing");
        assert!(signed.cosign(other));
    }
    assert!(!signed.cosign(&first), "the first is none of the others");
    let checked = signed.clone().check().unwrap();
    assert_eq!(checked.keys().count(), 4);
    let written = bytes::write(&signed);
    assert_eq!(
        written.len(),
        bytes::write(&treaty).len() + checked.signature_bytes()
    );
    assert_eq!(
        bytes::read::<Signed<Treaty>>(&written, 4_096),
        Ok(signed.clone())
    );
    assert!(bytes::read::<Signed<Treaty>>(&written[..written.len() - 1], 4_096).is_err());

    // Taking one away, or adding one, is another treaty that nobody has signed.
    let mut fewer = signed.clone();
    fewer.value.0.pop();
    fewer.more.pop();
    assert_ne!(fewer.id(), signed.id());
    assert_eq!(fewer.check(), Err(BadSignature));
    let mut short = signed.clone();
    short.more.pop();
    assert_eq!(short.check(), Err(BadSignature));
    let mut swapped = signed.clone();
    swapped.more.swap(0, 1);
    assert_eq!(swapped.check(), Err(BadSignature));
}

#[test]
fn a_list_that_is_out_of_order_doubled_or_too_long_is_no_signature() {
    let first = SigningKey::from_bytes(&[1; 32]);
    let all_signed = |named: Vec<SigningKey>| {
        let mut signed = Signed::sign(Treaty(named.iter().map(public).collect()), &first);
        for (place, key) in named.iter().enumerate() {
            signed.more[place] = key.sign(signed.id().bytes()).to_bytes();
        }
        signed
    };
    let (mut falling, rising) = (keys(&[2, 3]), keys(&[2, 3]));
    falling.reverse();
    assert!(all_signed(rising.clone()).check().is_ok());
    let twice = vec![rising[0].clone(), rising[0].clone()];
    let with_first = keys(&[1, 2]);
    let many: Vec<u8> = (2..=34).collect();
    assert_eq!(many.len(), COSIGNERS_MAX + 1);
    for named in [falling, twice, with_first, keys(&many)] {
        assert_eq!(all_signed(named).check(), Err(BadSignature));
    }
    let too_many = bytes::write(&all_signed(keys(&many)));
    assert!(bytes::read::<Signed<Treaty>>(&too_many, 1 << 20).is_err());
    assert!(all_signed(keys(&many[1..])).check().is_ok());
}

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

#[test]
fn what_a_key_vouches_for_is_what_it_would_have_signed() {
    let key = SigningKey::from_bytes(&[1; 32]);
    let signed = Signed::sign(Note(7), &key).check().unwrap();
    assert_eq!(Checked::vouched(Note(7), &key), Some(signed));
    let treaty = Treaty(vec![public(&SigningKey::from_bytes(&[2; 32]))]);
    assert_eq!(Checked::vouched(treaty, &key), None, "others must sign it");
}
