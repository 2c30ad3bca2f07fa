//! Who fails to deliver too often is not drawn for a while. Of what a peer was drawn for within an
//! epoch, the part that it missed is counted per class; where that is above the governed threshold,
//! the peer is suspended in the class.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::event::Aside;
use protocol::ids::PeerId;
use protocol::job::Class;
use protocol::units::{Millis, Moment};

use crate::market::roster;
use crate::state::{Draft, View, row, table};

/// What a peer was drawn for and what it missed, in one epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Meter {
    /// The epoch.
    pub epoch: u64,
    /// Runs it was drawn for.
    pub drawn: u32,
    /// Runs it did not seal or open in time.
    pub missed: u32,
    /// It is not drawn before this.
    pub suspended_until: Moment,
}

table!(
    /// What a peer was drawn for and missed, per class.
    Meters, 0xAB, (PeerId, Class) => Meter
);

/// A peer's meter in the epoch of the block.
pub(crate) fn of(draft: &Draft<'_>, peer: PeerId, class: Class) -> Meter {
    let meter = last(draft, peer, class);
    let epoch = draft.epoch();
    if meter.epoch == epoch {
        return meter;
    }
    let suspended_until = meter.suspended_until;
    Meter {
        epoch,
        suspended_until,
        ..Meter::default()
    }
}

/// A peer's meter as it was last written.
pub(crate) fn last(view: &dyn View, peer: PeerId, class: Class) -> Meter {
    row::<Meters>(view, &(peer, class)).unwrap_or_default()
}

/// Until when a peer is suspended in a class.
pub(crate) fn suspended_until(view: &dyn View, peer: PeerId, class: Class) -> Moment {
    last(view, peer, class).suspended_until
}

/// A peer was drawn.
pub(crate) fn drawn(draft: &mut Draft<'_>, peer: PeerId, class: Class) {
    let mut meter = of(draft, peer, class);
    meter.drawn = meter.drawn.saturating_add(1);
    draft.put::<Meters>(&(peer, class), &meter);
}

/// A peer missed a run: its offers are set aside, and it is suspended where it misses too many.
pub(crate) fn missed(draft: &mut Draft<'_>, peer: PeerId, class: Class) {
    let params = draft.params();
    let mut meter = of(draft, peer, class);
    meter.missed = meter.missed.saturating_add(1);
    // A run may be missed in a later epoch than it was drawn in.
    meter.drawn = meter.drawn.max(meter.missed);
    let missed = u64::from(meter.missed).saturating_mul(10_000);
    let most = u64::from(meter.drawn).saturating_mul(params.missed_max.get().into());
    let mut why = Aside::Missed;
    if meter.drawn >= params.missed_of.into() && missed > most {
        let (_, began) = draft.founding().epoch_at(draft.now());
        let epochs = u64::from(params.suspension).saturating_add(1);
        let until = began.after(Millis::new(epochs.saturating_mul(params.epoch.get())));
        meter.suspended_until = meter.suspended_until.max(until);
        why = Aside::Suspended;
    }
    draft.put::<Meters>(&(peer, class), &meter);
    roster::set_aside(draft, peer, why, meter.suspended_until.max(draft.now()));
}
