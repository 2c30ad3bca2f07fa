//! The end of sealing. What panels and audits are drawn from becomes known here, when no peer can
//! change its outcomes any more.

use protocol::entry;
use protocol::event::Event;
use protocol::ids::{Digest, JobId, PartyId};

use crate::refusal::Refusal;
use crate::state::{BlockHashes, Draft};
use crate::work::case::Case;
use crate::work::due::{self, Due};
use crate::work::{Happening, Phase, State, audit, canary};

/// The submitter closes, with the start of its hash chain.
///
/// # Errors
/// [`Refusal`] if the job is not the sender's, some bundle is unsealed, or the secret is another.
pub(crate) fn close(
    draft: &mut Draft<'_>,
    sender: PartyId,
    job: JobId,
    secret: Digest,
) -> Result<(), Refusal> {
    let mut case = Case::take(draft, job)?;
    case.only_by(sender)?;
    all_sealed(&case)?;
    if entry::chain(&secret) != case.job.chain {
        return Err(Refusal::BrokenChain);
    }
    // The hash of that block was not known to the submitter when it could still change it, and the
    // secret not to the block's leader.
    let sealed = case.job.sealed;
    let hash = case
        .draft
        .row::<BlockHashes>(&sealed)
        .ok_or(Refusal::CloseInSealingBlock)?;
    case.job.chain = secret;
    end_sealing(&mut case, &secret, &hash);
    case.put_back();
    Ok(())
}

/// Anyone closes, once the submitter's time is over.
///
/// # Errors
/// [`Refusal`] if some bundle is unsealed, or the submitter still has time.
pub(crate) fn force(draft: &mut Draft<'_>, job: JobId) -> Result<(), Refusal> {
    let mut case = Case::take(draft, job)?;
    all_sealed(&case)?;
    if case.job.due > case.draft.deadline_now() {
        let close_by = case.job.due;
        return Err(Refusal::CloseTooEarly { close_by });
    }
    without_secret(&mut case);
    case.put_back();
    Ok(())
}

/// Closes without the submitter: judges are drawn from the block's parent alone.
pub(crate) fn without_secret(case: &mut Case<'_, '_>) {
    let parent = case.draft.at().parent;
    end_sealing(case, &Digest::new([0; 32]), &parent);
}

fn all_sealed(case: &Case<'_, '_>) -> Result<(), Refusal> {
    if case.job.phase == Phase::Sealing {
        let unsealed = case.job.unsealed;
        return Err(Refusal::NotAllSealed { unsealed });
    }
    case.only_in(Phase::Sealed, "closing")
}

fn end_sealing(case: &mut Case<'_, '_>, secret: &Digest, block: &Digest) {
    let parts: [&[u8]; 3] = [secret.bytes(), block.bytes(), case.id.bytes()];
    let seed = Digest::derive("tallygrid judges v1", &parts);
    case.job.judges = Some(seed);
    if audit::call(case, &seed) {
        case.job.audited = true;
        case.job.phase = Phase::Auditing;
        move_all(case, State::Sealed, Happening::Called);
    } else {
        canary::expect(case);
        let_open(case, State::Sealed, Happening::Closed);
    }
}

/// Lets the job's peers open every bundle that is in this state.
pub(crate) fn let_open(case: &mut Case<'_, '_>, from: State, why: Happening) {
    let open_by = case.window_end(|params| params.open_window);
    case.job.phase = Phase::Opening;
    case.job.due = open_by;
    case.job.unopened = move_all(case, from, why);
    let job = case.id;
    case.draft.say(Event::Closed { job, open_by });
    due::push(case.draft, open_by, Due::Job(job, 0));
}

/// Moves every bundle that is in this state, and says how many there were.
fn move_all(case: &mut Case<'_, '_>, from: State, why: Happening) -> u32 {
    let mut moved: u32 = 0;
    for index in 0..case.job.terms.bundles() {
        let mut bundle = case
            .bundle(index)
            .expect("a sealed job's bundles are drawn");
        if bundle.state == from {
            bundle.must_step(why);
            bundle.due = case.job.due;
            case.keep(index, &bundle);
            moved = moved.saturating_add(1);
        }
    }
    moved
}
