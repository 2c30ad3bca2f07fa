//! Openings: a peer shows the root it sealed. An opening proves itself, so anyone may enter it.

use protocol::entry::Opening;
use protocol::event::{Event, Fault};
use protocol::ids::{JobId, PartyId};
use protocol::outcome::Root;
use protocol::units::Credits;

use crate::money::bond;
use crate::people::{Peers, meter, reputation};
use crate::refusal::Refusal;
use crate::state::Draft;
use crate::work::case::Case;
use crate::work::compare::{Compared, compare};
use crate::work::hold::Ground;
use crate::work::slash::{self, Rights, Slash};
use crate::work::{Bundle, Gone, Happening, Stage, dispute, settle};

/// Enters openings. Those that do not apply are passed over, so that one of them cannot hold up the
/// others.
///
/// # Errors
/// Why the first does not apply, if none does.
pub(crate) fn enter(
    draft: &mut Draft<'_>,
    job: JobId,
    openings: &[Opening],
) -> Result<(), Refusal> {
    let mut case = Case::take(draft, job)?;
    let mut first_refusal = None;
    let mut any = false;
    for opening in openings {
        match enter_one(&mut case, opening) {
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

pub(crate) fn enter_one(case: &mut Case<'_, '_>, opening: &Opening) -> Result<(), Refusal> {
    let (index, peer) = (opening.bundle, opening.peer);
    let mut bundle = case.bundle(index)?;
    let slot = bundle.slot(peer)?;
    let hash = match bundle.runs[slot].stage {
        Stage::Sealed(hash) => hash,
        Stage::Opened(..) => return Err(Refusal::AlreadyOpened { peer }),
        Stage::Running | Stage::Gone(_) => return Err(Refusal::NotSealed { peer }),
    };
    bundle.step(Happening::Opened)?;
    case.in_time(bundle.due)?;
    if opening.seal(&case.id) != hash {
        return Err(Refusal::OpeningMismatch { peer });
    }
    let root = opening.root;
    bundle.runs[slot].stage = Stage::Opened(hash, root);
    let name = case.name(index);
    case.draft.say(Event::Opened {
        bundle: name,
        peer,
        root,
    });
    look(case, index, &mut bundle);
    case.keep(index, &bundle);
    Ok(())
}

/// Compares, once everyone who takes part has opened.
pub(crate) fn look(case: &mut Case<'_, '_>, index: u32, bundle: &mut Bundle) {
    let waits = |run: &crate::work::Run| matches!(run.stage, Stage::Sealed(_));
    if !bundle.runs.iter().any(waits) {
        judge(case, index, bundle, &[]);
    }
}

/// Compares what was opened, and fines those who did not open: F3. It costs a quarter of the lock,
/// or all of it where some task of the bundle is audited.
pub(crate) fn without_the_silent(case: &mut Case<'_, '_>, index: u32, bundle: &mut Bundle) {
    let mut silent = Vec::new();
    for run in &mut bundle.runs {
        if matches!(run.stage, Stage::Sealed(_)) {
            run.stage = Stage::Gone(Gone::NotOpened);
            bond::unlock(case.draft, run.peer, run.lock);
            silent.push(run.peer);
        }
    }
    for peer in &silent {
        reputation::lapse(case.draft, *peer, case.job.terms.class);
        meter::missed(case.draft, *peer, case.job.terms.class);
    }
    let (name, now) = (case.name(index), case.draft.now());
    let params = case.draft.params();
    let fine = |peer| {
        let fault = Fault::NoOpening;
        let amount = slash::price(case.draft, params, (&case.job, name), (peer, fault));
        Slash::peer(peer, fault, amount, Ground::Silence(now))
    };
    let fines: Vec<Slash> = silent.into_iter().map(fine).collect();
    judge(case, index, bundle, &fines);
}

fn judge(case: &mut Case<'_, '_>, index: u32, bundle: &mut Bundle, fines: &[Slash]) {
    let opened = bundle.runs.iter().filter(|run| !run.struck);
    let roots: Vec<Root> = opened.filter_map(crate::work::Run::root).collect();
    case.job.unopened = case
        .job
        .unopened
        .checked_sub(1)
        .expect("a bundle is counted as unopened until it is compared, which it is once");
    let compared = compare(&roots, bundle.runs.len());
    // Who opened and cannot be compared is not paid from the escrow, but has a claim on the fines.
    let mut unpaid: Vec<(PartyId, Credits)> = Vec::new();
    if compared == Compared::TooFew {
        unpaid = bundle
            .runs
            .iter()
            .filter(|run| !run.struck)
            .filter_map(|run| Some((run.peer, run.root()?)))
            .map(|(peer, root)| (owner(case, peer), settle::bill_of(case, index, root)))
            .collect();
    }
    for fine in fines {
        let rights = Rights {
            claims: &unpaid,
            ..Rights::default()
        };
        let shared = slash::take(case, index, *fine, &rights);
        for (claim, got) in unpaid.iter_mut().zip(shared.victims) {
            claim.1 = claim.1.minus(got).expect("nobody gets more than its claim");
        }
    }
    match compared {
        Compared::Agreed => settle::agreed(case, index, bundle),
        Compared::TooFew => settle::end(case, index, bundle, Happening::TooFew),
        Compared::Differed => dispute::begin(case, index, bundle),
    }
}

fn owner(case: &Case<'_, '_>, peer: protocol::ids::PeerId) -> PartyId {
    case.draft
        .row::<Peers>(&peer)
        .expect("only admitted peers are drawn")
        .owner
}
