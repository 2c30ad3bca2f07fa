//! `peer doctor`: what this machine is fit for, and what helps where it is not.

use super::asking::Desk;
use crate::api::problem::{Code, Problem};
use crate::api::types::{DoctorView, Health};
use crate::{devices, doctor};

/// Looks at everything, shows it, and ends with 0, 1 or 2 as the worst line says.
pub(super) fn show(desk: &Desk) -> Result<(), Problem> {
    let program = devices::program()?;
    let adapters = executor::find_gpus(&program, &["exec-worker".into()]);
    let mut checks = doctor::jail(&program, &desk.home);
    checks.extend(doctor::adapters(&desk.home, &adapters));
    checks.extend(doctor::home(&desk.home));
    let view = DoctorView::from(checks);
    desk.show(&view)?;
    let count = |health| {
        view.checks
            .iter()
            .filter(|check| check.health == health)
            .count()
    };
    let (weaker, missing) = (count(Health::Weaker), count(Health::Missing));
    match view.health {
        Health::Ok => Ok(()),
        Health::Weaker => Err(Problem::new(
            Code::Weaker,
            format!("{weaker} lines are weaker than they could be"),
        )),
        Health::Missing => Err(Problem::new(
            Code::Missing,
            format!("{missing} lines are missing, and {weaker} weaker than they could be"),
        )),
    }
}
