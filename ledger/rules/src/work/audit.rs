//! Audits: some tasks of a closed job are run once more by members, who seal what they found before
//! the job's peers open. Copies that all tell the same lie are found here and nowhere else.
//!
//! ```text
//! closed ─▶ each task: audited? ─▶ dealt among unrelated members ─▶ all sealed ─▶ peers open
//!                                     ▲   silent: F8, dealt once more ─┘
//! ```
//!
//! Which tasks are audited, and by whom, follows from the start of the submitter's chain and the
//! hash of the block in which the last peer sealed: neither the submitter, who did not know that
//! block, nor its leader, who did not know the secret, can choose alone. An auditor that is silent
//! twice over leaves its tasks unaudited; it never holds up a job for ever.

use std::collections::BTreeMap;

use protocol::entry::AUDITED_PER_PART;
use protocol::event::Event;
use protocol::ids::{Digest, JobId, PartyId};
use protocol::units::Bps;

use crate::chance::Chance;
use crate::people::{Member, member};
use crate::refusal::Refusal;
use crate::state::{Draft, View};
use crate::work::case::Case;
use crate::work::due::{self, Due};
use crate::work::records::AuditTasks;
use crate::work::{
    Audit, AuditStage, Audited, AuditedTask, Audits, Bundle, Happening, Phase, Seat, SeatStage,
    State, close, silence,
};

/// Tasks whose audit is decided by one digest.
const TASKS_PER_DIGEST: u32 = 8;

/// The most audits that a submitter pays for: what is expected, three deviations and one more. That
/// a draw asks for more happens about once in a thousand jobs.
pub(crate) fn most(tasks: u32, rate: Bps) -> u64 {
    let tasks = u64::from(tasks);
    let expected = tasks.saturating_mul(rate.get().into()).div_ceil(10_000);
    let spread = expected.isqrt().saturating_mul(3);
    tasks.min(expected.saturating_add(spread).saturating_add(1))
}

/// Draws the audits of a job that is being closed, and calls the auditors. Returns whether there
/// are any.
pub(crate) fn call(case: &mut Case<'_, '_>, seed: &Digest) -> bool {
    let mut dealt: BTreeMap<PartyId, Vec<u32>> = BTreeMap::new();
    for index in 0..case.job.terms.bundles() {
        let bundle = case
            .bundle(index)
            .expect("a closed job's bundles are drawn");
        if bundle.state != State::Sealed {
            continue;
        }
        let places = audited(seed, index, case.tasks_in(index), case.job.audit);
        deal(case, (seed, index, 0), &bundle, &places, &mut dealt);
    }
    if dealt.is_empty() {
        return false;
    }
    let mut audit = Audit {
        stage: AuditStage::Sealing,
        seats: Vec::new(),
        content: false,
    };
    case.job.due = case.window_end(|params| params.audit_window);
    seat(case, &mut audit, &dealt, false);
    let (id, due) = (case.id, case.job.due);
    case.draft.put::<Audits>(&id, &audit);
    due::push(case.draft, due, Due::Job(id, 0));
    true
}

/// The places of a bundle's tasks that are audited: each with this chance, by itself.
fn audited(seed: &Digest, index: u32, tasks: u32, rate: Bps) -> Vec<u32> {
    let mut places = Vec::new();
    for first in (0..tasks).step_by(TASKS_PER_DIGEST as usize) {
        let parts: [&[u8]; 3] = [seed.bytes(), &index.to_le_bytes(), &first.to_le_bytes()];
        let digest = Digest::derive("tallygrid audited v1", &parts);
        let (words, _) = digest.bytes().as_chunks::<4>();
        let chosen = (first..tasks).zip(words).filter(|(_, word)| {
            let chance = u64::from(u32::from_le_bytes(**word));
            (chance.saturating_mul(10_000) >> 32) < rate.get().into()
        });
        places.extend(chosen.map(|(place, _)| place));
    }
    places
}

/// Deals audited places of a bundle among members that sponsor none of its runs: each member once
/// before any of them twice, so that a bundle has as many auditors as it can.
fn deal(
    case: &Case<'_, '_>,
    (seed, index, turn): (&Digest, u32, u8),
    bundle: &Bundle,
    places: &[u32],
    dealt: &mut BTreeMap<PartyId, Vec<u32>>,
) {
    let may = eligible(case.draft, bundle, places.len());
    if may.is_empty() {
        return;
    }
    let parts: [&[u8]; 3] = [seed.bytes(), &index.to_le_bytes(), &[turn]];
    let mut chance = Chance::new("tallygrid auditors v1", &parts);
    let first = case.job.terms.tasks_of(index).start;
    let mut deck: Vec<PartyId> = Vec::new();
    for place in places {
        if deck.is_empty() {
            deck = may.iter().map(|member| member.party).collect();
        }
        let card = chance
            .place(&vec![1; deck.len()])
            .expect("an empty deck was filled just above");
        let tasks = dealt.entry(deck.swap_remove(card)).or_default();
        tasks.push(first.saturating_add(*place));
    }
}

/// Members who may audit so many tasks of a bundle. Those suspended for their silence stand in
/// where too few others are left: one auditor that has all of them can be the ring's.
fn eligible(draft: &Draft<'_>, bundle: &Bundle, tasks: usize) -> Vec<Member> {
    let related = |party: PartyId| bundle.runs.iter().any(|run| run.sponsor == party);
    let (awake, asleep): (Vec<Member>, Vec<Member>) = member::all(draft)
        .into_iter()
        .filter(|member| !related(member.party))
        .partition(|member| !silence::is_suspended(draft, member.party));
    let least = usize::from(draft.params().auditors_min).min(tasks);
    if awake.len() < least {
        [awake, asleep].concat()
    } else {
        awake
    }
}

/// Seats members with the tasks they were dealt.
fn seat(
    case: &mut Case<'_, '_>,
    audit: &mut Audit,
    dealt: &BTreeMap<PartyId, Vec<u32>>,
    again: bool,
) {
    let (job, seal_by) = (case.id, case.job.due);
    for (party, tasks) in dealt {
        let mut tasks = tasks.clone();
        tasks.sort_unstable();
        let number = u16::try_from(audit.seats.len()).expect("each member has at most two seats");
        let member = member::of(case.draft, *party).expect("only members are dealt audits");
        audit.seats.push(Seat {
            member: *party,
            peer: member.peer,
            tasks: u32::try_from(tasks.len()).expect("at most all tasks of a job"),
            stage: SeatStage::Called,
            opened: Vec::new(),
            owed: protocol::units::Credits::ZERO,
            again,
        });
        for (part, tasks) in (0..).zip(tasks.chunks(AUDITED_PER_PART as usize)) {
            case.draft
                .put::<AuditTasks>(&(job, number, part), &tasks.to_vec());
        }
        mark(case, number, &tasks);
        case.draft.say(Event::AuditDrawn {
            job,
            seat: number,
            member: *party,
            peer: member.peer,
            tasks,
            seal_by,
        });
    }
}

/// Writes down, bundle by bundle, whose seat audits these tasks.
fn mark(case: &mut Case<'_, '_>, seat: u16, tasks: &[u32]) {
    for (index, places) in case.by_bundle(tasks) {
        let name = case.name(index);
        let mut audited = case.draft.row::<Audited>(&name).unwrap_or_default();
        for place in places {
            audited.retain(|other: &AuditedTask| other.place != place);
            audited.push(AuditedTask { place, seat });
        }
        audited.sort_unstable_by_key(|task| task.place);
        case.draft.put::<Audited>(&name, &audited);
    }
}

/// An auditor seals what it found.
///
/// # Errors
/// [`Refusal`] if the sender audits nothing here, has sealed, or comes late.
pub(crate) fn seal(
    draft: &mut Draft<'_>,
    sender: PartyId,
    job: JobId,
    hash: Digest,
) -> Result<(), Refusal> {
    let mut case = Case::take(draft, job)?;
    case.only_in(Phase::Auditing, "sealing an audit")?;
    case.in_time(case.job.due)?;
    let mut audit = of(case.draft, job);
    let mut seats = audit.seats.iter_mut().filter(|seat| seat.member == sender);
    let first = seats.next().ok_or(Refusal::NotAuditor { party: sender })?;
    let seat = std::iter::once(first)
        .chain(seats)
        .find(|seat| seat.stage == SeatStage::Called)
        .ok_or(Refusal::AlreadyAnswered { party: sender })?;
    seat.stage = SeatStage::Sealed(hash);
    case.draft.say(Event::AuditSealed {
        job,
        member: sender,
    });
    case.draft.put::<Audits>(&job, &audit);
    if audit
        .seats
        .iter()
        .all(|seat| seat.stage != SeatStage::Called)
    {
        over(&mut case, audit);
    }
    case.put_back();
    Ok(())
}

/// The time to seal audits is over: F8 for the silent, whose tasks are dealt once more.
pub(crate) fn sealing_is_over(case: &mut Case<'_, '_>) {
    let mut audit = of(case.draft, case.id);
    let mut dealt: BTreeMap<PartyId, Vec<u32>> = BTreeMap::new();
    for number in 0..audit.seats.len() {
        if audit.seats[number].stage != SeatStage::Called {
            continue;
        }
        let tasks = lapse(case, &mut audit, number);
        let (member, again) = (audit.seats[number].member, audit.seats[number].again);
        let before: Vec<PartyId> = dealt.keys().copied().collect();
        if !again {
            deal_again(case, &tasks, member, &mut dealt);
        }
        let next = dealt.keys().find(|party| !before.contains(party));
        let next = next.or(dealt.keys().next()).copied();
        let job = case.id;
        case.draft.say(Event::AuditLapsed { job, member, next });
    }
    let id = case.id;
    if dealt.is_empty() {
        over(case, audit);
        return;
    }
    case.job.due = case.window_end(|params| params.audit_window);
    seat(case, &mut audit, &dealt, true);
    let due = case.job.due;
    case.draft.put::<Audits>(&id, &audit);
    due::push(case.draft, due, Due::Job(id, 0));
}

/// F8 for a seat, and its tasks are nobody's any more. Returns them.
pub(crate) fn lapse(case: &mut Case<'_, '_>, audit: &mut Audit, number: usize) -> Vec<u32> {
    let place = u16::try_from(number).expect("a job has far fewer seats");
    let tasks = tasks_of(case.draft, case.id, place, &audit.seats[number]);
    let seat = &mut audit.seats[number];
    seat.stage = SeatStage::Silent;
    seat.owed = protocol::units::Credits::ZERO;
    let (member, peer) = (seat.member, seat.peer);
    let index = tasks
        .first()
        .map_or(0, |task| case.job.terms.place_of(*task).0);
    silence::fine(case, index, (member, peer));
    for (index, _) in case.by_bundle(&tasks) {
        let name = case.name(index);
        let mut audited = case.draft.row::<Audited>(&name).unwrap_or_default();
        audited.retain(|task: &AuditedTask| task.seat != place);
        case.draft.put::<Audited>(&name, &audited);
    }
    tasks
}

/// Deals tasks of a silent member once more, among others.
fn deal_again(
    case: &Case<'_, '_>,
    tasks: &[u32],
    silent: PartyId,
    dealt: &mut BTreeMap<PartyId, Vec<u32>>,
) {
    let seed = case.job.judges.expect("a closed job has a seed for judges");
    for (index, places) in case.by_bundle(tasks) {
        let Ok(mut bundle) = case.bundle(index) else {
            continue;
        };
        if bundle.state != State::Auditing {
            continue;
        }
        // The silent is as unfit as a sponsor of one of the runs.
        if let Some(run) = bundle.runs.first().cloned() {
            let sponsor = silent;
            bundle.runs.push(crate::work::Run { sponsor, ..run });
        }
        deal(case, (&seed, index, 1), &bundle, &places, dealt);
    }
}

/// All audits are sealed, or given up: the job's peers open.
fn over(case: &mut Case<'_, '_>, mut audit: Audit) {
    audit.stage = AuditStage::Waiting;
    let id = case.id;
    case.draft.put::<Audits>(&id, &audit);
    close::let_open(case, State::Auditing, Happening::AuditsSealed);
}

/// A job's audits.
pub(crate) fn of(view: &dyn View, job: JobId) -> Audit {
    crate::state::row::<Audits>(view, &job).expect("an audited job has its audits' row")
}

/// The tasks of a seat, in order.
pub(crate) fn tasks_of(view: &dyn View, job: JobId, number: u16, seat: &Seat) -> Vec<u32> {
    (0..seat.parts())
        .filter_map(|part| crate::state::row::<AuditTasks>(view, &(job, number, part)))
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_as_many_tasks_are_audited_as_the_rate_says() {
        let mut all: i64 = 0;
        for index in 0..100 {
            let seed = Digest::of(b"seed");
            let places = audited(&seed, index, 100, Bps::new(1_000));
            assert!(places.is_sorted_by(|a, b| a < b));
            assert!(places.iter().all(|place| *place < 100));
            all += i64::try_from(places.len()).unwrap();
        }
        // Ten thousand tasks at a tenth: three deviations are 90.
        assert!((all - 1_000).abs() <= 90, "{all}");
        let seed = Digest::of(b"seed");
        assert_eq!(audited(&seed, 0, 9, Bps::ONE).len(), 9);
        assert!(audited(&seed, 0, 1_024, Bps::ZERO).is_empty());
    }

    #[test]
    fn a_submitter_sets_enough_aside_and_never_for_more_than_its_tasks() {
        for (tasks, rate, expected) in [
            (1, 500, 1),
            (2, 500, 2),
            (100, 500, 12),
            (10_000, 500, 567),
            (10_000, 10_000, 10_000),
        ] {
            assert_eq!(most(tasks, Bps::new(rate)), expected, "{tasks} {rate}");
        }
    }
}
