//! Leases in a test: ask, take, prove, collect, and epochs with blocks enough to answer in.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each file of tests uses a part of the scene, and fails where it is not as it says"
)]

use protocol::entry::{Body, ChunkProof, Leasable, LeaseRequest, LeaseTerms, Leased};
use protocol::event::{Event, LeaseEnd, LeaseEvent};
use protocol::ids::{BundleId, Digest, LeaseId, PeerId};
use protocol::job::Class;
use protocol::units::{Credits, Millis};
use rules::read::{self, Lease, LeaseDue};
use rules::{Account, Refusal};

use super::scene::*;

/// Slots of the class of every test.
pub(crate) const SLOTS: Leasable = Leasable::Slots(Class::Grid);

/// A credit, in what [`gained`] counts.
pub(crate) const CREDIT: i128 = 1_000_000;

/// The terms of leases of a kind: two credits for a unit and an epoch, twice that if it is missed.
pub(crate) fn terms(capacity: u64) -> LeaseTerms {
    LeaseTerms {
        capacity,
        price: cr(2),
        epochs_max: 720,
        penalty_bps: 20_000,
    }
}

/// So many slots.
pub(crate) fn slots(slots: u16) -> Leased {
    let class = Class::Grid;
    Leased::Slots { class, slots }
}

/// A blob of five chunks, and what is leased of it: one MiB begun.
pub(crate) fn blob() -> (Vec<u8>, Leased) {
    let blob: Vec<u8> = (0..5_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let (content, bytes) = (Digest::of(&blob), 5_000);
    (blob, Leased::Bytes { content, bytes })
}

/// Workers that offer four slots each and lease what they are asked for.
pub(crate) fn leasing() -> Scene {
    let mut scene = Scene::new().ready(cr(10_000), cr(1));
    for n in 0..WORKERS {
        scene.asks(n, SLOTS, terms(4));
        scene.asks(n, Leasable::Bytes, terms(10));
    }
    scene.next_epoch();
    scene
}

/// How a lease ended, and what came back of its price.
pub(crate) fn ended(scene: &Scene, lease: LeaseId) -> Option<(LeaseEnd, Credits)> {
    let mut said = scene.events.iter();
    said.find_map(|event| match event {
        Event::Lease(LeaseEvent::Ended {
            lease: of,
            how,
            refunded,
        }) if *of == lease => Some((*how, *refunded)),
        _ => None,
    })
}

/// How often worker `n` missed leased slots, and a proof of storage.
pub(crate) fn times(scene: &Scene, n: u8) -> (u32, u32) {
    let times = read::faults(&scene.rows, worker(n)).times;
    (times[4], times[10])
}

/// What a party has gained since, or lost.
pub(crate) fn gained(scene: &Scene, who: Who, before: Credits) -> i128 {
    i128::from(scene.has(who).get()) - i128::from(before.get())
}

/// Any name: those of leases are not asked for in a preview.
pub(crate) fn finding() -> BundleId {
    read::lease_finding(LeaseId::new([0; 32]), 0)
}

impl Scene {
    /// What somebody asks about leases.
    pub(crate) fn lease(&mut self, who: Who, request: LeaseRequest) -> Result<(), Refusal> {
        self.enter(who, Body::Lease(request))
    }

    /// The owner of worker `n` asks this.
    pub(crate) fn asks(&mut self, n: u8, what: Leasable, terms: LeaseTerms) {
        let peer = worker(n);
        let ask = LeaseRequest::Ask { peer, what, terms };
        self.lease(owner(n), ask).unwrap();
    }

    /// Somebody takes a lease of worker `n`, at whatever it asks.
    pub(crate) fn takes(
        &mut self,
        who: Who,
        n: u8,
        (what, epochs): (Leased, u16),
    ) -> Result<LeaseId, Refusal> {
        let price_max = Credits::MAX;
        self.takes_at(who, worker(n), (what, epochs), price_max)
    }

    /// The same, and what it pays at most.
    pub(crate) fn takes_at(
        &mut self,
        who: Who,
        peer: PeerId,
        (what, epochs): (Leased, u16),
        price_max: Credits,
    ) -> Result<LeaseId, Refusal> {
        let take = LeaseRequest::Take {
            peer,
            what,
            epochs,
            price_max,
        };
        let entry = self.sign(who, Body::Lease(take));
        let name = LeaseId::new(*entry.entry_id().bytes());
        self.block(10, vec![entry]).remove(0).map(|()| name)
    }

    /// The owner of worker `n` shows the chunk of the blob that is asked for.
    pub(crate) fn proves(&mut self, n: u8, lease: LeaseId) -> Result<(), Refusal> {
        self.proves_chunk(n, lease, 0)
    }

    /// The owner shows a chunk so many after the one that is asked for.
    pub(crate) fn proves_chunk(
        &mut self,
        n: u8,
        lease: LeaseId,
        beyond: u64,
    ) -> Result<(), Refusal> {
        let chunk = read::storage_challenge(&self.rows, lease);
        let (_, index) = chunk.unwrap_or_default();
        let proof = ChunkProof::of(&blob().0, (index + beyond) % 5).unwrap();
        self.lease(owner(n), LeaseRequest::Prove { lease, proof })
    }

    pub(crate) fn collects(&mut self, lease: LeaseId) -> Result<(), Refusal> {
        self.lease(ANNA, LeaseRequest::Collect { lease })
    }

    pub(crate) fn ends(&mut self, who: Who, lease: LeaseId) -> Result<(), Refusal> {
        self.lease(who, LeaseRequest::End { lease })
    }

    /// Blocks up to the beginning of the next epoch, with one in the last quarter of this; then
    /// the two blocks in which its lots are cast.
    pub(crate) fn next_epoch(&mut self) {
        let (_, began) = read::running_epoch(&self.rows).unwrap();
        let length = read::params(&self.rows).unwrap().epoch.get();
        let at = |part: u64| began.after(Millis::new(length / 8 * part));
        for part in [7, 8] {
            let later = at(part).since(self.at.now);
            self.wait(later);
        }
        self.wait(Millis::new(1));
    }

    /// A lease that has not ended.
    pub(crate) fn leased(&self, name: LeaseId) -> Option<Lease> {
        read::lease(&self.rows, name)
    }

    /// What settling it would do.
    pub(crate) fn due(&self, name: LeaseId) -> LeaseDue {
        read::lease_due(&self.rows, name).unwrap()
    }

    /// What its escrow holds.
    pub(crate) fn prepaid(&self, name: LeaseId) -> Credits {
        read::account(&self.rows, Account::LeaseEscrow(name)).amount()
    }

    /// How many slots worker `n` offers for draws.
    pub(crate) fn offers(&self, n: u8) -> Option<u16> {
        let offer = read::offer(&self.rows, worker(n), Class::Grid);
        offer.map(|offer| offer.slots)
    }
}
