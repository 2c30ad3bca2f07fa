//! `peer gpu`: the graphics adapters of this machine.

use super::asking::Desk;
use crate::api::problem::{Code, Problem};
use crate::api::types::{GpuView, List};

/// Tests every adapter in children of this program, and shows what came of it.
pub(super) fn list(desk: &Desk) -> Result<(), Problem> {
    let program = std::env::current_exe()
        .map_err(|error| Problem::new(Code::Failed, "cannot find this program").because(error))?;
    let found = executor::find_gpus(&program, &["exec-worker".into()]);
    let views: Vec<GpuView> = found.iter().map(GpuView::from).collect();
    if views.is_empty() {
        desk.say(
            "no graphics adapter answers; on Debian, mesa-vulkan-drivers brings a software one",
        );
    }
    desk.show(&List::from(views))
}
