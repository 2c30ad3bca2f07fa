//! Buys its own work, to farm what epochs mint for work.

use super::Role;

/// Its crime lies in who submits and who works; its peers do what their stewards say.
#[derive(Debug)]
pub(super) struct WashTrader;

impl Role for WashTrader {}
