//! `peer gpu`: the graphics adapters of this machine.

use clap::Subcommand;

use super::asking::Desk;
use crate::api::problem::Problem;
use crate::api::types::{GpuView, List};
use crate::devices;

/// About graphics adapters.
#[derive(Debug, Subcommand)]
pub enum GpuCommand {
    /// List those of this machine, each tested as `peer up --gpu` does; needs no peer
    Ls,
}

/// Tests every adapter in children of this program, and shows what came of it.
pub(super) fn list(desk: &Desk) -> Result<(), Problem> {
    let found = executor::find_gpus(&devices::program()?, &["exec-worker".into()]);
    let views: Vec<GpuView> = found.iter().map(GpuView::from).collect();
    if views.is_empty() {
        desk.say(
            "no graphics adapter answers; on Debian, mesa-vulkan-drivers brings a software one",
        );
    }
    desk.show(&List::from(views))
}
