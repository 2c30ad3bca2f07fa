//! Deadlines. Each is a moment and what to look at then; what follows is found in the rows, so a
//! deadline that no longer matters does nothing.
//!
//! ```text
//! what                     when nobody acts                  then
//! Submitted job            not started by `due`              Cancelled, all refunded
//! run of a Drawn bundle    not sealed by `seal_by`           F2, handed on; none left: Short
//! Sealed job               not closed by `due`               closed by the block itself
//! Auditing job             not all sealed by `due`           F8, dealt once more; then peers open
//! Checking job             not all opened by `due`           F8; then a time to contest; Agreed
//! Opening bundle           not opened by `due`               F3; compared without, or Short
//! Differing bundle         not shown by `due`                Undisputed
//! demand of outcomes       not answered by `answer_by`       F1; compared without, or Short
//! slash                    appeal window over                shared out
//! redress                  not claimed within `redress`      to who showed the lie
//! lease                    its epochs over, or not begun     settled; its rest back to the holder
//! PanelSealing             not all sealed by `due`           F8; all members asked, or they open
//! PanelOpening             not all opened by `due`           F8; judged by what was opened
//! ```
//!
//! Deadlines wait in a binary heap of moments, each with pages of what is due then, so that a block
//! finds the earliest by reading one row. A block works through a bounded number of them.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::ids::{BundleId, JobId, LeaseId, PeerId};
use protocol::units::Moment;

use crate::council::emergency;
use crate::market::lease;
use crate::params::DUE_PER_BLOCK_MAX;
use crate::refusal::Refusal;
use crate::state::{Draft, View, row, table};
use crate::work::case::Case;
use crate::work::{
    Bundle, Phase, Stage, State, audit, check, close, demand, dispute, hold, open, redress, seal,
    submit, verdict,
};

/// Bundles of a job looked at before other deadlines have their turn.
const BUNDLES_PER_TURN: u32 = 64;
/// Things due at one moment that stand on one page.
const PAGE_MAX: u32 = 64;

/// Something to look at once its moment has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum Due {
    /// A job, and its bundles from this one on.
    Job(JobId, u32),
    /// One bundle.
    Bundle(BundleId),
    /// A slash that is held.
    Hold(u64),
    /// Outcomes that are demanded from a peer.
    Demand(BundleId, PeerId),
    /// What of a slash is kept for who paid for doubtful results.
    Redress(u64),
    /// A lease that has come to its end, or has not begun in time.
    Lease(LeaseId),
}

table!(
    /// How many moments wait.
    HeapLen, 0x60, () => u64
);
table!(
    /// The heap: no moment is later than the two at twice its place plus one and plus two.
    Heap, 0x61, u64 => Moment
);
table!(
    /// How many things wait for a moment.
    Waiting, 0x62, Moment => u32
);
table!(
    /// What waits for a moment.
    Pages, 0x63, (Moment, u32) => Vec<Due>
);

/// The earliest moment that something waits for.
pub(crate) fn next(view: &dyn View) -> Option<Moment> {
    row::<HeapLen>(view, &()).filter(|len| *len > 0)?;
    row::<Heap>(view, &0)
}

/// When a block has deadlines to apply: the earliest, or later while deadlines are extended.
pub(crate) fn next_applied(view: &dyn View) -> Option<Moment> {
    let earliest = next(view)?;
    Some(emergency::deadlines_resume(view).map_or(earliest, |resume| earliest.max(resume)))
}

/// Lets something wait for a moment.
pub(crate) fn push(draft: &mut Draft<'_>, when: Moment, due: Due) {
    let waiting = draft.row::<Waiting>(&when).unwrap_or(0);
    if waiting == 0 {
        sift_up(draft, when);
    }
    let page = (when, waiting / PAGE_MAX);
    let mut items = draft.row::<Pages>(&page).unwrap_or_default();
    items.push(due);
    draft.put::<Pages>(&page, &items);
    draft.put::<Waiting>(&when, &waiting.saturating_add(1));
}

/// Takes one thing whose moment has come.
fn pop(draft: &mut Draft<'_>) -> Option<Due> {
    let when = next(draft).filter(|when| *when <= draft.deadline_now())?;
    let rest = draft
        .row::<Waiting>(&when)
        .and_then(|waiting| waiting.checked_sub(1))
        .expect("a moment is in the heap while something waits for it");
    let page = (when, rest / PAGE_MAX);
    let mut items = draft.row::<Pages>(&page).unwrap_or_default();
    let due = items.pop();
    if items.is_empty() {
        draft.remove::<Pages>(&page);
    } else {
        draft.put::<Pages>(&page, &items);
    }
    if rest == 0 {
        draft.remove::<Waiting>(&when);
        sift_down(draft);
    } else {
        draft.put::<Waiting>(&when, &rest);
    }
    due
}

fn sift_up(draft: &mut Draft<'_>, when: Moment) {
    let len = draft.row::<HeapLen>(&()).unwrap_or(0);
    draft.put::<HeapLen>(&(), &len.saturating_add(1));
    let mut place = len;
    while place > 0 {
        let above = place.saturating_sub(1) / 2;
        let parent = at(draft, above);
        if parent <= when {
            break;
        }
        draft.put::<Heap>(&place, &parent);
        place = above;
    }
    draft.put::<Heap>(&place, &when);
}

fn sift_down(draft: &mut Draft<'_>) {
    let len = draft.row::<HeapLen>(&()).unwrap_or(0).saturating_sub(1);
    draft.put::<HeapLen>(&(), &len);
    let last = at(draft, len);
    draft.remove::<Heap>(&len);
    if len == 0 {
        return;
    }
    let mut place: u64 = 0;
    loop {
        let left = place.saturating_mul(2).saturating_add(1);
        let right = left.saturating_add(1);
        let below = [left, right].into_iter().filter(|child| *child < len);
        let Some((least, child)) = below.map(|child| (at(draft, child), child)).min() else {
            break;
        };
        if last <= least {
            break;
        }
        draft.put::<Heap>(&place, &least);
        place = child;
    }
    draft.put::<Heap>(&place, &last);
}

fn at(draft: &Draft<'_>, place: u64) -> Moment {
    draft
        .row::<Heap>(&place)
        .expect("the heap has no gaps below its length")
}

/// Applies deadlines that have come, as many as a block may.
pub(crate) fn apply(draft: &mut Draft<'_>) {
    let mut left = DUE_PER_BLOCK_MAX;
    while left > 0 {
        let Some(due) = pop(draft) else {
            return;
        };
        let looked_at = match due {
            Due::Job(job, from) => turn(draft, job, from),
            Due::Hold(number) => {
                hold::give(draft, number);
                1
            }
            Due::Redress(slash) => {
                redress::is_over(draft, slash);
                1
            }
            Due::Lease(name) => {
                lease::wake(draft, name);
                1
            }
            Due::Demand(bundle, peer) => {
                demand::is_over(draft, bundle, peer);
                1
            }
            Due::Bundle(bundle) => {
                let mut case = Case::take(draft, bundle.job).expect("jobs are never forgotten");
                ripen(&mut case, bundle.index);
                case.put_back();
                1
            }
        };
        left = left.saturating_sub(looked_at);
    }
}

/// Looks at a job and some of its bundles, and says at how many.
fn turn(draft: &mut Draft<'_>, job: JobId, from: u32) -> u32 {
    let mut case = Case::take(draft, job).expect("jobs are never forgotten");
    if from == 0 && ripen_job(&mut case) {
        let bundles = case.job.terms.bundles();
        case.put_back();
        return bundles;
    }
    let to = case
        .job
        .terms
        .bundles()
        .min(from.saturating_add(BUNDLES_PER_TURN));
    let runs = !matches!(case.job.phase, Phase::Submitted | Phase::Ended);
    if runs {
        for index in from..to {
            ripen(&mut case, index);
        }
        if to < case.job.terms.bundles() {
            let now = case.draft.now();
            push(case.draft, now, Due::Job(job, to));
        }
    }
    case.put_back();
    to.saturating_sub(from).max(1)
}

/// Applies every deadline of a job that has passed, on somebody's word.
///
/// # Errors
/// [`Refusal::NothingDue`] if there is none.
pub(crate) fn sweep(draft: &mut Draft<'_>, job: JobId) -> Result<(), Refusal> {
    let mut case = Case::take(draft, job)?;
    let mut any = ripen_job(&mut case);
    if !any && !matches!(case.job.phase, Phase::Submitted | Phase::Ended) {
        for index in 0..case.job.terms.bundles() {
            any |= ripen(&mut case, index);
        }
    }
    case.put_back();
    if any {
        Ok(())
    } else {
        Err(Refusal::NothingDue)
    }
}

/// The default of a job's own deadline, if it has passed.
fn ripen_job(case: &mut Case<'_, '_>) -> bool {
    if case.job.due > case.draft.deadline_now() {
        return false;
    }
    match case.job.phase {
        Phase::Submitted => submit::end_undrawn(case),
        Phase::Sealed => close::without_secret(case),
        Phase::Auditing => audit::sealing_is_over(case),
        Phase::Checking => return check::is_over(case),
        Phase::Sealing | Phase::Opening | Phase::Ended => return false,
    }
    true
}

/// The default of a bundle's deadline, if it has passed.
fn ripen(case: &mut Case<'_, '_>, index: u32) -> bool {
    let Ok(mut bundle) = case.bundle(index) else {
        return false;
    };
    if !is_ripe(&bundle, case.draft.deadline_now()) {
        return false;
    }
    match bundle.state {
        State::Drawn => seal::replace_late(case, index, &mut bundle),
        State::Opening => open::without_the_silent(case, index, &mut bundle),
        State::Differing => dispute::not_shown(case, index, &mut bundle),
        State::PanelSealing(_) => verdict::sealing_is_over(case, index, &mut bundle),
        State::PanelOpening(_) => verdict::opening_is_over(case, index, &mut bundle),
        State::Waiting | State::Sealed | State::Auditing | State::Checking | State::Ended(_) => {
            return false;
        }
    }
    case.keep(index, &bundle);
    true
}

fn is_ripe(bundle: &Bundle, now: Moment) -> bool {
    match bundle.state {
        State::Drawn => bundle
            .runs
            .iter()
            .any(|run| run.stage == Stage::Running && run.seal_by <= now),
        State::Waiting | State::Sealed | State::Auditing | State::Checking | State::Ended(_) => {
            false
        }
        State::Opening | State::Differing | State::PanelSealing(_) | State::PanelOpening(_) => {
            bundle.due <= now
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use protocol::genesis::{Committee, Issuance, Params};
    use protocol::ids::{Digest, FederationId};
    use protocol::units::Height;

    use super::*;
    use crate::state::{At, Founding};

    proptest! {
        #[test]
        fn deadlines_come_in_order_once_and_leave_nothing(
            whens in prop::collection::vec(0..40_u64, 0..300)
        ) {
            let founding = Founding {
                id: FederationId::new([0; 32]),
                name: String::new(),
                devnet: true,
                params: Params::standard(),
                epochs: (0, Moment::new(0)),
                issuance: Issuance::Fixed,
                emergency: Committee::NOBODY,
            };
            let at = At {
                height: Height::new(1),
                now: Moment::new(39),
                parent: Digest::of(b""),
            };
            let rows: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
            let mut draft = Draft::new(&rows, &founding, at);
            for (n, when) in (0..).zip(&whens) {
                push(&mut draft, Moment::new(*when), Due::Job(JobId::new([0; 32]), n));
            }
            let mut left = whens.clone();
            left.sort_unstable();
            for expected in left {
                prop_assert_eq!(next(&draft), Some(Moment::new(expected)));
                let Some(Due::Job(_, n)) = pop(&mut draft) else {
                    panic!("as many come out as went in");
                };
                prop_assert_eq!(whens[usize::try_from(n).unwrap()], expected);
            }
            prop_assert_eq!(pop(&mut draft), None);
            let kept = draft.updates().values().flatten().count();
            prop_assert!(kept <= 1, "only the heap's length is left, but {} rows are", kept);
        }
    }
}
