//! What the ledger says of the one job, as events.

use super::*;

/// The event that begins a job: submitted by peer `n`, which other peers see too.
pub fn submitted(tasks: u32, n: u8, end: Digest) -> Event {
    Event::Submitted {
        job: job_id(1),
        sender: party(n),
        terms: terms(tasks, n),
        chain: end,
        escrow: Credits::new(1_000),
        start_from: Height::new(3),
        start_by: Moment::new(100 * SECOND),
    }
}

pub fn drawn(index: u32, peers: &[u8]) -> Event {
    let peers = peers.iter().map(|n| peer(*n)).collect();
    Event::Drawn {
        bundle: bundle(index),
        peers,
        seal_by: Moment::new(80 * SECOND),
    }
}

pub fn sealed(index: u32, n: u8) -> Event {
    Event::Sealed {
        bundle: bundle(index),
        peer: peer(n),
    }
}

pub fn all_sealed() -> Event {
    Event::AllSealed {
        job: job_id(1),
        close_by: Moment::new(200 * SECOND),
    }
}

pub fn closed() -> Event {
    Event::Closed {
        job: job_id(1),
        open_by: Moment::new(300 * SECOND),
    }
}

pub fn opened(index: u32, n: u8, root: Root) -> Event {
    Event::Opened {
        bundle: bundle(index),
        peer: peer(n),
        root,
    }
}

pub fn ended(index: u32, ending: protocol::event::Ending) -> Event {
    Event::BundleEnded {
        bundle: bundle(index),
        ending,
    }
}

pub fn job_ended() -> Event {
    let (paid, refunded) = (Credits::new(40), Credits::new(960));
    Event::JobEnded {
        job: job_id(1),
        paid,
        refunded,
    }
}
