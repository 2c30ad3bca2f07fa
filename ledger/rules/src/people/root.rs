//! What speaks for a party in everything, and how it changes. Whoever is made a root signs for it,
//! so nobody locks a party out with a mistyped key; the roots that were are kept by number, and
//! every single root key leads to its party for good: what was signed before a rotation still finds
//! its owner after it.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::entry::{CheckedEntry, Root};
use protocol::event::{Event, PartyEvent};
use protocol::ids::{PartyId, PublicKey};
use protocol::units::Moment;

use crate::people::op_key::of_sender;
use crate::people::{KeyOwners, Parties, Party, Recoveries, RetiredRoots, Sponsors, is_known};
use crate::refusal::Refusal;
use crate::state::{Draft, View, row};

/// A root that a party had.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct RetiredRoot {
    /// The root.
    pub root: Root,
    /// When another took its place.
    pub until: Moment,
}

/// The party that a key is, or ever was, the only root key of.
pub(crate) fn owner_of(view: &dyn View, key: PublicKey) -> Option<PartyId> {
    let first = PartyId::of(&key);
    row::<KeyOwners>(view, &key).or_else(|| is_known(view, first).then_some(first))
}

/// Changes the sender's root, which has signed, to one that has signed too.
///
/// # Errors
/// [`Refusal`] if the new root has not signed, is or was someone's root key, or the root changed
/// too often lately.
pub(crate) fn rotate(
    draft: &mut Draft<'_>,
    entry: &CheckedEntry,
    root: &Root,
) -> Result<(), Refusal> {
    let party = entry.value().sender;
    free_and_signed(draft, entry, party, root)?;
    let (now, window) = (draft.now(), draft.params().unbond_window);
    let mut known = of_sender(draft, party);
    known.rotated.retain(|when| when.after(window) > now);
    let max = usize::from(draft.params().rotations_max);
    if let Some(oldest) = known.rotated.first().filter(|_| known.rotated.len() >= max) {
        let from = oldest.after(window);
        return Err(Refusal::RotatedTooOften { max, from });
    }
    known.rotated.push(now);
    // Whoever can rotate has not lost the root.
    drop_recovery(draft, party);
    change(draft, party, known, root);
    Ok(())
}

/// Refuses a new root that has not signed, or whose key is or was someone's root.
pub(crate) fn free_and_signed(
    draft: &Draft<'_>,
    entry: &CheckedEntry,
    party: PartyId,
    root: &Root,
) -> Result<(), Refusal> {
    let keys: Vec<PublicKey> = entry.keys().collect();
    if !root.is_met_by(&keys) {
        return Err(Refusal::NewRootUnsigned);
    }
    free(draft, party, root)
}

/// Refuses a new root whose key is or was someone's root, or is an operational key of the party.
pub(crate) fn free(draft: &Draft<'_>, party: PartyId, root: &Root) -> Result<(), Refusal> {
    if let Root::One(key) = root
        && owner_of(draft, *key).is_some()
    {
        return Err(Refusal::KeyInUse { key: *key });
    }
    let named = of_sender(draft, party).keys;
    match root.keys().into_iter().find(|key| named.contains(key)) {
        Some(key) => Err(Refusal::KeyInUse { key }),
        None => Ok(()),
    }
}

/// Puts a new root in the place of the old one, which is kept by its number.
pub(crate) fn change(draft: &mut Draft<'_>, party: PartyId, mut known: Party, root: &Root) {
    let retired = RetiredRoot {
        root: std::mem::replace(&mut known.root, root.clone()),
        until: draft.now(),
    };
    draft.put::<RetiredRoots>(&(party, known.roots), &retired);
    known.roots = known.roots.saturating_add(1);
    draft.put::<Parties>(&party, &known);
    if let Root::One(key) = root {
        draft.put::<KeyOwners>(key, &party);
    }
    draft.say(Event::Party(PartyEvent::RootChanged { party }));
}

/// Ends a pending recovery of a party, and says so.
pub(crate) fn drop_recovery(draft: &mut Draft<'_>, party: PartyId) {
    if draft.row::<Recoveries>(&party).is_some() {
        draft.remove::<Recoveries>(&party);
        draft.say(Event::Party(PartyEvent::RecoveryCancelled { party }));
    }
}

/// Chooses who may give a party a new root. A recovery that another has begun ends.
///
/// # Errors
/// [`Refusal::NotASponsor`].
pub(crate) fn set_guardian(
    draft: &mut Draft<'_>,
    party: PartyId,
    guardian: Option<PartyId>,
) -> Result<(), Refusal> {
    if let Some(party) = guardian
        && draft.row::<Sponsors>(&party).is_none()
    {
        return Err(Refusal::NotASponsor { party });
    }
    let mut known = of_sender(draft, party);
    known.guardian = guardian;
    draft.put::<Parties>(&party, &known);
    drop_recovery(draft, party);
    Ok(())
}

/// Answers, as a sponsor, for the free entries of a party that nobody answers for.
///
/// # Errors
/// [`Refusal`] if the sender is no sponsor, the party is not known, or someone answers for it.
pub(crate) fn vouch(
    draft: &mut Draft<'_>,
    sponsor: PartyId,
    party: PartyId,
) -> Result<(), Refusal> {
    if draft.row::<Sponsors>(&sponsor).is_none() {
        return Err(Refusal::NotASponsor { party: sponsor });
    }
    let mut known = draft
        .row::<Parties>(&party)
        .ok_or(Refusal::UnknownParty { party })?;
    if known.sponsor.is_some() || draft.row::<Sponsors>(&party).is_some() {
        return Err(Refusal::AlreadyVouched { party });
    }
    known.sponsor = Some(sponsor);
    draft.put::<Parties>(&party, &known);
    Ok(())
}
