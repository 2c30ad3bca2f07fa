//! When two outputs of one task count as the same, and who says so.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::bytes::{Limited, Malformed, at_most};
use crate::job::{Blob, Judge};
use crate::units::Fuel;

/// A device class's name may have so many bytes.
pub const DEVICE_BYTES_MAX: usize = 256;
/// The bits of an infinite `f32`: those of every finite number from 0 on are less, all others more.
const INFINITE: u32 = 0x7f80_0000;
/// Of two runs that are alike, the dearer costs at most one in so many parts more: where floats
/// steer loops, devices count work a little differently, and nobody else looks at the bill.
pub const FUEL_APART_SHARE: u64 = 16;

/// Whether two bills for runs that are alike are near enough: see [`FUEL_APART_SHARE`].
pub const fn are_near(one: Fuel, other: Fuel) -> bool {
    let (one, other) = (one.get(), other.get());
    let least = if one < other { one } else { other };
    one.abs_diff(other) <= least / FUEL_APART_SHARE
}

/// When two outputs of one task count as the same.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Compare {
    /// Bit by bit, on every machine. A peer can be slashed for such a task.
    Exact,
    /// Bit by bit, among machines of one device class.
    Homogeneous {
        /// The device class.
        device: String,
    },
    /// Number by number, as `f32`: `|a - b| <= absolute + relative * max(|a|, |b|)`. The executor
    /// works it out.
    Tolerance {
        /// The bits of an `f32`.
        absolute: u32,
        /// The bits of an `f32`.
        relative: u32,
        /// So many numbers may be further apart.
        apart_max: u32,
    },
    /// By a WASI module that accepts or refuses one output at a time: exit code 0 accepts. See
    /// [`Job::checking`](crate::job::Job::checking).
    Checker {
        /// The module.
        module: Blob,
    },
}

impl Compare {
    /// Who says whether outcomes that differ count as the same: only where every honest machine
    /// gives the same bits can anyone be found wrong.
    pub const fn judge(&self) -> Judge {
        match self {
            Self::Exact => Judge::Panel,
            Self::Homogeneous { .. } | Self::Tolerance { .. } | Self::Checker { .. } => {
                Judge::Submitter
            }
        }
    }
}

impl Limited for Compare {
    fn within_limits(&self) -> Result<(), Malformed> {
        let bad = |why| Err(Malformed::Senseless(why));
        match self {
            Self::Exact => Ok(()),
            Self::Homogeneous { device } => {
                at_most("device class", device.len(), DEVICE_BYTES_MAX)?;
                if device.is_empty() || device.chars().any(char::is_control) {
                    return bad("a device class is a name: see `peer gpu ls`");
                }
                Ok(())
            }
            Self::Tolerance {
                absolute, relative, ..
            } => {
                if *absolute >= INFINITE || *relative >= INFINITE {
                    return bad("a tolerance is a number, 0 or more");
                }
                Ok(())
            }
            // Whether it can be run, the kernel asks: it takes the job to know.
            Self::Checker { .. } => Ok(()),
        }
    }
}
