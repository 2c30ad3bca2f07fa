//! The end of sealing. What panels and audits are drawn from becomes known here, when no peer can
//! change its outcomes any more.

use protocol::entry;
use protocol::event::Event;
use protocol::ids::{Digest, JobId, PartyId};

use crate::refusal::Refusal;
use crate::state::Draft;
use crate::work::case::Case;
use crate::work::due::{self, Due};
use crate::work::{Happening, Phase, State};

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
    case.job.chain = secret;
    open(&mut case, &secret);
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
    open(case, &Digest::new([0; 32]));
}

fn all_sealed(case: &Case<'_, '_>) -> Result<(), Refusal> {
    if case.job.phase == Phase::Sealing {
        let unsealed = case.job.unsealed;
        return Err(Refusal::NotAllSealed { unsealed });
    }
    case.only_in(Phase::Sealed, "closing")
}

fn open(case: &mut Case<'_, '_>, secret: &Digest) {
    let parent = case.draft.at().parent;
    let parts: [&[u8]; 3] = [secret.bytes(), parent.bytes(), case.id.bytes()];
    case.job.judges = Some(Digest::derive("tallygrid judges v1", &parts));
    case.job.phase = Phase::Opening;
    let open_by = case.draft.now().after(case.draft.params().open_window);
    case.job.due = open_by;
    for index in 0..case.job.terms.bundles() {
        let mut bundle = case
            .bundle(index)
            .expect("a sealed job's bundles are drawn");
        if bundle.state == State::Sealed {
            bundle.must_step(Happening::Closed);
            bundle.due = open_by;
            case.keep(index, &bundle);
        }
    }
    let job = case.id;
    case.draft.say(Event::Closed { job, open_by });
    due::push(case.draft, open_by, Due::Job(job, 0));
}
