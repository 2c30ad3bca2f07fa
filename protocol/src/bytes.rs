//! Canonical writing and bounded reading: one encoding (borsh 1) for all that is hashed, signed or
//! sent between peers.
//!
//! Reading is the checked door for a stranger's bytes. It refuses, in this order: more bytes than
//! the caller allows, bytes that are not one whole value, one byte left over, a value outside the
//! limits its type names.

use borsh::{BorshDeserialize, BorshSerialize};
use thiserror::Error;

/// The bytes do not carry an acceptable value.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Malformed {
    /// There are more bytes than a value of this kind may take.
    #[error("{len} bytes where at most {max} are allowed")]
    TooLong {
        /// How many there are.
        len: usize,
        /// How many there may be.
        max: usize,
    },
    /// They are cut short, carry an unknown variant, or go on after the value's end.
    #[error("not a {what}: {why}")]
    Undecodable {
        /// What was expected.
        what: &'static str,
        /// What the decoder found.
        why: String,
    },
    /// The value decodes but breaks one of its type's limits.
    #[error("{what} is outside its limits: {found} where at most {max} is allowed")]
    OutOfBounds {
        /// The part of the value that is too large.
        what: &'static str,
        /// How large it is.
        found: u64,
        /// How large it may be.
        max: u64,
    },
    /// The value decodes but its parts contradict each other.
    #[error("{0}")]
    Senseless(&'static str),
}

/// A value that knows its own limits.
pub trait Limited {
    /// `Ok` if every list, text and number in it is within its named limit.
    ///
    /// # Errors
    /// [`Malformed::OutOfBounds`] or [`Malformed::Senseless`], naming the first part that is not.
    fn within_limits(&self) -> Result<(), Malformed>;
}

/// The canonical bytes of a value: the same value gives the same bytes on every machine.
pub fn write<T: BorshSerialize>(value: &T) -> Vec<u8> {
    borsh::to_vec(value).expect("our types write to memory, which cannot fail")
}

/// Reads one whole value from a stranger's bytes.
///
/// # Errors
/// [`Malformed`], and nothing was kept.
pub fn read<T: BorshDeserialize + Limited>(bytes: &[u8], max: usize) -> Result<T, Malformed> {
    if bytes.len() > max {
        return Err(Malformed::TooLong {
            len: bytes.len(),
            max,
        });
    }
    let value: T = borsh::from_slice(bytes).map_err(|error| Malformed::Undecodable {
        what: short_name::<T>(),
        why: error.to_string(),
    })?;
    value.within_limits()?;
    Ok(value)
}

/// Refuses a count above its limit.
///
/// # Errors
/// [`Malformed::OutOfBounds`] if `found > max`.
pub fn at_most(what: &'static str, found: usize, max: usize) -> Result<(), Malformed> {
    if found > max {
        let (found, max) = (found as u64, max as u64);
        return Err(Malformed::OutOfBounds { what, found, max });
    }
    Ok(())
}

fn short_name<T>() -> &'static str {
    let name = std::any::type_name::<T>();
    name.split('<')
        .next()
        .and_then(|path| path.rsplit("::").next())
        .unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, BorshSerialize, BorshDeserialize)]
    struct Pair(u8, Vec<u8>);

    impl Limited for Pair {
        fn within_limits(&self) -> Result<(), Malformed> {
            at_most("pair", self.1.len(), 3)
        }
    }

    #[test]
    fn the_door_lets_in_one_whole_value_within_limits_and_nothing_else() {
        let bytes = write(&Pair(1, vec![2, 3]));
        assert_eq!(read::<Pair>(&bytes, 100), Ok(Pair(1, vec![2, 3])));
        assert_eq!(
            read::<Pair>(&bytes, 3),
            Err(Malformed::TooLong { len: 7, max: 3 })
        );
        assert!(read::<Pair>(&bytes[..6], 100).is_err());
        assert!(read::<Pair>(&[&bytes[..], &[0]].concat(), 100).is_err());
        assert!(read::<Pair>(&write(&Pair(1, vec![0; 4])), 100).is_err());
        assert!(read::<Pair>(&[0, 255, 255, 255, 255], 100).is_err());
    }
}
