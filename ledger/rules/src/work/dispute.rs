//! A difference is shown to a panel: some tasks, and a proof of what each opened peer claims there.
//! Where honest machines may differ, the submitter alone says whether what they gave is alike.

use protocol::entry::DisputedTask;
use protocol::event::Event;
use protocol::ids::{BundleId, PartyId, PeerId};
use protocol::job::Judge;
use protocol::outcome::Root;
use protocol::units::Credits;

use crate::chance::Chance;
use crate::people::{Member, Peers, member, voter};
use crate::refusal::Refusal;
use crate::state::Draft;
use crate::work::case::Case;
use crate::work::{Bundle, Dispute, Disputes, Happening, Juror, Round, Run, State, settle};

/// Opened roots differ: someone must show where.
pub(crate) fn begin(case: &mut Case<'_, '_>, index: u32, bundle: &mut Bundle) {
    bundle.must_step(Happening::Differed);
    let dispute_by = case.window_end(|params| params.dispute_window);
    case.due_at(index, bundle, dispute_by);
    let name = case.name(index);
    case.draft.say(Event::Disputed {
        bundle: name,
        roots: roots(bundle),
        dispute_by,
    });
}

/// Nobody showed where: the bundle ends unpaid.
pub(crate) fn not_shown(case: &mut Case<'_, '_>, index: u32, bundle: &mut Bundle) {
    settle::end(case, index, bundle, Happening::NotShown);
}

fn roots(bundle: &Bundle) -> Vec<(PeerId, Root)> {
    let opened = bundle.runs.iter();
    opened
        .filter_map(|run| Some((run.peer, run.root()?)))
        .collect()
}

/// Shows a difference. Anyone may; who does is its finder.
///
/// # Errors
/// [`Refusal`] if the bundle is not in dispute, or the tasks do not prove a difference.
pub(crate) fn show(
    draft: &mut Draft<'_>,
    finder: PartyId,
    bundle: BundleId,
    tasks: &[DisputedTask],
) -> Result<(), Refusal> {
    let mut case = Case::take(draft, bundle.job)?;
    let mut row = case.bundle(bundle.index)?;
    differs_still(&case, &row, (Judge::Panel, Happening::Shown))?;
    check(tasks, &roots(&row), case.tasks_in(bundle.index))?;
    begin_panel(
        &mut case,
        bundle.index,
        &mut row,
        (finder, tasks.to_vec()),
        (Vec::new(), Credits::ZERO),
    );
    case.keep(bundle.index, &row);
    case.put_back();
    Ok(())
}

/// The submitter accepts what some `peers` opened: these are paid, and the others are neither paid
/// nor punished. Nobody gains reputation by it, because nobody else has looked.
///
/// # Errors
/// [`Refusal`] if the job is not the sender's, is another's to judge, the bundle is not in dispute,
/// or one of the peers has not opened it.
pub(crate) fn alike(
    draft: &mut Draft<'_>,
    sender: PartyId,
    bundle: BundleId,
    peers: &[PeerId],
) -> Result<(), Refusal> {
    let mut case = Case::take(draft, bundle.job)?;
    case.only_by(sender)?;
    let mut row = case.bundle(bundle.index)?;
    differs_still(&case, &row, (Judge::Submitter, Happening::Agreed))?;
    for peer in peers {
        let opened = |run: &Run| run.peer == *peer && run.root().is_some();
        if !row.runs.iter().any(opened) {
            return Err(Refusal::NotOpened { peer: *peer });
        }
    }
    // Who was struck since the submitter looked costs the others nothing.
    let is_paid = |run: &Run| peers.contains(&run.peer) && !run.struck;
    settle::pay_runs(&mut case, bundle.index, &row, is_paid);
    settle::end(&mut case, bundle.index, &mut row, Happening::Agreed);
    case.keep(bundle.index, &row);
    case.put_back();
    Ok(())
}

/// Asks whether a bundle's roots differ, this judge may look at them, and its time is not over.
fn differs_still(
    case: &Case<'_, '_>,
    row: &Bundle,
    (judge, asked): (Judge, Happening),
) -> Result<(), Refusal> {
    let state = row.state;
    if state != State::Differing {
        return Err(Refusal::WrongState { state, asked });
    }
    if case.job.terms.judge != judge {
        return Err(Refusal::NotTheJudge);
    }
    case.in_time(row.due)
}

/// Calls a first panel to judge tasks that were shown to differ, or all members if too few are
/// unrelated: neither the runs' sponsors nor the `auditors` who found something else judge first.
/// `stake` is what of the submitter's deposit is set aside for it.
pub(crate) fn begin_panel(
    case: &mut Case<'_, '_>,
    index: u32,
    row: &mut Bundle,
    (finder, tasks): (PartyId, Vec<DisputedTask>),
    (auditors, stake): (Vec<PartyId>, Credits),
) {
    let jurors = first_panel(case, index, row, &auditors);
    let (round, happening) = match jurors {
        Some(_) => (Round::First, Happening::Shown),
        None => (Round::Whole, Happening::ShownToAll),
    };
    row.must_step(happening);
    let number = case
        .draft
        .count(|counts| counts.disputes = counts.disputes.saturating_add(1))
        .disputes;
    let dispute = Dispute {
        number,
        bundle: case.name(index),
        when: case.draft.now(),
        finder,
        auditors,
        tasks,
        stake,
        round,
        jurors: jurors.unwrap_or_else(|| everyone(case.draft)),
        earlier: Vec::new(),
        verdict: None,
    };
    row.dispute = Some(number);
    call(case, index, row, &dispute);
}

/// Calls the jurors of a dispute.
pub(crate) fn call(case: &mut Case<'_, '_>, index: u32, bundle: &mut Bundle, dispute: &Dispute) {
    let seal_by = case.window_end(|params| params.panel_window);
    case.due_at(index, bundle, seal_by);
    case.draft.put::<Disputes>(&dispute.number, dispute);
    case.draft.say(Event::PanelCalled {
        bundle: dispute.bundle,
        tasks: dispute.tasks.clone(),
        panel: dispute.jurors.iter().map(|juror| juror.member).collect(),
        round: match dispute.round {
            Round::First => 1,
            Round::Whole => 2,
        },
        seal_by,
    });
}

fn check(tasks: &[DisputedTask], roots: &[(PeerId, Root)], size: u32) -> Result<(), Refusal> {
    let mut last = None;
    for task in tasks {
        let (_, first) = task.claims.first().ok_or(Refusal::ClaimsIncomplete)?;
        if last.is_some_and(|last| first.place <= last) {
            return Err(Refusal::TasksOutOfOrder);
        }
        last = Some(first.place);
        if task.claims.len() != roots.len() {
            return Err(Refusal::ClaimsIncomplete);
        }
        for (peer, root) in roots {
            let claim = task.claims.iter().find(|(claimant, _)| claimant == peer);
            let (_, proof) = claim.ok_or(Refusal::ClaimsIncomplete)?;
            if proof.place != first.place {
                return Err(Refusal::ClaimsIncomplete);
            }
            if proof.root(size) != Some(*root) {
                return Err(Refusal::ProofForged { peer: *peer });
            }
        }
        let same =
            |(_, proof): &(PeerId, protocol::outcome::LeafProof)| proof.outcome == first.outcome;
        if task.claims.iter().all(same) {
            let place = first.place;
            return Err(Refusal::NoDifference { place });
        }
    }
    Ok(())
}

/// Members who are accused of nothing, related to nobody who opened, and if possible not to the
/// submitter: one more than may be faulty. `None` if there are not so many.
fn first_panel(
    case: &Case<'_, '_>,
    index: u32,
    bundle: &Bundle,
    auditors: &[PartyId],
) -> Option<Vec<Juror>> {
    let size = member::panel_size(case.draft);
    let related = |party: PartyId| {
        auditors.contains(&party)
            || voter::is_accused(case.draft, party)
            || bundle.runs.iter().any(|run: &Run| run.sponsor == party)
    };
    let judges = case.job.judges?;
    let mut chance = Chance::new(
        "tallygrid panel v1",
        &[judges.bytes(), &index.to_le_bytes()],
    );
    let (mut kin, mut others): (Vec<Member>, Vec<Member>) = member::all(case.draft)
        .into_iter()
        .filter(|member| !related(member.party))
        .partition(|member| is_submitters(case, member.party));
    let mut panel = Vec::new();
    while panel.len() < size {
        let from = if others.is_empty() {
            &mut kin
        } else {
            &mut others
        };
        let place = chance.place(&vec![1; from.len()])?;
        panel.push(juror(from.remove(place)));
    }
    Some(panel)
}

fn is_submitters(case: &Case<'_, '_>, member: PartyId) -> bool {
    let serving = case.draft.row::<Peers>(&case.job.terms.peer);
    case.job.sender == member || serving.is_some_and(|peer| peer.sponsor == member)
}

/// The whole membership as jurors.
pub(crate) fn everyone(draft: &Draft<'_>) -> Vec<Juror> {
    member::all(draft).into_iter().map(juror).collect()
}

fn juror(member: Member) -> Juror {
    Juror {
        member: member.party,
        peer: member.peer,
        power: member.power,
        seal: None,
        answer: None,
    }
}
