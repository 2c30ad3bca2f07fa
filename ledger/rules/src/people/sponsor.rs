//! Institutions that let peers in, and answer for them: draws and panels keep sponsors apart.

use protocol::event::Event;
use protocol::ids::{PartyId, PeerId};
use protocol::units::{Credits, Moment};

use crate::people::{Peer, PeerNumbers, Peers, Sponsors, is_known};
use crate::refusal::Refusal;
use crate::state::Draft;

/// Lets a peer in under `sponsor`.
///
/// # Errors
/// [`Refusal`] if `sponsor` is none, the owner is not known, or the peer is already in.
pub(crate) fn admit(
    draft: &mut Draft<'_>,
    sponsor: PartyId,
    peer: PeerId,
    owner: PartyId,
) -> Result<(), Refusal> {
    if draft.row::<Sponsors>(&sponsor).is_none() {
        return Err(Refusal::NotASponsor { party: sponsor });
    }
    if !is_known(draft, owner) {
        return Err(Refusal::UnknownParty { party: owner });
    }
    if draft.row::<Peers>(&peer).is_some() {
        return Err(Refusal::AlreadyAdmitted { peer });
    }
    let number = draft
        .count(|counts| counts.peers = counts.peers.saturating_add(1))
        .peers;
    let row = Peer {
        number,
        owner,
        sponsor,
        admitted: draft.now(),
        locked: Credits::ZERO,
        unbonding: Vec::new(),
        jailed_until: Moment::new(0),
        struck: false,
    };
    draft.put::<Peers>(&peer, &row);
    draft.put::<PeerNumbers>(&number, &peer);
    draft.say(Event::PeerAdmitted {
        peer,
        owner,
        sponsor,
    });
    Ok(())
}
