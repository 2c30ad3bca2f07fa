//! Members who owe an answer and stay silent: each time is counted, and three times in an epoch end
//! their calls as auditors for a while.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::event::Fault;
use protocol::ids::{PartyId, PeerId};
use protocol::units::{Millis, Moment};

use crate::people::voter;
use crate::state::{Draft, View, row, table};
use crate::work::case::Case;
use crate::work::hold::Ground;
use crate::work::slash::{self, Rights, Slash};

/// How a member kept its duties.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Silence {
    /// The epoch in which it was last silent, counted from agreed time zero.
    pub epoch: u64,
    /// How often in that epoch.
    pub times: u32,
    /// How often ever.
    pub ever: u32,
    /// It is not called as auditor before this.
    pub suspended_until: Moment,
}

table!(
    /// How a member kept its duties.
    Silences, 0x93, PartyId => Silence
);

/// Counts a silence.
fn note(draft: &mut Draft<'_>, member: PartyId) {
    let mut silence = of(draft, member);
    let params = draft.params();
    let (length, span) = (params.epoch.get().max(1), params.silence_span);
    let most = u32::from(params.silence_max);
    let epoch = draft.now().ms().checked_div(length).unwrap_or(0);
    if silence.epoch != epoch {
        (silence.epoch, silence.times) = (epoch, 0);
    }
    silence.times = silence.times.saturating_add(1);
    silence.ever = silence.ever.saturating_add(1);
    if silence.times >= most {
        let span = Millis::new(length.saturating_mul(span.into()));
        silence.suspended_until = draft.now().after(span);
    }
    draft.put::<Silences>(&member, &silence);
}

/// F8 for a member, by its party and its node.
pub(crate) fn fine(case: &mut Case<'_, '_>, index: u32, (member, peer): (PartyId, PeerId)) {
    note(case.draft, member);
    let (name, fault) = (case.name(index), Fault::NoJudgement);
    let params = case.draft.params();
    let amount = slash::price(case.draft, params, (&case.job, name), (peer, fault));
    let ground = Ground::Silence(case.draft.now());
    let fine = Slash::judge((member, peer), fault, amount, ground);
    slash::take(case, index, fine, &Rights::default());
}

/// How a member kept its duties; nothing noted for one that always did.
pub(crate) fn of(view: &dyn View, member: PartyId) -> Silence {
    row::<Silences>(view, &member).unwrap_or_default()
}

/// Whether a member is not called as auditor now: it was silent, or is accused of two votes.
pub(crate) fn is_suspended(draft: &Draft<'_>, member: PartyId) -> bool {
    of(draft, member).suspended_until > draft.now() || voter::is_accused(draft, member)
}
