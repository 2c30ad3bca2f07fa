//! F4: a peer signed two different seals for one bundle. Both seals prove it, anyone may show them,
//! and the bundle's end does not end it.

use protocol::entry::PeerSeal;
use protocol::event::Fault;
use protocol::ids::{JobId, PartyId, PeerId};

use crate::market::lease;
use crate::money::bond;
use crate::refusal::Refusal;
use crate::state::Draft;
use crate::work::case::Case;
use crate::work::hold::Ground;
use crate::work::slash::{self, Rights, Slash};
use crate::work::{Bundle, Gone, Happening, Stage, State, faults, open, seal, settle};

/// Shows two seals of one peer for one bundle.
///
/// # Errors
/// [`Refusal`] if they are not two, not signed by a peer that was drawn for the bundle, older than
/// what can still be slashed, or its peer is already out.
pub(crate) fn show(
    draft: &mut Draft<'_>,
    sender: PartyId,
    job: JobId,
    seals: &[PeerSeal; 2],
) -> Result<(), Refusal> {
    let [one, other] = seals;
    let mut case = Case::take(draft, job)?;
    let (index, peer) = (one.bundle, one.peer);
    if (other.bundle, other.peer) != (index, peer) || one.hash == other.hash {
        return Err(Refusal::NotTwoSeals);
    }
    let mut bundle = case.bundle(index)?;
    if !bundle.past.contains(&peer) {
        return Err(Refusal::NotDrawn { peer });
    }
    if faults::of(case.draft, peer).two_seals {
        return Err(Refusal::Struck { peer });
    }
    let due = case.job.due.after(case.draft.params().unbond_window);
    let now = case.draft.now();
    if now > due {
        return Err(Refusal::DeadlinePassed { due, now });
    }
    let federation = case.draft.federation();
    for seal in seals {
        if seal.signed(federation, job).check().is_err() {
            return Err(Refusal::SealForged { peer });
        }
    }
    let ground = Ground::Seals(one.hash, other.hash);
    strike(&mut case, index, &mut bundle, (peer, ground), sender);
    case.keep(index, &bundle);
    case.put_back();
    Ok(())
}

/// All that the peer has locked anywhere is slashed, at least this bundle's lock, and it is done
/// here.
pub(crate) fn strike(
    case: &mut Case<'_, '_>,
    index: u32,
    bundle: &mut Bundle,
    (peer, ground): (PeerId, Ground),
    finder: PartyId,
) {
    let name = case.name(index);
    let (params, fault) = (case.draft.params(), Fault::TwoSeals);
    let amount = slash::price(case.draft, params, (&case.job, name), (peer, fault));
    let leased = lease::forfeit(case.draft, peer);
    bond::forfeit(case.draft, peer, leased);
    faults::strike(case.draft, peer);
    let rights = Rights {
        finder: Some(finder),
        ..Rights::default()
    };
    let all = Slash::peer(peer, fault, amount, ground);
    slash::take(case, index, all, &rights);

    let runs = bundle.runs.iter_mut();
    let Some(run) = runs.into_iter().find(|run| run.peer == peer) else {
        return;
    };
    match bundle.state {
        State::Drawn | State::Sealed | State::Auditing | State::Opening => {
            // It is out, and the bundle's end releases nothing of it any more.
            if run.takes_part() {
                bond::unlock(case.draft, peer, run.lock);
            }
            run.struck = true;
            run.stage = Stage::Gone(Gone::TwoSeals);
        }
        // Its claims are before a panel, or may come there; they stay, and it is not paid.
        State::Checking | State::Differing | State::PanelSealing(_) | State::PanelOpening(_) => {
            run.struck = true;
        }
        State::Waiting | State::Ended(_) => {}
    }
    match bundle.state {
        State::Drawn => seal::look(case, index, bundle),
        State::Sealed | State::Auditing if seal::too_few(bundle) => {
            settle::end(case, index, bundle, Happening::TooFew);
        }
        State::Opening => open::look(case, index, bundle),
        _ => {}
    }
}
