//! A peer that works, and what the ledger says of it.

use super::*;

/// A peer that works, with two places; p5 submits.
pub fn worker() -> Identity {
    Identity {
        slots: 2,
        classes: vec![Class::Grid],
        ..identity(1)
    }
}

pub fn on_offer() -> Event {
    let (peer, class, per_gfuel) = (peer(1), Class::Grid, Credits::new(5));
    Event::OfferPublished {
        peer,
        class,
        slots: 2,
        per_gfuel,
    }
}
