//! Institutions that let peers in, and answer for them: draws and panels keep sponsors apart.

use protocol::event::{Event, PartyEvent};
use protocol::ids::{PartyId, PeerId};
use protocol::units::{Credits, Moment};

use crate::money::posting::{Posting, post};
use crate::money::{About, Account, Code, issue};
use crate::people::{Peer, PeerNumbers, Peers, Sponsors, is_known};
use crate::refusal::Refusal;
use crate::state::Draft;

/// Lets a peer in, as a sponsor asks: it pays for that, for good.
///
/// # Errors
/// [`Refusal`] as of [`admit`], or the sponsor's wallet holds less than the fee.
pub(crate) fn let_in(
    draft: &mut Draft<'_>,
    sponsor: PartyId,
    peer: PeerId,
    owner: PartyId,
) -> Result<(), Refusal> {
    admit(draft, sponsor, peer, owner)?;
    post(
        draft,
        Posting {
            from: Account::Wallet(sponsor),
            to: issue::end_of_credits(draft),
            amount: draft.params().admission_fee,
            code: Code::AdmissionFee,
            about: About::Peer(peer),
        },
    )
}

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
        forfeited: Credits::ZERO,
        unbonding: Vec::new(),
        jailed_until: Moment::new(0),
        struck: false,
        suspended: false,
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

/// Keeps a peer of the sponsor's own out of draws, or lets it in again. Runs that it has stay its
/// own.
///
/// # Errors
/// [`Refusal`] if the peer is not admitted, or by another sponsor.
pub(crate) fn suspend(
    draft: &mut Draft<'_>,
    sponsor: PartyId,
    peer: PeerId,
    suspended: bool,
) -> Result<(), Refusal> {
    let mut row = draft
        .row::<Peers>(&peer)
        .ok_or(Refusal::UnknownPeer { peer })?;
    if row.sponsor != sponsor {
        return Err(Refusal::NotYourSponsored { peer });
    }
    row.suspended = suspended;
    draft.put::<Peers>(&peer, &row);
    draft.say(Event::Party(PartyEvent::PeerSuspended { peer, suspended }));
    Ok(())
}
