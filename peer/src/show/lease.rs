//! Faces of leases, and of what peers ask for them.

use super::work::{id, maybe};
use super::{Cell, Face, Section, Tone};
use crate::api::types::{LeaseTermsView, LeaseView, List};

fn state(lease: &LeaseView) -> Cell {
    let tone = if lease.state == "running" {
        Tone::Good
    } else {
        Tone::Plain
    };
    Cell::toned(tone, lease.state.as_str())
}

impl Face for List<LeaseView> {
    fn sections(&self, wide: bool) -> Vec<Section> {
        let head = vec![
            "LEASE", "STATE", "PEER", "HOLDER", "OF", "AN EPOCH", "EPOCHS", "SETTLED", "PREPAID",
        ];
        let row = |lease: &LeaseView| {
            vec![
                id(&lease.lease, wide).into(),
                state(lease),
                id(&lease.peer, wide).into(),
                id(&lease.holder, wide).into(),
                lease.what.as_str().into(),
                lease.price.into(),
                u64::from(lease.epochs).into(),
                u64::from(lease.settled).into(),
                lease.prepaid.into(),
            ]
        };
        vec![Section::Rows(head, self.items.iter().map(row).collect())]
    }

    fn ids(&self) -> Vec<String> {
        let leases = self.items.iter();
        leases.map(|lease| lease.lease.full()).collect()
    }
}

impl Face for LeaseView {
    fn sections(&self, _wide: bool) -> Vec<Section> {
        let content = self.content.map(|content| content.full());
        let asked = self
            .asked
            .map(|(epoch, chunk)| format!("chunk {chunk}, by epoch {epoch}"));
        let card = vec![
            ("lease", Cell::from(self.lease.full())),
            ("state", state(self)),
            ("peer", self.peer.full().into()),
            ("holder", self.holder.full().into()),
            ("of", self.what.as_str().into()),
            ("content", maybe(content.as_ref())),
            ("an epoch", self.price.into()),
            ("missed", self.penalty.into()),
            ("first epoch", maybe(self.first.as_ref())),
            ("epochs", u64::from(self.epochs).into()),
            ("settled", u64::from(self.settled).into()),
            ("prepaid", self.prepaid.into()),
            ("locked", self.locked.into()),
            ("due", self.due.into()),
            ("comes back", self.back.into()),
            ("would be slashed", self.slash.into()),
            ("proved in", maybe(self.proved.as_ref())),
            ("asked for", maybe(asked.as_ref())),
        ];
        vec![Section::Card(card)]
    }

    fn ids(&self) -> Vec<String> {
        vec![self.lease.full()]
    }
}

impl Face for List<LeaseTermsView> {
    fn sections(&self, wide: bool) -> Vec<Section> {
        let head = vec![
            "PEER", "LEASES", "CLASS", "CAPACITY", "TAKEN", "PRICE", "EPOCHS", "MISSED",
        ];
        let row = |terms: &LeaseTermsView| {
            vec![
                id(&terms.peer, wide).into(),
                terms.what.as_str().into(),
                maybe(terms.class.as_ref()),
                terms.capacity.into(),
                terms.taken.into(),
                terms.price.into(),
                u64::from(terms.epochs_max).into(),
                format!("{} %", terms.penalty_bps / 100).into(),
            ]
        };
        vec![Section::Rows(head, self.items.iter().map(row).collect())]
    }

    fn ids(&self) -> Vec<String> {
        self.items.iter().map(|terms| terms.peer.full()).collect()
    }
}
