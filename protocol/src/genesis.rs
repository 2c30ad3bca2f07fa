//! How a federation begins: who its members are, what everyone holds, and the governed numbers. The
//! hash of a genesis is the federation's id, so two federations never share a signature.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::bytes::{self, Limited, Malformed, at_most};
use crate::entry::KEYS_MAX;
use crate::ids::{Digest, FederationId, PartyId, PeerId, PublicKey};
use crate::job::NAME_BYTES_MAX;
use crate::signed::is_strong_key;
use crate::units::{Bps, Credits, Moment};

pub use crate::params::Params;

/// A genesis may take so many bytes.
pub const GENESIS_BYTES_MAX: usize = 1 << 20;
/// Fewer members than this cannot outvote one that is faulty.
pub const MEMBERS_MIN: usize = 4;
/// A federation has so many members at most.
pub const MEMBERS_MAX: usize = 64;
/// A genesis names so many sponsors, and so many parties, at most.
pub const NAMED_MAX: usize = 4_096;

/// The first state of a federation.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Genesis {
    /// What people call the federation.
    pub name: String,
    /// When it begins; agreed time never runs before it.
    pub begins: Moment,
    /// Whether it is a `devnet`: only there can a peer be told to misbehave.
    pub devnet: bool,
    /// The institutions that vote on blocks.
    pub members: Vec<Member>,
    /// Community desks: sponsors that do not vote.
    pub desks: Vec<Desk>,
    /// Parties and what each is granted.
    pub grants: Vec<Grant>,
    /// The governed numbers.
    pub params: Params,
    /// Where credits come from after the beginning.
    pub issuance: Issuance,
    /// Who can stop things in an emergency; nobody, where there are no keys.
    pub emergency: Committee,
}

/// Where credits come from. A federation chooses once.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Issuance {
    /// From the beginning alone: what there is then is all there will ever be.
    Fixed,
    /// From every epoch, bounded by a share of all credits in a year.
    Inflation,
    /// From members who owe them: each may go below zero as far as its line, to pay for work.
    MutualCredit,
    /// From a reserve that custodians hold, never more than it covers.
    Reserve {
        /// Who says what the reserve holds.
        custodians: Committee,
        /// What it holds at the beginning.
        holds: Credits,
        /// Whether credits can be given back for what the reserve holds.
        redeemable: bool,
        /// What a credit costs of it; one unit, if there is none.
        curve: Option<Curve>,
    },
}

/// The least that a curve keeps back of what it gives.
pub const SPREAD_MIN: Bps = Bps::new(50);

/// A price that rises with every credit there is: a bonding curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Curve {
    /// What the first whole credit costs, in millionths of the reserve's unit; more than nothing.
    pub p0: Credits,
    /// By how many such millionths each whole credit costs more than the one before, times 2^32.
    pub slope_q32: u64,
    /// What is kept back of what is redeemed: [`SPREAD_MIN`] or more, and less than all.
    pub spread: Bps,
}

impl Limited for Curve {
    fn within_limits(&self) -> Result<(), Malformed> {
        if self.p0 == Credits::ZERO {
            return Err(Malformed::Senseless("on a curve no credit is for nothing"));
        }
        if self.spread < SPREAD_MIN || self.spread >= Bps::new(10_000) {
            return Err(Malformed::Senseless(
                "a curve keeps back 50 to 9 999 ten-thousandths of what it gives",
            ));
        }
        Ok(())
    }
}

/// Keys of people, of which enough must sign together.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Committee {
    /// The keys, each once.
    pub keys: Vec<PublicKey>,
    /// How many of them must sign: 1 to their number, or 0 if there are none.
    pub threshold: u8,
}

impl Committee {
    /// Nobody.
    pub const NOBODY: Self = Self {
        keys: Vec::new(),
        threshold: 0,
    };
}

impl Limited for Committee {
    fn within_limits(&self) -> Result<(), Malformed> {
        at_most("keys of a committee", self.keys.len(), KEYS_MAX)?;
        let count = self.keys.len();
        let needed = usize::from(self.threshold);
        let twice = (1..count).any(|place| self.keys[..place].contains(&self.keys[place]));
        if twice || needed > count || (needed == 0 && count > 0) {
            return Err(Malformed::Senseless(
                "a committee's keys differ, and 1 to all of them must sign",
            ));
        }
        Ok(())
    }
}

/// An institution that votes on blocks and sponsors peers.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Member {
    /// What people call it.
    pub name: String,
    /// The root key of its party.
    pub party: PublicKey,
    /// The key that signs its votes, and nothing else.
    pub consensus: PublicKey,
    /// Its node.
    pub peer: PeerId,
    /// Its weight in votes: 1 to 100.
    pub power: u8,
    /// What it stands to lose as a judge; taken from its grant.
    pub bond: Credits,
}

/// A sponsor that does not vote.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Desk {
    /// What people call it.
    pub name: String,
    /// The root key of its party.
    pub party: PublicKey,
}

/// Credits that a party holds from the beginning.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Grant {
    /// The root key of the party.
    pub party: PublicKey,
    /// How much.
    pub amount: Credits,
}

impl Genesis {
    /// The federation's id.
    pub fn id(&self) -> FederationId {
        let written = bytes::write(self);
        FederationId::new(*Digest::derive("tallygrid genesis v1", &[&written]).bytes())
    }

    /// The member of this party, if it is one.
    pub fn member(&self, party: &PartyId) -> Option<&Member> {
        self.members
            .iter()
            .find(|member| PartyId::of(&member.party) == *party)
    }
}

impl Limited for Genesis {
    fn within_limits(&self) -> Result<(), Malformed> {
        at_most("name", self.name.len(), NAME_BYTES_MAX)?;
        at_most("members", self.members.len(), MEMBERS_MAX)?;
        at_most("desks", self.desks.len(), NAMED_MAX)?;
        at_most("grants", self.grants.len(), NAMED_MAX)?;
        if self.members.len() < MEMBERS_MIN {
            return Err(Malformed::Senseless(
                "a federation has at least four members",
            ));
        }
        if self
            .members
            .iter()
            .any(|member| !(1..=100).contains(&member.power))
        {
            return Err(Malformed::Senseless("a member's power is 1 to 100"));
        }
        let mut members = self.members.iter();
        if !members.all(|member| is_strong_key(&member.consensus)) {
            return Err(Malformed::Senseless(
                "a consensus key is an ed25519 key of full order",
            ));
        }
        let names = self
            .members
            .iter()
            .map(|m| &m.name)
            .chain(self.desks.iter().map(|d| &d.name));
        self.emergency.within_limits()?;
        if let Issuance::Reserve {
            custodians, curve, ..
        } = &self.issuance
        {
            custodians.within_limits()?;
            curve.as_ref().map_or(Ok(()), Limited::within_limits)?;
            if custodians.threshold == 0 {
                return Err(Malformed::Senseless("a reserve has custodians"));
            }
        }
        for name in names {
            at_most("name", name.len(), NAME_BYTES_MAX)?;
        }
        Ok(())
    }
}
