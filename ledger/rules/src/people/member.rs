//! Members as judges: who they are, what a majority of their power is, how many may be faulty.

use protocol::ids::PartyId;

use crate::people::{Member, MemberNumbers, Members};
use crate::state::{Counted, View, row};

/// All members, in the order of the genesis. A federation has at most 64.
pub(crate) fn all(view: &dyn View) -> Vec<Member> {
    let count = row::<Counted>(view, &()).unwrap_or_default().members;
    (0..count)
        .map(|number| row::<Members>(view, &number).expect("members are numbered without gaps"))
        .collect()
}

/// The member of this party, if it is one.
pub(crate) fn of(view: &dyn View, party: PartyId) -> Option<Member> {
    let number = row::<MemberNumbers>(view, &party)?;
    row::<Members>(view, &number)
}

/// A panel: one more than the members that may be faulty, so that not all of it can be.
pub(crate) fn panel_size(view: &dyn View) -> usize {
    let members = row::<Counted>(view, &()).unwrap_or_default().members;
    let faulty = members.saturating_sub(1) / 3;
    usize::try_from(faulty.saturating_add(1)).expect("a federation has at most 64 members")
}

/// Whether so much power is more than two thirds of all.
pub(crate) fn decides(view: &dyn View, power: u64) -> bool {
    let all = row::<Counted>(view, &()).unwrap_or_default().power;
    u128::from(power).saturating_mul(3) > u128::from(all).saturating_mul(2)
}
