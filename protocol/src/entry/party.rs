//! What a party asks about itself: which keys speak for it, what each may do, and who gives it a
//! new root when the old one is lost.
//!
//! ```text
//! root (one key, or a quorum of keys) ──sets──▶ operational keys { scope, expiry, limits }
//!   ▲                  ▲
//!   └ the old root     └ the guardian, after a delay in which the old root may say no
//! ```

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::bytes::{Limited, Malformed, at_most};
use crate::ids::{PartyId, PeerId, PublicKey};
use crate::units::{Credits, Moment};

/// A root is so many keys at most.
pub const QUORUM_KEYS_MAX: usize = 16;

/// What speaks for a party in everything.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Root {
    /// One key.
    One(PublicKey),
    /// Several keys, of which enough must sign.
    Many(Quorum),
}

/// Several keys with weights, and the weight that must sign.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Quorum {
    /// The keys, rising, each with a weight of at least 1; at most [`QUORUM_KEYS_MAX`].
    pub keys: Vec<(PublicKey, u16)>,
    /// How much weight must sign: at least 1, at most all of it.
    pub threshold: u32,
}

impl Root {
    /// Its keys.
    pub fn keys(&self) -> Vec<PublicKey> {
        match self {
            Self::One(key) => vec![*key],
            Self::Many(quorum) => quorum.keys.iter().map(|(key, _)| *key).collect(),
        }
    }

    /// Whether these keys together speak with it. Each counts once, however often it is named.
    pub fn is_met_by(&self, signed: &[PublicKey]) -> bool {
        match self {
            Self::One(key) => signed.contains(key),
            Self::Many(quorum) => quorum.weight(signed) >= quorum.threshold,
        }
    }
}

impl Quorum {
    /// The weight of those of its keys that are among `signed`.
    pub fn weight(&self, signed: &[PublicKey]) -> u32 {
        let named = self.keys.iter().filter(|(key, _)| signed.contains(key));
        named.fold(0, |sum: u32, (_, weight)| {
            sum.saturating_add((*weight).into())
        })
    }
}

/// Kinds of things that an operational key may do, as a set. What no kind holds (unbonding, setting
/// keys, a new root) only the root may.
#[derive(Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Scope(u16);

impl Scope {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Pay others, pay others' fees, fill task wallets.
    pub const SPEND: Self = Self(1);
    /// Submit jobs and see them through.
    pub const SUBMIT: Self = Self(2);
    /// Bond peers, publish their offers, take matured bonds back.
    pub const PEER: Self = Self(4);
    /// What a working peer or a judge enters: seals, openings, declines, disputes, answers.
    pub const WORK: Self = Self(8);
    /// Propose and vote.
    pub const COUNCIL: Self = Self(16);
    /// Revoke operational keys, itself too.
    pub const REVOKE: Self = Self(32);
    /// What a sponsor does: make parties known, admit and suspend peers, give grants.
    pub const SPONSOR: Self = Self(64);
    /// Everything there is a kind for.
    pub const ALL: Self = Self(127);

    /// This set and that.
    #[must_use]
    pub const fn and(self, more: Self) -> Self {
        Self(self.0 | more.0)
    }

    /// Whether everything in `asked` is in it.
    pub const fn has(self, asked: Self) -> bool {
        self.0 & asked.0 == asked.0
    }

    /// Whether it has anything of `asked`.
    pub const fn shares(self, asked: Self) -> bool {
        self.0 & asked.0 != 0
    }

    /// The names of what is in it, in the order of their bits.
    pub fn names(self) -> Vec<&'static str> {
        let named = [
            (Self::SPEND, "spend"),
            (Self::SUBMIT, "submit"),
            (Self::PEER, "peer"),
            (Self::WORK, "work"),
            (Self::COUNCIL, "council"),
            (Self::REVOKE, "revoke"),
            (Self::SPONSOR, "sponsor"),
        ];
        let held = named.into_iter().filter(|(one, _)| self.has(*one));
        held.map(|(_, name)| name).collect()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(", "))
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What an operational key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OpKeyPowers {
    /// Which kinds of things.
    pub scope: Scope,
    /// Agreed time from which on it may do nothing.
    pub expires: Moment,
    /// What one entry of its may cost the party, fee included.
    pub per_entry: Credits,
    /// What all its entries of one epoch may cost the party.
    pub per_epoch: Credits,
}

/// What a party asks about itself, or a sponsor about a party or peer of its own.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum PartyRequest {
    /// Let a key speak for the sender within these powers, in place of those it had. Root only.
    SetOpKey {
        /// The key.
        key: PublicKey,
        /// What it may do.
        powers: OpKeyPowers,
    },
    /// Let a key speak no more, from this entry on.
    RevokeKey {
        /// The key.
        key: PublicKey,
    },
    /// Change the root. Signed by the old root, and cosigned by as many keys of the new one as it
    /// needs to speak.
    RotateRoot {
        /// The new root.
        root: Root,
    },
    /// Choose who may give the sender a new root when the old one is lost; nobody, if `None`.
    SetGuardian {
        /// A sponsor.
        guardian: Option<PartyId>,
    },
    /// Answer, as a sponsor, for the free entries of a party that nobody answers for.
    Vouch {
        /// The party.
        party: PartyId,
    },
    /// Begin, as its guardian, to give a party a new root; cosigned by the new root.
    BeginRecovery {
        /// The party.
        party: PartyId,
        /// Its new root.
        root: Root,
    },
    /// End a recovery that has begun: by the party's old root, or by the guardian.
    CancelRecovery {
        /// The party.
        party: PartyId,
    },
    /// Give the party its new root, once the delay is over. Anyone may.
    FinishRecovery {
        /// The party.
        party: PartyId,
    },
    /// Keep a peer of the sender's institution out of draws, or let it in again.
    SuspendPeer {
        /// The peer.
        peer: PeerId,
        /// Whether it is kept out.
        suspended: bool,
    },
}

impl PartyRequest {
    /// What people call it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SetOpKey { .. } => "set-op-key",
            Self::RevokeKey { .. } => "revoke-key",
            Self::RotateRoot { .. } => "rotate-root",
            Self::SetGuardian { .. } => "set-guardian",
            Self::Vouch { .. } => "vouch",
            Self::BeginRecovery { .. } => "begin-recovery",
            Self::CancelRecovery { .. } => "cancel-recovery",
            Self::FinishRecovery { .. } => "finish-recovery",
            Self::SuspendPeer { .. } => "suspend-peer",
        }
    }
}

impl Limited for Root {
    fn within_limits(&self) -> Result<(), Malformed> {
        let Self::Many(quorum) = self else {
            return Ok(());
        };
        at_most("keys of a quorum", quorum.keys.len(), QUORUM_KEYS_MAX)?;
        let in_order = quorum.keys.is_sorted_by(|(one, _), (next, _)| one < next);
        if !in_order || quorum.keys.iter().any(|(_, weight)| *weight == 0) {
            let why = "the keys of a quorum stand in order, each once, with a weight";
            return Err(Malformed::Senseless(why));
        }
        let all = quorum.weight(&self.keys());
        if quorum.threshold == 0 || quorum.threshold > all {
            let why = "a quorum's threshold is at least 1 and at most the weight of all its keys";
            return Err(Malformed::Senseless(why));
        }
        Ok(())
    }
}

impl Limited for PartyRequest {
    fn within_limits(&self) -> Result<(), Malformed> {
        match self {
            Self::SetOpKey { powers, .. } if !Scope::ALL.has(powers.scope) => Err(
                Malformed::Senseless("an operational key's scope has an unknown bit"),
            ),
            Self::RotateRoot { root } | Self::BeginRecovery { root, .. } => root.within_limits(),
            Self::SetOpKey { .. }
            | Self::RevokeKey { .. }
            | Self::SetGuardian { .. }
            | Self::Vouch { .. }
            | Self::CancelRecovery { .. }
            | Self::FinishRecovery { .. }
            | Self::SuspendPeer { .. } => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quorum(keys: &[(u8, u16)], threshold: u32) -> Root {
        let key = |(byte, weight): &(u8, u16)| (PublicKey::new([*byte; 32]), *weight);
        let keys = keys.iter().map(key).collect();
        Root::Many(Quorum { keys, threshold })
    }

    #[test]
    fn a_quorum_is_met_by_weight_and_a_key_named_twice_counts_once() {
        let root = quorum(&[(1, 1), (2, 1), (3, 2)], 3);
        let named = |bytes: &[u8]| bytes.iter().map(|b| PublicKey::new([*b; 32])).collect();
        for (signed, met) in [
            (vec![1, 2], false),
            (vec![1, 3], true),
            (vec![3, 3, 3], false),
            (vec![1, 1, 1, 2], false),
            (vec![9, 8, 7, 3], false),
        ] {
            let keys: Vec<PublicKey> = named(&signed);
            assert_eq!(root.is_met_by(&keys), met, "{signed:?}");
        }
    }

    #[test]
    fn a_quorum_that_nobody_could_meet_or_anybody_is_malformed() {
        assert_eq!(quorum(&[(1, 1), (2, 5)], 6).within_limits(), Ok(()));
        let many: Vec<(u8, u16)> = (1..=17).map(|byte| (byte, 1)).collect();
        for (keys, threshold) in [
            (&[(1, 1), (2, 5)][..], 7),
            (&[(1, 1), (2, 5)], 0),
            (&[(2, 1), (1, 5)], 1),
            (&[(1, 1), (1, 5)], 1),
            (&[(1, 0), (2, 5)], 1),
            (&[], 0),
            (&[], 1),
            (&many, 1),
        ] {
            assert!(quorum(keys, threshold).within_limits().is_err(), "{keys:?}");
        }
        assert_eq!(quorum(&many[1..], 16).within_limits(), Ok(()));
    }

    #[test]
    fn a_scope_names_what_it_holds() {
        let scope = Scope::SPEND.and(Scope::WORK);
        assert!(scope.has(Scope::WORK) && scope.has(Scope::NONE));
        assert!(!scope.has(Scope::SUBMIT) && !scope.has(Scope::SUBMIT.and(Scope::WORK)));
        assert_eq!(scope.to_string(), "spend, work");
        assert_eq!(Scope::ALL.names().len(), 7);
    }
}
