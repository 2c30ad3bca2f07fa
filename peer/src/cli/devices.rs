//! `peer devices`: what this machine may honestly offer.

use clap::Args;

use super::asking::Desk;
use crate::api::problem::Problem;
use crate::api::types::DevicesView;
use crate::devices;

/// What this machine may honestly offer.
#[derive(Clone, Copy, Debug, Args)]
#[command(after_help = "\
    Measured once, in a few seconds, and kept in the home; again when the runtime, a driver or a\n\
    device changes. Whatever else runs here meanwhile makes the figures smaller than they are.\n\
    One GCU is 10^12 operations. SLOTS is how many tasks run at once, each at nine tenths of its\n\
    speed alone or better.")]
pub struct DevicesArgs {
    /// Measure anew, whatever was kept
    #[arg(long)]
    pub again: bool,
}

/// Finds or measures the figures, and shows them.
pub(super) fn show(desk: &Desk, args: DevicesArgs) -> Result<(), Problem> {
    desk.home.make()?;
    let adapters = executor::find_gpus(&devices::program()?, &["exec-worker".into()]);
    let found = devices::find(&desk.home, &adapters, args.again)?;
    desk.show(&DevicesView::from(&found))
}
