//! How many tasks peers really run at once, as members saw it (F5, F10).
//!
//! ```text
//! epoch begins ─▶ lots: the hash of its first block ─▶ for any peer and class: three members
//! each of them ──slots that were there──▶ two saw too few ─▶ leases missed;
//!                                                offer cut, readiness lost
//! ```
//!
//! Who may ask whom follows from the lots, and is worked out where somebody reports: nothing walks
//! over peers. The lots are cast once for all peers and hold for an epoch, so the leader of that
//! one block could at most choose between a few draws, for that epoch alone. Nobody is drawn for a
//! peer that it owns, sponsors or holds a lease of, and one member that lies decides nothing.
//!
//! A peer claims what it offers and what it has leased out; what is there goes to its leases first.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::event::{CouncilEvent, Event};
use protocol::ids::{Digest, PartyId, PeerId};
use protocol::job::Class;
use protocol::units::Moment;

use crate::chance::Chance;
use crate::council::seated;
use crate::epoch::reward;
use crate::market::lease::{self, shelf};
use crate::market::roster;
use crate::people::{Peers, member};
use crate::refusal::{CouncilRefusal, Refusal};
use crate::state::{Draft, View, row, table};
use crate::work::feigned;

/// So many members are drawn to ask for a peer's capacity.
const CHALLENGERS: usize = 3;
/// So many of them must have seen too little.
const CONVINCED: usize = 2;
/// Who has nine tenths of what it claims has enough: a machine has other things to do too.
const ENOUGH: (u32, u32) = (9, 10);

/// What a member saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Seen {
    /// Who.
    pub by: PartyId,
    /// The slots that the peer claimed then.
    pub claimed: u16,
    /// The slots that were there.
    pub slots: u16,
}

/// What members saw of a peer's capacity in a class, in one epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Capacity {
    /// The epoch.
    pub epoch: u64,
    /// What each of at most three saw.
    pub seen: Vec<Seen>,
    /// The slots it was left with, if it had feigned others.
    pub found: Option<u16>,
}

table!(
    /// The running epoch's lots, once they are cast, and when they were.
    Lots, 0xC8, () => ((u64, Digest), Moment)
);
table!(
    /// What members saw of a peer's capacity.
    Capacities, 0xC9, (PeerId, Class) => Capacity
);

/// Casts an epoch's lots in its second block: the hash of its first, which nobody knew before.
/// `before` is when the last block was.
pub(crate) fn cast_lots(draft: &mut Draft<'_>, before: Moment) {
    let running = draft.epoch();
    let is_second = draft.founding().epoch_at(before).0 == running;
    let cast = lots(draft).map(|((epoch, _), _)| epoch);
    if is_second && cast != Some(running) {
        let (hash, now) = (draft.at().parent, draft.now());
        draft.put::<Lots>(&(), &((running, hash), now));
    }
}

/// The last lots that were cast: of which epoch, what they are, and when that was.
pub(crate) fn lots(view: &dyn View) -> Option<((u64, Digest), Moment)> {
    row::<Lots>(view, &())
}

/// The members that may say in this epoch what a peer's capacity is, and the epoch; nobody before
/// its lots are cast.
pub(crate) fn challengers(
    view: &dyn View,
    peer: PeerId,
    class: Class,
) -> Option<(u64, Vec<PartyId>)> {
    let (known, ((epoch, lots), _)) = (row::<Peers>(view, &peer)?, lots(view)?);
    let members = member::all(view).into_iter().map(|member| member.party);
    // Who holds a lease of it has a part of what it loses.
    let holders = lease::holders(view, peer);
    let has_no_part = |party: &PartyId| {
        *party != known.owner && *party != known.sponsor && !holders.contains(party)
    };
    let mut deck: Vec<PartyId> = members.filter(has_no_part).collect();
    let parts: [&[u8]; 3] = [lots.bytes(), peer.bytes(), class.name().as_bytes()];
    let mut chance = Chance::new("tallygrid challengers v1", &parts);
    let mut drawn = Vec::with_capacity(CHALLENGERS);
    while drawn.len() < CHALLENGERS
        && let Some(card) = chance.place(&vec![1; deck.len()])
    {
        drawn.push(deck.swap_remove(card));
    }
    Some((epoch, drawn))
}

/// What members saw of a peer's capacity, in the epoch in which one last looked.
pub(crate) fn last(view: &dyn View, peer: PeerId, class: Class) -> Option<Capacity> {
    row::<Capacities>(view, &(peer, class))
}

/// What members saw of it in the running epoch.
fn now(draft: &Draft<'_>, peer: PeerId, class: Class) -> Capacity {
    let epoch = draft.epoch();
    let known = last(draft, peer, class).filter(|known| known.epoch == epoch);
    known.unwrap_or(Capacity {
        epoch,
        ..Capacity::default()
    })
}

/// A member says how many slots of a peer were there. A second one that saw too few convicts it: of
/// what it leased, where that is short, and of what it offers beyond.
///
/// # Errors
/// [`Refusal`] if the sender is no member or not drawn for this peer, it is another epoch, the peer
/// claims nothing in the class, or the sender has said so already.
pub(crate) fn report(
    draft: &mut Draft<'_>,
    sender: PartyId,
    (peer, class): (PeerId, Class),
    (epoch, slots): (u64, u16),
) -> Result<(), Refusal> {
    seated(draft, sender)?;
    if draft.row::<Peers>(&peer).is_none() {
        return Err(Refusal::UnknownPeer { peer });
    }
    let running = draft.epoch();
    if epoch != running {
        let refusal = CouncilRefusal::OtherEpoch { epoch, running };
        return Err(Refusal::Council(refusal));
    }
    let drawn = challengers(draft, peer, class).filter(|(cast, _)| *cast == running);
    if drawn.is_none_or(|(_, drawn)| !drawn.contains(&sender)) {
        let party = sender;
        let refusal = CouncilRefusal::NotChallenger { party, peer };
        return Err(Refusal::Council(refusal));
    }
    let (offered, leased) = claims(draft, peer, class);
    let claimed = offered.saturating_add(leased);
    if claimed == 0 {
        return Err(Refusal::NoOffer { peer });
    }
    let mut known = now(draft, peer, class);
    let has_spoken = known.seen.iter().any(|seen| seen.by == sender);
    // Where members came or went since, others are drawn; three have spoken all the same.
    if has_spoken || known.seen.len() >= CHALLENGERS {
        return Err(Refusal::AlreadyAnswered { party: sender });
    }
    known.seen.push(Seen {
        by: sender,
        claimed,
        slots,
    });
    draft.say(Event::Council(CouncilEvent::CapacitySeen {
        by: sender,
        peer,
        class,
        slots,
    }));
    let short = known.seen.iter().filter(|seen| is_short(seen)).count();
    let convicts = known.found.is_none() && short >= CONVINCED;
    if convicts {
        known.found = Some(middle(&known.seen));
    }
    draft.put::<Capacities>(&(peer, class), &known);
    if let Some(seen) = known.found.filter(|_| convicts) {
        lease::convict(draft, (peer, class), seen);
        let rest = seen.saturating_sub(leased);
        if offered > rest {
            feigned::convict(draft, (peer, class), epoch, (offered, rest));
        }
    }
    Ok(())
}

/// What a peer claims in this epoch: what it offers, or has said to stand ready with, if that was
/// more; and what it has leased out.
fn claims(draft: &Draft<'_>, peer: PeerId, class: Class) -> (u16, u16) {
    let offer = roster::offer(draft, peer, class).map_or(0, |offer| offer.standing.slots);
    let ready = reward::ready_with(draft, peer, class);
    (offer.max(ready), shelf::slots_taken(draft, peer, class))
}

fn is_short(seen: &Seen) -> bool {
    let (part, of) = ENOUGH;
    u32::from(seen.slots).saturating_mul(of) < u32::from(seen.claimed).saturating_mul(part)
}

/// The middle of what was seen; of two the greater, so that one liar cannot push it down.
fn middle(seen: &[Seen]) -> u16 {
    let mut slots: Vec<u16> = seen.iter().map(|seen| seen.slots).collect();
    slots.sort_unstable();
    slots.get(slots.len() / 2).copied().unwrap_or_default()
}

/// So many slots a peer may offer at most: where members found in this epoch that it feigned some,
/// what they saw and it has not leased out.
pub(crate) fn most(draft: &Draft<'_>, (peer, class): (PeerId, Class)) -> u16 {
    let found = now(draft, peer, class).found;
    let leased = shelf::slots_taken(draft, peer, class);
    found.map_or(u16::MAX, |seen| seen.saturating_sub(leased))
}

/// Asks whether a peer may offer so many slots ([`most`]).
///
/// # Errors
/// [`CouncilRefusal::Feigned`].
pub(crate) fn allows(
    draft: &Draft<'_>,
    (peer, class): (PeerId, Class),
    slots: u16,
) -> Result<(), Refusal> {
    let seen = most(draft, (peer, class));
    if slots > seen {
        let refusal = CouncilRefusal::Feigned { peer, seen };
        return Err(Refusal::Council(refusal));
    }
    Ok(())
}

/// Asks whether a peer may stand ready: not where it was found in this epoch to feign slots, in
/// whatever class.
///
/// # Errors
/// [`CouncilRefusal::Feigned`].
pub(crate) fn was_honest(draft: &Draft<'_>, peer: PeerId) -> Result<(), Refusal> {
    let mut found = Class::ALL
        .into_iter()
        .filter_map(|class| now(draft, peer, class).found);
    match found.next() {
        Some(seen) => {
            let refusal = CouncilRefusal::Feigned { peer, seen };
            Err(Refusal::Council(refusal))
        }
        None => Ok(()),
    }
}

/// So many of a peer's slots count for standing ready: no more than were seen in this epoch, once
/// as many members have looked as can convict. Slots that are offered afterwards count in the next.
pub(crate) fn believed(draft: &Draft<'_>, (peer, class): (PeerId, Class), slots: u16) -> u16 {
    let known = now(draft, peer, class);
    if known.seen.len() < CONVINCED {
        return slots;
    }
    let claimed = known.seen.iter().map(|seen| seen.claimed).max();
    let leased = shelf::slots_taken(draft, peer, class);
    slots.min(claimed.unwrap_or_default().saturating_sub(leased))
}
