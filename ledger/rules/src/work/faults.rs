//! What each peer was found guilty of, and what follows beside the slash: how often it was which
//! fault, when it is out for good, which of its results are in doubt; and modules that have no one
//! outcome.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::event::{Aside, Event, Fault, FaultEvent};
use protocol::ids::{BundleId, Digest, JobId, PartyId, PeerId};
use protocol::units::{Credits, Millis, Moment};

use crate::market::{lease, roster};
use crate::money::bond;
use crate::people::Peers;
use crate::state::{Draft, View, row, table};

/// Results of a peer on one page.
const RESULTS_PER_PAGE: u64 = 16;
/// Pages of a peer's results; older ones are written over.
const RESULT_PAGES: u64 = 64;

/// What a peer was found guilty of.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct FaultRecord {
    /// How often which fault, F1 first.
    pub times: [u32; 11],
    /// When it was convicted of a wrong outcome, as far back as that still counts.
    pub convicted: Vec<Moment>,
    /// Whether it signed two seals of one bundle.
    pub two_seals: bool,
    /// Its results from this moment to the next are in doubt.
    pub tainted: Option<(Moment, Moment)>,
}

/// A result of a peer that was paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PaidResult {
    /// Its number among the peer's results, from 0.
    pub number: u64,
    /// The bundle.
    pub bundle: BundleId,
    /// Whose job it was, and who may claim for it.
    pub submitter: PartyId,
    /// When it was paid.
    pub when: Moment,
    /// How much was paid: the most that a new run may claim.
    pub paid: Credits,
    /// Whether that was claimed.
    pub redressed: bool,
}

/// A module whose tasks have no one outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ModuleFlag {
    /// The job that showed it.
    pub job: JobId,
    /// When.
    pub when: Moment,
}

table!(
    /// What a peer was found guilty of.
    Records, 0x96, PeerId => FaultRecord
);
table!(
    /// Modules that are not taken any more.
    Modules, 0x97, Digest => ModuleFlag
);
table!(
    /// A page of a peer's paid results.
    Results, 0x98, (PeerId, u64) => Vec<PaidResult>
);
table!(
    /// How many results of a peer were paid.
    ResultCounts, 0x99, PeerId => u64
);

/// What a peer was found guilty of; nothing for one that never was.
pub(crate) fn of(view: &dyn View, peer: PeerId) -> FaultRecord {
    row::<Records>(view, &peer).unwrap_or_default()
}

/// The flag of a module, if it has one.
pub(crate) fn flag(view: &dyn View, module: Digest) -> Option<ModuleFlag> {
    row::<Modules>(view, &module)
}

const fn place(fault: Fault) -> usize {
    match fault {
        Fault::WrongOutcome => 0,
        Fault::NoSeal => 1,
        Fault::NoOpening => 2,
        Fault::TwoSeals => 3,
        Fault::LeaseMissed => 4,
        Fault::TwoVotes => 5,
        Fault::WrongJudgement => 6,
        Fault::NoJudgement => 7,
        Fault::NoOneOutcome => 8,
        Fault::FakeCapacity => 9,
        Fault::StorageMissed => 10,
    }
}

/// Notes a fault.
pub(crate) fn note(draft: &mut Draft<'_>, peer: PeerId, fault: Fault) {
    let mut record = of(draft, peer);
    let times = &mut record.times[place(fault)];
    *times = times.saturating_add(1);
    record.two_seals |= fault == Fault::TwoSeals;
    draft.put::<Records>(&peer, &record);
}

/// Takes a fault out of the record again, and lets its peer out.
pub(crate) fn forget(draft: &mut Draft<'_>, peer: PeerId, fault: Fault) {
    let mut record = of(draft, peer);
    let times = &mut record.times[place(fault)];
    *times = times.saturating_sub(1);
    match fault {
        Fault::WrongOutcome => {
            record.convicted.pop();
            if record.convicted.is_empty() {
                record.tainted = None;
            }
        }
        Fault::TwoSeals => record.two_seals = *times > 0,
        _ => {}
    }
    draft.put::<Records>(&peer, &record);
    if fault == Fault::TwoSeals && !record.two_seals && draft.row::<Peers>(&peer).is_some() {
        bond::restore(draft, peer);
    }
    if let Some(mut row) = draft.row::<Peers>(&peer)
        && matches!(fault, Fault::WrongOutcome | Fault::TwoSeals)
    {
        row.jailed_until = draft.now();
        row.struck = record.two_seals;
        draft.put::<Peers>(&peer, &row);
    }
}

/// A peer was convicted of a wrong outcome: it is jailed, its latest results are in doubt, and if
/// it was convicted too often it is out for good.
pub(crate) fn convict(draft: &mut Draft<'_>, peer: PeerId) {
    let (now, params) = (draft.now(), draft.params());
    let span = params.epoch.get().saturating_mul(params.taint_span.into());
    let counted_from = before(now, params.tombstone_span);
    let (until, most) = (now.after(params.jail), params.tombstone_count);
    let since = before(now, Millis::new(span));

    let mut record = of(draft, peer);
    record.convicted.retain(|when| *when >= counted_from);
    record.convicted.push(now);
    record.tainted = Some((since, now));
    let is_out = record.convicted.len() >= usize::from(most);
    draft.put::<Records>(&peer, &record);

    let mut row = draft
        .row::<Peers>(&peer)
        .expect("only admitted peers are drawn");
    row.jailed_until = row.jailed_until.max(until);
    draft.put::<Peers>(&peer, &row);
    roster::set_aside(draft, peer, Aside::Jailed, row.jailed_until);
    let results = draft.row::<ResultCounts>(&peer).unwrap_or(0);
    draft.say(Event::Fault(FaultEvent::Tainted {
        peer,
        since,
        until: now,
        results,
    }));
    if is_out && !row.struck {
        strike(draft, peer);
    }
}

fn before(now: Moment, span: Millis) -> Moment {
    Moment::new(now.ms().saturating_sub(span.get()))
}

/// A peer takes no part any more: it is never drawn again, and offers nothing.
pub(crate) fn strike(draft: &mut Draft<'_>, peer: PeerId) {
    let mut row = draft
        .row::<Peers>(&peer)
        .expect("only admitted peers are drawn");
    row.struck = true;
    row.jailed_until = Moment::new(u64::MAX);
    draft.put::<Peers>(&peer, &row);
    roster::set_aside(draft, peer, Aside::Struck, row.jailed_until);
    lease::struck(draft, peer);
    draft.say(Event::Fault(FaultEvent::PeerStruck { peer }));
}

/// Remembers a paid result, in case its peer is convicted later.
pub(crate) fn remember(
    draft: &mut Draft<'_>,
    peer: PeerId,
    (bundle, submitter): (BundleId, PartyId),
    paid: Credits,
) {
    let number = draft.row::<ResultCounts>(&peer).unwrap_or(0);
    let page = (peer, (number / RESULTS_PER_PAGE) % RESULT_PAGES);
    let mut results = draft.row::<Results>(&page).unwrap_or_default();
    if number.is_multiple_of(RESULTS_PER_PAGE) {
        results.clear();
    }
    let when = draft.now();
    results.push(PaidResult {
        number,
        bundle,
        submitter,
        when,
        paid,
        redressed: false,
    });
    draft.put::<Results>(&page, &results);
    draft.put::<ResultCounts>(&peer, &number.saturating_add(1));
}

/// How many results of a peer were ever paid.
pub(crate) fn results(view: &dyn View, peer: PeerId) -> u64 {
    row::<ResultCounts>(view, &peer).unwrap_or(0)
}

/// A result of a peer was claimed for.
pub(crate) fn redressed(draft: &mut Draft<'_>, peer: PeerId, number: u64) {
    let page = (peer, (number / RESULTS_PER_PAGE) % RESULT_PAGES);
    let mut results = draft.row::<Results>(&page).unwrap_or_default();
    for result in results.iter_mut().filter(|result| result.number == number) {
        result.redressed = true;
    }
    draft.put::<Results>(&page, &results);
}

/// Results of a peer that are in doubt, newest first, from number `from` downwards, at most `max`.
pub(crate) fn tainted(view: &dyn View, peer: PeerId, from: u64, max: usize) -> Vec<PaidResult> {
    let Some((since, until)) = of(view, peer).tainted else {
        return Vec::new();
    };
    let count = row::<ResultCounts>(view, &peer).unwrap_or(0);
    let mut found = Vec::new();
    let mut next = count.checked_sub(1).map(|newest| newest.min(from));
    for _ in 0..RESULT_PAGES {
        let Some(number) = next.filter(|_| found.len() < max) else {
            break;
        };
        let page = (number / RESULTS_PER_PAGE) % RESULT_PAGES;
        let results = row::<Results>(view, &(peer, page)).unwrap_or_default();
        let first = number.saturating_sub(number % RESULTS_PER_PAGE);
        let page = results
            .into_iter()
            .rev()
            .filter(|result| result.number >= first && result.number <= number);
        let before = found.len();
        found.extend(page.take_while(|result| result.when >= since));
        if found.len() == before {
            break;
        }
        next = first.checked_sub(1);
    }
    found.retain(|result| result.when <= until);
    found.truncate(max);
    found
}

/// The council lets a module be taken again. Says whether it was flagged.
pub(crate) fn clear_module(draft: &mut Draft<'_>, module: Digest) -> bool {
    let was_flagged = flag(draft, module).is_some();
    if was_flagged {
        draft.remove::<Modules>(&module);
        draft.say(Event::Fault(FaultEvent::ModuleCleared { module }));
    }
    was_flagged
}

/// F9: a job's tasks have no one outcome. Its module is taken no more.
pub(crate) fn flag_module(draft: &mut Draft<'_>, module: Digest, job: JobId) {
    if flag(draft, module).is_none() {
        let when = draft.now();
        draft.put::<Modules>(&module, &ModuleFlag { job, when });
    }
    draft.say(Event::Fault(FaultEvent::ModuleFlagged { module, job }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::tests::on_nothing;

    #[test]
    fn who_sealed_twice_is_struck_until_every_such_slash_is_taken_back() {
        let peer = PeerId::new([1; 32]);
        on_nothing(|draft| {
            for _ in 0..2 {
                note(draft, peer, Fault::TwoSeals);
            }
            let mut after_one_less = || {
                forget(draft, peer, Fault::TwoSeals);
                of(draft, peer).two_seals
            };
            assert_eq!([(); 2].map(|()| after_one_less()), [true, false]);
        });
    }
}
