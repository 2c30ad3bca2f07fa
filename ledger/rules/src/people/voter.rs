//! The keys that sign members' votes on blocks. Each belongs to its member for good: a key that was
//! replaced, or whose member has left, still leads a late proof of two votes (F6) to its owner.
//!
//! ```text
//! old key ──Rotate, signed by both──▶ pending ──next epoch──▶ new key
//! two votes ──ShowVotes──▶ accused: no audits, no first panels, bond kept ──council──▶ F6
//! ```
//!
//! A vote is sent before its view is stored, so an honest member that crashes in between can vote
//! twice; therefore the proof alone costs nothing, and the council decides.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::entry::{KeyRotation, TwoVotes, VoterRequest};
use protocol::event::{CouncilEvent, Event};
use protocol::ids::{Digest, PartyId, PublicKey};
use protocol::units::Moment;

use crate::council::{epochs, seated};
use crate::people::{MemberNumbers, Members, member};
use crate::refusal::{CouncilRefusal, Refusal};
use crate::state::{Draft, View, row, table};

/// A key that signs votes on blocks, or did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Voter {
    /// Whose votes.
    pub member: PartyId,
    /// The key that took its place, and when, once one has.
    pub next: Option<(PublicKey, Moment)>,
}

/// What a member has done with its voting keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Rotations {
    /// The key that signs its votes from the next epoch on.
    pub(crate) pending: Option<PublicKey>,
    /// When it lately asked for one.
    pub(crate) asked: Vec<Moment>,
}

/// A proof of two votes that was shown against a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Accusation {
    /// [`TwoVotes::id`].
    pub evidence: Digest,
    /// In which view it voted twice.
    pub view: u64,
    /// When it was shown.
    pub when: Moment,
    /// It is not called as judge or auditor before this, and its bond stays.
    pub until: Moment,
    /// Whether the council has punished it.
    pub punished: bool,
}

table!(
    /// Every key that signs votes on blocks, or ever did.
    Voters, 0x70, PublicKey => Voter
);
table!(
    /// What members have done with their voting keys.
    VoterRotations, 0x71, PartyId => Rotations
);
table!(
    /// Members whose voting key changes when the epoch ends; at most 64.
    Rotating, 0x72, () => Vec<PartyId>
);
table!(
    /// The latest proof of two votes against a party.
    Accusations, 0x73, PartyId => Accusation
);

/// Answers what is asked about voters.
///
/// # Errors
/// The rule's refusal.
pub(crate) fn rule(
    draft: &mut Draft<'_>,
    sender: PartyId,
    request: &VoterRequest,
) -> Result<(), Refusal> {
    match request {
        VoterRequest::Rotate {
            rotation,
            by_old,
            by_new,
        } => rotate(draft, sender, rotation, [*by_old, *by_new]),
        VoterRequest::ShowVotes { votes } => accuse(draft, votes),
    }
}

/// Whose votes a key signs or signed.
pub(crate) fn of(view: &dyn View, key: PublicKey) -> Option<Voter> {
    row::<Voters>(view, &key)
}

/// Whether a key could sign this party's votes: it is nobody else's, and was not replaced.
pub(crate) fn is_free(view: &dyn View, key: PublicKey, party: PartyId) -> bool {
    of(view, key).is_none_or(|voter| voter.member == party && voter.next.is_none())
}

/// Notes whose votes a key signs.
pub(crate) fn note(draft: &mut Draft<'_>, key: PublicKey, member: PartyId) {
    let next = None;
    draft.put::<Voters>(&key, &Voter { member, next });
}

/// What was shown against a party last, if anything was.
pub(crate) fn accusation(view: &dyn View, party: PartyId) -> Option<Accusation> {
    row::<Accusations>(view, &party)
}

/// Until when a party waits for the council's word on what was shown against it.
pub(crate) fn accused_until(view: &dyn View, party: PartyId) -> Option<Moment> {
    let open = accusation(view, party).filter(|accusation| !accusation.punished);
    open.map(|accusation| accusation.until)
}

/// Whether a member is not called as judge or auditor for what was shown against it.
pub(crate) fn is_accused(draft: &Draft<'_>, party: PartyId) -> bool {
    accused_until(draft, party).is_some_and(|until| until > draft.now())
}

/// Whether this evidence was shown against a party and waits for the council.
pub(crate) fn is_shown(view: &dyn View, party: PartyId, evidence: &Digest) -> bool {
    let shown = accusation(view, party);
    shown.is_some_and(|shown| !shown.punished && shown.evidence == *evidence)
}

/// The council has punished a party for what was shown against it.
pub(crate) fn punished(draft: &mut Draft<'_>, party: PartyId) {
    if let Some(mut accusation) = accusation(draft, party) {
        accusation.punished = true;
        draft.put::<Accusations>(&party, &accusation);
    }
}

fn rotate(
    draft: &mut Draft<'_>,
    sender: PartyId,
    rotation: &KeyRotation,
    [by_old, by_new]: [[u8; 64]; 2],
) -> Result<(), Refusal> {
    let KeyRotation { old, new, .. } = *rotation;
    if rotation.federation != draft.federation() {
        return Err(Refusal::ForeignFederation);
    }
    let member = seated(draft, sender)?;
    if rotation.member != sender || member.consensus != old {
        return Err(Refusal::Council(CouncilRefusal::NotTheVotingKey {
            key: old,
        }));
    }
    if of(draft, new).is_some() {
        return Err(Refusal::KeyInUse { key: new });
    }
    for (key, signature) in [(old, by_old), (new, by_new)] {
        if !rotation.is_signed(key, signature) {
            return Err(Refusal::Council(CouncilRefusal::RotationForged { key }));
        }
    }
    let (now, window) = (draft.now(), draft.params().unbond_window);
    let mut rotations = draft.row::<VoterRotations>(&sender).unwrap_or_default();
    if let Some(key) = rotations.pending {
        return Err(Refusal::KeyInUse { key });
    }
    rotations.asked.retain(|when| when.after(window) > now);
    let max = usize::from(draft.params().rotations_max);
    if let Some(oldest) = rotations
        .asked
        .first()
        .filter(|_| rotations.asked.len() >= max)
    {
        let from = oldest.after(window);
        return Err(Refusal::RotatedTooOften { max, from });
    }
    let mut rotating = draft.row::<Rotating>(&()).unwrap_or_default();
    few_enough(draft, &rotating, member.power)?;
    rotations.asked.push(now);
    rotations.pending = Some(new);
    draft.put::<VoterRotations>(&sender, &rotations);
    note(draft, new, sender);
    rotating.push(sender);
    draft.put::<Rotating>(&(), &rotating);
    Ok(())
}

/// Asks whether so much more power may get a new key when the epoch ends: not a third of all at
/// once, so that who follows the chain still knows most of those who sign it.
fn few_enough(draft: &Draft<'_>, rotating: &[PartyId], power: u8) -> Result<(), Refusal> {
    let known = rotating
        .iter()
        .filter_map(|party| member::of(draft, *party));
    let asked = known.fold(u64::from(power), |sum, member| {
        sum.saturating_add(member.power.into())
    });
    member::is_within_step(draft, asked)
}

/// An epoch has ended: keys that were asked for in it sign from now on.
pub(crate) fn turn(draft: &mut Draft<'_>) {
    let rotating = draft.row::<Rotating>(&()).unwrap_or_default();
    if rotating.is_empty() {
        return;
    }
    draft.remove::<Rotating>(&());
    for party in rotating {
        let mut rotations = draft.row::<VoterRotations>(&party).unwrap_or_default();
        let new = rotations.pending.take();
        draft.put::<VoterRotations>(&party, &rotations);
        // A member that has left meanwhile votes with no key.
        if let Some((new, number)) = new.zip(draft.row::<MemberNumbers>(&party)) {
            replace(draft, number, new);
        }
    }
}

fn replace(draft: &mut Draft<'_>, number: u32, new: PublicKey) {
    let mut member = draft
        .row::<Members>(&number)
        .expect("members are numbered without gaps");
    let retired = Voter {
        member: member.party,
        next: Some((new, draft.now())),
    };
    draft.put::<Voters>(&member.consensus, &retired);
    member::tell(draft, &member, 0);
    member.consensus = new;
    draft.put::<Members>(&number, &member);
    let power = member.power;
    member::tell(draft, &member, power);
}

/// Someone shows two votes of a member. One proof stands against it at a time, and no view twice.
fn accuse(draft: &mut Draft<'_>, votes: &TwoVotes) -> Result<(), Refusal> {
    let key = votes.key;
    let owner = of(draft, key).filter(|voter| member::has_bond(draft, voter.member));
    let party = owner
        .ok_or(Refusal::Council(CouncilRefusal::NotTheVotingKey { key }))?
        .member;
    if let Some(last) = accusation(draft, party)
        && (votes.view <= last.view || is_open(draft, &last))
    {
        return Err(Refusal::Council(CouncilRefusal::AlreadyAccused { party }));
    }
    if !votes.hold(&draft.federation()) {
        return Err(Refusal::Council(CouncilRefusal::NotTwoVotes));
    }
    let (now, params) = (draft.now(), draft.params());
    let decided_by = params.timelock.saturating_mul(2);
    let span = epochs(params, params.voting.saturating_add(decided_by));
    let accusation = Accusation {
        evidence: votes.id(),
        view: votes.view,
        when: now,
        until: now.after(span),
        punished: false,
    };
    draft.put::<Accusations>(&party, &accusation);
    draft.say(Event::Council(CouncilEvent::Accused {
        member: party,
        evidence: accusation.evidence,
        view: accusation.view,
        until: accusation.until,
    }));
    Ok(())
}

/// Whether the council's time for an accusation is not over.
fn is_open(draft: &Draft<'_>, accusation: &Accusation) -> bool {
    !accusation.punished && accusation.until > draft.now()
}
