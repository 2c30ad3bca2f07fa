//! How far a peer is trusted in a class, and what follows for the number of copies of what it runs.
//!
//! ```text
//!                     score >= 5 000, 20 checked          score >= 9 500, 200 checked, 7 days
//! Probation, Member ────────────────────────▶ Normal ────────────────────────▶ Trusted
//!  3 copies  2                                2 copies                          1 copy, audited
//! ```

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::genesis::Params;
use protocol::ids::PeerId;
use protocol::job::{COPIES_MAX, Class};
use protocol::units::Moment;

use crate::people::reputation::Reputation;
use crate::people::{Peer, member, reputation};
use crate::state::{Draft, View};

/// How far a peer is trusted.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub enum Tier {
    /// Too little is known of it, or too much that is bad.
    Probation,
    /// It belongs to a member, which answers for it; of its work too little is known.
    Member,
    /// It has shown that it works.
    Normal,
    /// It has shown that for long: audits are enough.
    Trusted,
}

impl Tier {
    /// Every tier, from the least trusted on.
    pub const ALL: [Self; 4] = [Self::Probation, Self::Member, Self::Normal, Self::Trusted];

    /// Its name, as people write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Probation => "probation",
            Self::Member => "member",
            Self::Normal => "normal",
            Self::Trusted => "trusted",
        }
    }

    /// Whether it has shown its work.
    pub const fn is_established(self) -> bool {
        matches!(self, Self::Normal | Self::Trusted)
    }

    /// How many copies there are at least of a bundle that such a peer runs.
    pub fn copies(self, params: &Params) -> u8 {
        let copies = match self {
            Self::Probation => params.copies_probation,
            Self::Member | Self::Normal => params.copies_normal,
            Self::Trusted => params.copies_trusted,
        };
        copies.clamp(1, COPIES_MAX)
    }
}

/// The most copies that the tiers may ask of a bundle for which so many are wished.
pub(crate) fn copies_max(params: &Params, wished: u8) -> u8 {
    let most = Tier::ALL.iter().map(|tier| tier.copies(params)).max();
    most.unwrap_or(wished).max(wished)
}

/// How far a peer is trusted in a class, now.
pub(crate) fn of(draft: &Draft<'_>, peer: PeerId, row: &Peer, class: Class) -> Tier {
    let known = reputation::of(draft, peer, class);
    from(draft, draft.params(), draft.now(), row, &known)
}

/// How far a peer of which so much is known is trusted.
pub(crate) fn from(
    view: &dyn View,
    params: &Params,
    now: Moment,
    row: &Peer,
    known: &Reputation,
) -> Tier {
    let lower = known.score(params).lower;
    let at_least = |score: protocol::units::Bps, verified: u16| {
        lower >= score.get().into() && known.verified >= verified.into()
    };
    if at_least(params.trusted_score, params.trusted_verified)
        && now.since(row.admitted) >= params.trusted_age
    {
        Tier::Trusted
    } else if at_least(params.normal_score, params.normal_verified) {
        Tier::Normal
    } else if known.is_clean(params) && member::of(view, row.owner).is_some() {
        Tier::Member
    } else {
        Tier::Probation
    }
}
