//! What one decision of the council may make of the numbers.

use protocol::genesis::Params;
use protocol::params::ParamSpec;

use super::{ParamsRefused, check_for};

/// The numbers after one decision: each changed by at most its step, and all of them together fit
/// to govern. Numbers that must move together (the shares of a slash, a class's audit rate and its
/// slash multiple) are changed in one decision. A devnet's epoch may stay as short as it is.
///
/// # Errors
/// [`ParamsRefused`], and nothing is changed.
pub fn change(
    params: &Params,
    changes: &[(u16, u64)],
    devnet: bool,
) -> Result<Params, ParamsRefused> {
    let mut changed = params.clone();
    for &(id, to) in changes {
        let known = ParamSpec::of(id).zip(params.get(id));
        let Some((spec, from)) = known else {
            return Err(ParamsRefused::Unknown { id });
        };
        let (name, min, max) = (spec.name, spec.min, spec.max);
        if !(min..=max).contains(&to) {
            return Err(ParamsRefused::OutOfBounds {
                name,
                value: to,
                min,
                max,
            });
        }
        if !spec.may_step(from, to) {
            let step = spec.step_from(from);
            return Err(ParamsRefused::StepTooLarge {
                name,
                from,
                to,
                step,
            });
        }
        let is_set = changed.set(id, to);
        assert!(is_set, "a number within its bounds fits its field");
    }
    check_for(&changed, devnet)?;
    Ok(changed)
}
