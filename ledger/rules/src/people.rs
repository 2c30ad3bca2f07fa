//! Who there is: parties that own credits and sign, sponsors that let peers in, members that judge,
//! peers that work.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::entry::Root;
use protocol::event::Event;
use protocol::ids::{PartyId, PeerId, PublicKey};
use protocol::units::{Credits, Height, Moment};

use crate::refusal::Refusal;
use crate::state::{Draft, View, has, row, table};

pub use op_key::OpKey;
pub use recover::Recovery;
pub use root::RetiredRoot;
pub use voter::{Accusation, Voter};

pub(crate) mod key;
pub(crate) mod member;
pub(crate) mod meter;
pub(crate) mod op_key;
pub(crate) mod party;
pub(crate) mod recover;
pub(crate) mod reputation;
pub(crate) mod root;
pub(crate) mod scope;
pub(crate) mod sponsor;
pub(crate) mod tier;
pub(crate) mod voter;

/// A party on the ledger.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Party {
    /// What speaks for it in everything.
    pub root: Root,
    /// The block in which it became known.
    pub since: Height,
    /// Who answers for its free entries: the sponsor that made it known, or vouched for it later.
    pub sponsor: Option<PartyId>,
    /// Who may give it a new root: the sponsor that made it known, unless it chose another.
    pub guardian: Option<PartyId>,
    /// Its operational keys; each has a row of its own.
    pub keys: Vec<PublicKey>,
    /// How many roots it had before this one.
    pub roots: u32,
    /// When it lately changed its root by itself.
    pub rotated: Vec<Moment>,
}

impl Party {
    /// A party as it begins.
    pub(crate) const fn new(root: PublicKey, since: Height, sponsor: Option<PartyId>) -> Self {
        Self {
            root: Root::One(root),
            since,
            sponsor,
            guardian: sponsor,
            keys: Vec::new(),
            roots: 0,
            rotated: Vec::new(),
        }
    }
}

/// An institution that lets peers in.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Sponsor {
    /// What people call it.
    pub name: String,
    /// Whether it votes on blocks; a community desk does not.
    pub member: bool,
}

/// An institution that votes on blocks and judges disputes.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Member {
    /// What people call it.
    pub name: String,
    /// Its party.
    pub party: PartyId,
    /// The key that signs its votes on blocks.
    pub consensus: PublicKey,
    /// Its node.
    pub peer: PeerId,
    /// Its weight in votes.
    pub power: u8,
}

/// A peer on the ledger.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Peer {
    /// Its number, in order of admission.
    pub number: u64,
    /// Who bonds for it and is paid for it.
    pub owner: PartyId,
    /// The party of the institution that let it in.
    pub sponsor: PartyId,
    /// When it was let in.
    pub admitted: Moment,
    /// What open bundles hold of its bond.
    pub locked: Credits,
    /// What of it was taken at once for two seals, from bundles that are still open. It is locked
    /// again if that is taken back.
    pub forfeited: Credits,
    /// What leaves its bond, and when each part matures.
    pub unbonding: Vec<(Credits, Moment)>,
    /// It is not drawn before this.
    pub jailed_until: Moment,
    /// It signed two results for one bundle: it is never drawn again.
    pub struck: bool,
    /// Its sponsor keeps it out of draws.
    pub suspended: bool,
}

table!(
    /// Every known party.
    Parties, 0x30, PartyId => Party
);
table!(
    /// The next nonce of a party's lane.
    Nonces, 0x31, (PartyId, u16) => u64
);
table!(
    /// Who may let peers in.
    Sponsors, 0x32, PartyId => Sponsor
);
table!(
    /// Members by number.
    Members, 0x33, u32 => Member
);
table!(
    /// The number of a member's party.
    MemberNumbers, 0x34, PartyId => u32
);
table!(
    /// Community desks by number.
    Desks, 0x35, u32 => PartyId
);
table!(
    /// Every admitted peer.
    Peers, 0x36, PeerId => Peer
);
table!(
    /// Peers by number.
    PeerNumbers, 0x37, u64 => PeerId
);

table!(
    /// When the bond of a member that has left matures.
    Departed, 0xBD, PartyId => Moment
);
table!(
    /// An epoch, and how much power changed hands in it.
    PowerMoved, 0xBE, () => (u64, u64)
);
table!(
    /// Operational keys.
    OpKeys, 0x80, (PartyId, PublicKey) => OpKey
);
table!(
    /// Recoveries that have begun.
    Recoveries, 0x84, PartyId => Recovery
);
table!(
    /// The party of every key that became its only root key later than it became known.
    KeyOwners, 0x85, PublicKey => PartyId
);
table!(
    /// A party's earlier roots by number.
    RetiredRoots, 0x86, (PartyId, u32) => RetiredRoot
);

/// Whether the party is known here.
pub(crate) fn is_known(view: &dyn View, party: PartyId) -> bool {
    has::<Parties>(view, &party)
}

/// The peer, if it is this party's.
///
/// # Errors
/// [`Refusal::UnknownPeer`] or [`Refusal::NotYourPeer`].
pub(crate) fn owned(view: &dyn View, peer: PeerId, by: PartyId) -> Result<Peer, Refusal> {
    let row = row::<Peers>(view, &peer).ok_or(Refusal::UnknownPeer { peer })?;
    if row.owner != by {
        return Err(Refusal::NotYourPeer { peer });
    }
    Ok(row)
}

/// Makes the party of a root key known. Where a sponsor asks, it answers for the party's free
/// entries and is its guardian.
///
/// # Errors
/// [`Refusal::AlreadyRegistered`], or the key became the root of another party.
pub(crate) fn register(
    draft: &mut Draft<'_>,
    by: PartyId,
    root: PublicKey,
) -> Result<PartyId, Refusal> {
    let party = PartyId::of(&root);
    if is_known(draft, party) {
        return Err(Refusal::AlreadyRegistered { party });
    }
    if draft.row::<KeyOwners>(&root).is_some() {
        return Err(Refusal::KeyInUse { key: root });
    }
    let sponsor = draft.row::<Sponsors>(&by).map(|_| by);
    let row = Party::new(root, draft.at().height, sponsor);
    draft.put::<Parties>(&party, &row);
    draft.say(Event::Registered { party });
    Ok(party)
}
