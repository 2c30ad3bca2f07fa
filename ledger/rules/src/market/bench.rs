//! How fast peers are, as members saw it: what a price per Gfuel means in a second.
//!
//! A score is the median of what at least three members saw, none of them the peer's sponsor or
//! owner; so neither one member nor the peer itself decides it. It is quoted and shown; what is
//! paid follows from fuel alone.
//!
//! An offer declares no score, so the members' own words are held against one another: a peer for
//! which no half of them lies within `meter_error_max` of any one is taken off the class's roster
//! (U8) until it publishes anew, and is measured from the beginning.

use std::num::NonZeroU64;

use protocol::event::{Aside, CouncilEvent, Event};
use protocol::ids::{PartyId, PeerId};
use protocol::job::Class;
use protocol::units::{Bps, Credits, mul_div_floor};

use crate::council::seated;
use crate::market::roster;
use crate::people::Peers;
use crate::refusal::{CouncilRefusal, Refusal};
use crate::state::{Draft, View, row, table};

/// So many members must have seen a peer run.
const SEEN_MIN: usize = 3;
/// The words of so many members are kept, the latest ones.
const SEEN_MAX: usize = 7;
/// Millions in a thousand millions.
const MEGA_PER_GIGA: NonZeroU64 = NonZeroU64::new(1_000).expect("a thousand is not zero");

table!(
    /// What members saw of a peer, the latest last.
    Benches, 0xBF, (PeerId, Class) => Vec<(PartyId, u32)>
);

/// A member says how fast a peer ran a known task; its earlier word is forgotten.
///
/// # Errors
/// [`Refusal`] if the sender is no member, the peer is not admitted or the member's own, or the
/// score is zero.
pub(crate) fn report(
    draft: &mut Draft<'_>,
    sender: PartyId,
    (peer, class): (PeerId, Class),
    score: u32,
) -> Result<(), Refusal> {
    seated(draft, sender)?;
    let known = draft.row::<Peers>(&peer);
    let known = known.ok_or(Refusal::UnknownPeer { peer })?;
    if known.owner == sender || known.sponsor == sender {
        return Err(Refusal::Council(CouncilRefusal::OwnPeer { peer }));
    }
    if score == 0 {
        return Err(Refusal::AmountIsZero);
    }
    let mut seen = draft.row::<Benches>(&(peer, class)).unwrap_or_default();
    seen.retain(|(member, _)| *member != sender);
    seen.push((sender, score));
    if seen.len() > SEEN_MAX {
        seen.remove(0);
    }
    draft.put::<Benches>(&(peer, class), &seen);
    draft.say(Event::Council(CouncilEvent::Benched {
        by: sender,
        peer,
        class,
        score,
    }));
    let now = draft.now();
    if is_unsteady(&seen, draft.params().meter_error_max)
        && roster::take_down(draft, (peer, class), Aside::Metered, now)
    {
        // It is measured anew when it publishes anew.
        draft.remove::<Benches>(&(peer, class));
    }
    Ok(())
}

/// Whether most of what members measured lies further than it may from whichever of it one takes:
/// then no price per second means anything. A member that lies cannot bring that about where the
/// others agree.
fn is_unsteady(seen: &[(PartyId, u32)], most: Bps) -> bool {
    let is_far = |one: u32, other: u32| {
        let apart = u64::from(one.abs_diff(other)).saturating_mul(Bps::ONE.get().into());
        apart > u64::from(other).saturating_mul(most.get().into())
    };
    let alone = |(_, other): &(PartyId, u32)| {
        let far = seen.iter().filter(|(_, one)| is_far(*one, *other));
        far.count().saturating_mul(2) > seen.len()
    };
    seen.len() >= SEEN_MIN && seen.iter().all(alone)
}

/// The lower median, once enough have measured.
fn median(seen: &[(PartyId, u32)]) -> Option<u32> {
    if seen.len() < SEEN_MIN {
        return None;
    }
    let mut scores: Vec<u32> = seen.iter().map(|(_, score)| *score).collect();
    scores.sort_unstable();
    let middle = scores.len().saturating_sub(1) / 2;
    scores.get(middle).copied()
}

/// A peer's score: the lower median of what members saw, once enough have.
pub(crate) fn score(view: &dyn View, peer: PeerId, class: Class) -> Option<u32> {
    median(&row::<Benches>(view, &(peer, class))?)
}

/// What a second at such a score costs at such a price for a Gfuel.
pub(crate) fn per_second(per_gfuel: Credits, score: u32) -> Option<Credits> {
    mul_div_floor(per_gfuel.get(), score.into(), MEGA_PER_GIGA).map(Credits::new)
}
