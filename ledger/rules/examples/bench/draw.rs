//! A draw: 1 024 bundles in 7 copies, each copy at another sponsor, from a roster of so many peers.

use std::time::Duration;

use crate::ledger::Ledger;
use crate::work::{secret, terms};
use protocol::entry::{Body, chain};
use protocol::ids::JobId;

/// How long it took to let one peer in, and to draw the job's peers.
pub fn measure(peers: u32) -> (Duration, Duration) {
    let mut ledger = Ledger::new();
    let admitted = ledger.admit(peers);
    let mut terms = terms(0, 1_024);
    terms.copies = 7;
    let submit = Body::Submit {
        terms,
        chain: chain(&chain(&secret(0))),
        purse: None,
    };
    let submit = ledger.sign(0, submit);
    let job = JobId::new(*submit.entry_id().bytes());
    ledger.block(&[submit]);
    ledger.block(&[]);
    ledger.block(&[]);
    let link = chain(&secret(0));
    let start = ledger.sign(0, Body::Start { job, link });
    (admitted / peers.max(1), ledger.block(&[start]))
}
