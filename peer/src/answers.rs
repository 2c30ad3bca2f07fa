//! What the API is told: views of the ledger as last agreed, and of what the steward knows.

use std::sync::Arc;

use ledger::Ledger;
use protocol::genesis::Genesis;
use protocol::ids::{PartyId, PeerId};
use steward::Steward;

use crate::blobs::Blobs;

mod channels;
mod council;
mod disputes;
mod govern;
mod jobs;
mod leases;
mod market;
mod party;
mod standing;
mod trust;
mod wallet;

pub use channels::{channel, channels};
pub use council::{accusations, council, emergencies, notices, proposal, proposals};
pub use disputes::{dispute, disputes};
pub use govern::{class, classes, epoch, epochs, param, params, unknown_param};
pub use jobs::{JobBook, explain};
pub use leases::{lease, lease_terms, leases_held, leases_of};
pub use market::{Reached, nodes, offers};
pub use party::{party, purse, purses, signing};
pub use standing::{Present, ledger_view, status, verification};
pub use trust::{FAULTS, node, slash, slash_preview, slashes, why_not_drawn};
pub use wallet::{balance, history};

/// Where answers are looked up.
pub struct Sources<'a> {
    /// What is agreed.
    pub ledger: &'a Arc<Ledger>,
    /// What this peer knows and plans.
    pub steward: &'a Steward,
    /// Content on this disk.
    pub blobs: &'a Blobs,
    /// How the federation began.
    pub genesis: &'a Genesis,
    /// This peer.
    pub me: PeerId,
    /// Its party.
    pub party: PartyId,
}

/// Tables in which the rules keep lists are read up to so many rows for one answer.
pub const ROWS_MAX: u64 = 10_000;

fn sponsor_name(view: &dyn rules::View, sponsor: PartyId) -> Option<String> {
    rules::read::sponsor(view, sponsor).map(|sponsor| sponsor.name)
}
