//! The four classes of work, each a preset read off the governed numbers.
//!
//! ```text
//!         unit   price basis  cadence     copies  audit  slash  windows  curve        ready
//! grid    Gfuel  per Gfuel    per bundle  2        5 %   128x   1/1      linear       95 %
//! edge    Gfuel  per Gfuel    per bundle  3       25 %    20x   1/10     diminishing  50 %
//! cloud   Gfuel  per Gfuel    per bundle  2       10 %    64x   1/1      linear       99 %
//! ai      GCU    per Gfuel    per bundle  2       10 %    64x   1/1      linear       99.5 %
//! ```

use protocol::genesis::Params;
use protocol::job::Class;
use protocol::units::{Bps, Credits, Millis};

/// What work of a class is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkUnit {
    /// 10^9 executed operators, counted the same on every machine.
    Gfuel,
    /// 10^12 normalised integer operations of a benchmarked accelerator.
    Gcu,
}

/// When work of a class is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cadence {
    /// With each bundle, once its results have agreed.
    Bundle,
}

/// How the rewards of an epoch grow with a sponsor's earnings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// Every credit earned counts in full: for those who stay.
    Linear,
    /// 100, then 50, then 25 %: for those who come and go.
    Diminishing,
}

/// A class as its numbers make it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassSpec {
    /// Which one.
    pub class: Class,
    /// What its work is counted in.
    pub unit: WorkUnit,
    /// When its work is paid.
    pub cadence: Cadence,
    /// How many copies of a bundle are advised.
    pub copies: u8,
    /// How often an outcome is checked by a member.
    pub audit: Bps,
    /// What a drawn peer locks per bundle, in task prices.
    pub slash_mult: u16,
    /// By what the windows of its jobs are divided.
    pub window_divisor: u8,
    /// How its rewards grow.
    pub curve: Curve,
    /// How much of an epoch a peer must stand ready to be rewarded for that.
    pub availability: Bps,
    /// Where its price index begins, per Gfuel.
    pub index_start: Credits,
    /// What quotes of its work are multiplied by, in ten-thousandths; it may be more than one.
    pub utility: u32,
    /// What cheating in it costs, in ten-thousandths of what it brings, in the worst case.
    pub margin: u64,
}

/// A class, read off the numbers.
pub fn class(params: &Params, class: Class) -> ClassSpec {
    let place = place(class);
    let (audit, slash_mult) = (params.audit[place], params.slash_mult[place]);
    ClassSpec {
        class,
        unit: match class {
            Class::Grid | Class::Edge | Class::Cloud => WorkUnit::Gfuel,
            Class::Ai => WorkUnit::Gcu,
        },
        cadence: Cadence::Bundle,
        copies: params.copies[place],
        audit,
        slash_mult,
        window_divisor: params.window_divisor[place],
        curve: if params.curve[place] == 0 {
            Curve::Linear
        } else {
            Curve::Diminishing
        },
        availability: params.availability[place],
        index_start: params.index_start[place],
        utility: params.utility[place],
        margin: super::margin(audit.get(), slash_mult),
    }
}

/// The place of a class in numbers that are kept per class.
pub const fn place(class: Class) -> usize {
    match class {
        Class::Grid => 0,
        Class::Edge => 1,
        Class::Cloud => 2,
        Class::Ai => 3,
    }
}

/// What a drawn peer locks per bundle of a class, in task prices.
pub fn slash_mult(params: &Params, class: Class) -> u64 {
    params.slash_mult[place(class)].into()
}

/// A window as it is for jobs of a class: at least a millisecond.
pub fn window(params: &Params, class: Class, window: Millis) -> Millis {
    let divisor = params.window_divisor[place(class)].max(1);
    Millis::new(window.get().checked_div(divisor.into()).unwrap_or(1).max(1))
}
