//! Leases that have not ended, and what peers ask for new ones.

use protocol::entry::{Leasable, Leased};
use protocol::ids::{LeaseId, PartyId, PeerId};
use protocol::job::Class;
use rules::View;

use super::Sources;
use crate::api::problem::{Code, Problem};
use crate::api::types::{Id, LeaseTermsView, LeaseView};

/// The leases that a party holds, at most 64.
pub fn leases_held(from: &Sources<'_>, holder: PartyId) -> Vec<LeaseView> {
    let view = from.ledger.ask();
    let names = rules::read::leases_held(&view, holder).into_iter();
    names.filter_map(|name| lease_view(&view, name)).collect()
}

/// The leases that a peer keeps, at most 16.
pub fn leases_of(from: &Sources<'_>, peer: PeerId) -> Vec<LeaseView> {
    let view = from.ledger.ask();
    let names = rules::read::leases_of(&view, peer).into_iter();
    names.filter_map(|name| lease_view(&view, name)).collect()
}

/// One lease.
///
/// # Errors
/// [`Code::NotFound`], for one that has ended too.
pub fn lease(from: &Sources<'_>, name: LeaseId) -> Result<LeaseView, Problem> {
    lease_view(&from.ledger.ask(), name).ok_or_else(|| {
        let title = format!("there is no lease {name}, or it has ended");
        Problem::new(Code::NotFound, title).try_this("peer lease ls")
    })
}

/// What a peer leases.
pub fn lease_terms(from: &Sources<'_>, peer: PeerId) -> Vec<LeaseTermsView> {
    let view = from.ledger.ask();
    let slots = Class::ALL.into_iter().map(Leasable::Slots);
    let kinds = slots.chain([Leasable::Bytes]);
    let shelf = |what| {
        let shelf = rules::read::shelf(&view, peer, what);
        let terms = shelf.terms?;
        let (words, class) = match what {
            Leasable::Slots(class) => ("slots", Some(class.name().to_owned())),
            Leasable::Bytes => ("storage", None),
        };
        Some(LeaseTermsView {
            peer: Id(peer),
            what: words.to_owned(),
            class,
            capacity: terms.capacity,
            taken: shelf.taken,
            price: terms.price.into(),
            epochs_max: terms.epochs_max,
            penalty_bps: terms.penalty_bps,
        })
    };
    kinds.filter_map(shelf).collect()
}

fn lease_view(view: &dyn View, name: LeaseId) -> Option<LeaseView> {
    let row = rules::read::lease(view, name)?;
    let (running, _) = rules::read::running_epoch(view)?;
    let due = rules::read::lease_due(view, name)?;
    let state = match (row.first, row.ends()) {
        (None, _) => "waiting",
        (Some(first), _) if running < first => "ahead",
        (_, Some(ends)) if running >= ends => "over",
        _ => "running",
    };
    let (what, content) = match row.what {
        Leased::Slots { class, slots } => {
            let plural = if slots == 1 { "" } else { "s" };
            (format!("{slots} {} slot{plural}", class.name()), None)
        }
        Leased::Bytes { content, bytes } => (format!("{bytes} bytes"), Some((content, bytes))),
    };
    Some(LeaseView {
        lease: Id(name),
        state: state.to_owned(),
        peer: Id(row.peer),
        holder: Id(row.holder),
        what,
        content: content.map(|(content, _)| Id(content)),
        bytes: content.map(|(_, bytes)| bytes),
        price: row.price.into(),
        penalty: row.penalty.into(),
        first: row.first,
        epochs: row.epochs,
        settled: row.settled,
        prepaid: row.escrow().into(),
        locked: row.locked().into(),
        due: due.paid.into(),
        back: due.refunded.into(),
        slash: due.slashed.into(),
        proved: row.proved,
        asked: rules::read::storage_challenge(view, name),
    })
}
