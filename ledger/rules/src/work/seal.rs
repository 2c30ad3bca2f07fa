//! Seals: a drawn peer fixes its outcomes before anyone can read them. The submitter enters the
//! seals of many peers at once; a peer that is not served enters its own.

use protocol::entry::PeerSeal;
use protocol::event::{Event, Fault};
use protocol::ids::{JobId, PartyId};

use crate::epoch::reward;
use crate::people::{meter, reputation};
use crate::refusal::Refusal;
use crate::state::Draft;
use crate::work::case::Case;
use crate::work::hold::Ground;
use crate::work::slash::{self, Rights, Slash};
use crate::work::{Bundle, Gone, Happening, Stage, compare, draw, equivocate, settle};

/// Enters seals. Those that do not apply (already in, handed on meanwhile, forged) are passed over,
/// so that one of them cannot hold up the others.
///
/// # Errors
/// Why the first does not apply, if none does.
pub(crate) fn enter(
    draft: &mut Draft<'_>,
    sender: PartyId,
    job: JobId,
    seals: &[PeerSeal],
) -> Result<(), Refusal> {
    let mut case = Case::take(draft, job)?;
    let mut first_refusal = None;
    let mut any = false;
    for seal in seals {
        match enter_one(&mut case, sender, seal) {
            Ok(()) => any = true,
            Err(refusal) => first_refusal = first_refusal.or(Some(refusal)),
        }
    }
    case.put_back();
    match first_refusal {
        Some(refusal) if !any => Err(refusal),
        _ => Ok(()),
    }
}

fn enter_one(case: &mut Case<'_, '_>, sender: PartyId, seal: &PeerSeal) -> Result<(), Refusal> {
    let (index, peer) = (seal.bundle, seal.peer);
    let mut bundle = case.bundle(index)?;
    let slot = bundle.slot(peer)?;
    let (run, now) = (&bundle.runs[slot], case.draft.deadline_now());
    let second = match run.stage {
        Stage::Running if now > run.seal_by => {
            let due = run.seal_by;
            return Err(Refusal::DeadlinePassed { due, now });
        }
        Stage::Running => false,
        Stage::Gone(_) => return Err(Refusal::NotDrawn { peer }),
        Stage::Sealed(hash) | Stage::Opened(hash, _) => {
            if hash == seal.hash || run.struck || bundle.state.is_ended() {
                return Err(Refusal::AlreadySealed { peer });
            }
            true
        }
    };
    let signed = seal.signed(case.draft.federation(), case.id);
    if signed.check().is_err() {
        return Err(Refusal::SealForged { peer });
    }
    if second {
        let first = match bundle.runs[slot].stage {
            Stage::Sealed(hash) | Stage::Opened(hash, _) => hash,
            Stage::Running | Stage::Gone(_) => seal.hash,
        };
        let ground = Ground::Seals(first, seal.hash);
        equivocate::strike(case, index, &mut bundle, (peer, ground), sender);
    } else {
        bundle.step(Happening::Sealed)?;
        bundle.runs[slot].stage = Stage::Sealed(seal.hash);
        let name = case.name(index);
        case.draft.say(Event::Sealed { bundle: name, peer });
        look(case, index, &mut bundle);
    }
    case.keep(index, &bundle);
    Ok(())
}

/// Moves a drawn bundle on, if its sealing is over: all that still can have sealed, or too few can.
pub(crate) fn look(case: &mut Case<'_, '_>, index: u32, bundle: &mut Bundle) {
    if too_few(bundle) {
        settle::end(case, index, bundle, Happening::TooFew);
        return;
    }
    let running = bundle.runs.iter().any(|run| run.stage == Stage::Running);
    if !running {
        bundle.must_step(Happening::AllSealed);
        case.job.unsealed = case
            .job
            .unsealed
            .checked_sub(1)
            .expect("a bundle is counted as unsealed until it is sealed or over");
    }
}

/// F2 for every run that is late; each is handed on.
pub(crate) fn replace_late(case: &mut Case<'_, '_>, index: u32, bundle: &mut Bundle) {
    let now = case.draft.deadline_now();
    for slot in 0..bundle.runs.len() {
        let run = &bundle.runs[slot];
        if run.stage != Stage::Running || run.seal_by > now {
            continue;
        }
        let (peer, class) = (run.peer, case.job.terms.class);
        // First, so that it is not drawn again while others are.
        reputation::lapse(case.draft, peer, class);
        meter::missed(case.draft, peer, class);
        draw::hand_on(case, index, bundle, slot, Gone::Late);
        reward::was_late(case.draft, peer, case.job.terms.class);
        let name = case.name(index);
        let params = case.draft.params();
        let fine = slash::price(case.draft, params, (&case.job, name), (peer, Fault::NoSeal));
        let fine = Slash::peer(peer, Fault::NoSeal, fine, Ground::Silence(now));
        slash::take(case, index, fine, &Rights::default());
    }
    look(case, index, bundle);
}

/// Whether fewer take part than can be compared.
pub(crate) fn too_few(bundle: &Bundle) -> bool {
    let taking_part = bundle.runs.iter().filter(|run| run.takes_part());
    taking_part.count() < compare::needed(bundle.runs.len())
}
