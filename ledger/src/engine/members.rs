//! The members who vote on blocks, and how much each vote weighs.
//!
//! A set is checked when it is made: keys are real ed25519 keys, powers lie in 1..=100, and the
//! order of the keys is the order of the signatures in every certificate.

use borsh::{BorshDeserialize, BorshSerialize};
use ed25519_dalek::{SigningKey, VerifyingKey};
use hotstuff_rs::types::data_types::Power;
use hotstuff_rs::types::update_sets::ValidatorSetUpdates;
use hotstuff_rs::types::validator_set::ValidatorSet;
use std::collections::BTreeMap;
use std::fmt;

/// The most members one federation can have.
pub const MEMBERS_MAX: usize = 128;
/// The most one member's vote may weigh; finding a leader costs time in proportion to it.
pub const POWER_MAX: u64 = 100;

/// A member's ed25519 consensus key: used for votes and for nothing else.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "borsh")]
pub struct MemberKey([u8; 32]);

impl MemberKey {
    /// Names the member whose key these 32 bytes are; whether they are a key is asked by
    /// [`Members::new`].
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The public half of a member's signing key.
    pub fn of(signing: &SigningKey) -> Self {
        Self(signing.verifying_key().to_bytes())
    }

    /// Its 32 bytes.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<&VerifyingKey> for MemberKey {
    fn from(key: &VerifyingKey) -> Self {
        Self(key.to_bytes())
    }
}

impl fmt::Display for MemberKey {
    /// The first eight bytes in hex, enough to tell members apart.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..8]
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for MemberKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a list of members cannot be a federation.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NotMembers {
    /// Nobody would vote.
    #[error("a federation needs at least one member")]
    None,
    /// More than [`MEMBERS_MAX`].
    #[error("{count} members are more than {MEMBERS_MAX}")]
    TooMany {
        /// How many were given.
        count: usize,
    },
    /// The bytes are no point on the curve.
    #[error("member {member} has no valid ed25519 key")]
    NotAKey {
        /// Whose key it is.
        member: MemberKey,
    },
    /// Outside 1..=[`POWER_MAX`].
    #[error("member {member} has power {power}, it must be 1 to {POWER_MAX}")]
    Power {
        /// Whose power it is.
        member: MemberKey,
        /// What was given.
        power: u64,
    },
    /// The same key is listed twice.
    #[error("member {member} is listed twice")]
    Twice {
        /// The key in question.
        member: MemberKey,
    },
}

/// One member: the key, ready for checking signatures, and the weight of its vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// The key its votes are checked with.
    pub key: VerifyingKey,
    /// 1..=[`POWER_MAX`].
    pub power: u64,
}

/// The voting members, in the order of their keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Members(BTreeMap<MemberKey, Member>);

impl Members {
    /// Checks a list of members and their powers.
    ///
    /// # Errors
    /// The first thing that is wrong with the list.
    pub fn new(list: impl IntoIterator<Item = (MemberKey, u64)>) -> Result<Self, NotMembers> {
        let mut members = BTreeMap::new();
        for (member, power) in list {
            let key = VerifyingKey::from_bytes(member.bytes())
                .map_err(|_| NotMembers::NotAKey { member })?;
            if !(1..=POWER_MAX).contains(&power) {
                return Err(NotMembers::Power { member, power });
            }
            if members.insert(member, Member { key, power }).is_some() {
                return Err(NotMembers::Twice { member });
            }
        }
        match members.len() {
            0 => Err(NotMembers::None),
            count if count > MEMBERS_MAX => Err(NotMembers::TooMany { count }),
            _ => Ok(Self(members)),
        }
    }

    /// Who is behind this key, if it is a member's.
    pub fn get(&self, member: &MemberKey) -> Option<&Member> {
        self.0.get(member)
    }

    /// All of them, in the order of their keys, which is the order of signatures.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&MemberKey, &Member)> {
        self.0.iter()
    }

    /// How many there are, 1..=[`MEMBERS_MAX`].
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Never: [`Members::new`] refuses an empty list.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The weight of all votes together.
    pub fn power(&self) -> u64 {
        self.0.values().map(|member| member.power).sum()
    }

    /// The weight that decides: more than two thirds of all.
    pub fn quorum(&self) -> u64 {
        self.power() * 2 / 3 + 1
    }

    /// The weight among which there is at least one honest member, as long as a quorum is honest.
    pub fn some_honest(&self) -> u64 {
        self.power() - self.quorum() + 1
    }

    /// Who leads `view`: members take turns by their keys, in as many rounds as the largest power,
    /// and each leads in the first rounds, as many as its power. This is the engine's own rule.
    pub(crate) fn leader(&self, view: u64) -> Option<MemberKey> {
        let mut turn = view.checked_rem(self.power())?;
        for round in 1..=POWER_MAX {
            for (key, member) in &self.0 {
                if member.power >= round {
                    if turn == 0 {
                        return Some(*key);
                    }
                    turn -= 1;
                }
            }
        }
        None
    }

    pub(crate) fn to_engine(&self) -> ValidatorSet {
        let mut set = ValidatorSet::new();
        for member in self.0.values() {
            set.put(&member.key, Power::new(member.power));
        }
        set
    }

    pub(crate) fn from_engine(set: &ValidatorSet) -> Self {
        let member = |(key, power): (VerifyingKey, Power)| {
            (
                MemberKey::from(&key),
                Member {
                    key,
                    power: power.int(),
                },
            )
        };
        Self(
            set.validators_and_powers()
                .into_iter()
                .map(member)
                .collect(),
        )
    }

    /// Those of a list who can vote: a key that is no point on the curve, or a power outside
    /// 1..=[`POWER_MAX`], is passed over. `None` if nobody is left, or too many are.
    pub(crate) fn able(list: impl IntoIterator<Item = (MemberKey, u64)>) -> Option<Self> {
        let is_able = |(member, power): &(MemberKey, u64)| {
            VerifyingKey::from_bytes(member.bytes()).is_ok() && (1..=POWER_MAX).contains(power)
        };
        Self::new(list.into_iter().filter(is_able)).ok()
    }
}

/// How one block changes the members: from these to those, which differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    before: Members,
    after: Members,
}

impl Change {
    /// What leads from one set to the other; `None` if they are the same.
    pub fn between(before: Members, after: Members) -> Option<Self> {
        (before != after).then_some(Self { before, after })
    }

    /// The members who agree on the block that changes them.
    pub const fn before(&self) -> &Members {
        &self.before
    }

    /// The members from the next block on.
    pub const fn after(&self) -> &Members {
        &self.after
    }

    pub(super) fn to_engine(&self) -> ValidatorSetUpdates {
        let mut updates = ValidatorSetUpdates::new();
        for (member, entry) in self.after.iter() {
            if self.before.get(member) != Some(entry) {
                updates.insert(entry.key, Power::new(entry.power));
            }
        }
        for (member, entry) in self.before.iter() {
            if self.after.get(member).is_none() {
                updates.delete(entry.key);
            }
        }
        updates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> MemberKey {
        MemberKey::of(&SigningKey::from_bytes(&[seed; 32]))
    }

    #[test]
    fn members_lead_in_the_order_of_their_keys_and_by_their_power() {
        let mut keys = [key(1), key(2), key(3)];
        keys.sort();
        let [a, b, c] = keys;
        let members = Members::new([(a, 1), (b, 3), (c, 2)]).unwrap();
        let turns: Vec<_> = (6..12).map(|view| members.leader(view).unwrap()).collect();
        assert_eq!(turns, [a, b, c, b, c, b]);
    }

    #[test]
    fn a_list_is_refused_for_what_is_wrong_with_it() {
        let twice = vec![(key(1), 1), (key(1), 1)];
        let heavy = vec![(key(1), POWER_MAX + 1)];
        let mut no_point = [0xff; 32];
        no_point[0] = 2;
        let junk = MemberKey::new(no_point);
        for (list, why) in [
            (vec![], NotMembers::None),
            (twice, NotMembers::Twice { member: key(1) }),
            (
                heavy,
                NotMembers::Power {
                    member: key(1),
                    power: 101,
                },
            ),
            (
                vec![(key(1), 0)],
                NotMembers::Power {
                    member: key(1),
                    power: 0,
                },
            ),
        ] {
            assert_eq!(Members::new(list), Err(why));
        }
        if VerifyingKey::from_bytes(junk.bytes()).is_err() {
            assert_eq!(
                Members::new([(junk, 1)]),
                Err(NotMembers::NotAKey { member: junk })
            );
        }
    }

    #[test]
    fn four_equal_members_decide_by_three_and_two_hold_an_honest_one() {
        let members = Members::new((1..=4).map(|seed| (key(seed), 1))).unwrap();
        assert_eq!((members.quorum(), members.some_honest()), (3, 2));
    }
}
