//! The bytes of requests and events about leases; see `golden.rs`.

#[path = "kept/entries.rs"]
mod entries;
mod kept;

use entries::golden_entry;
use kept::golden;
use protocol::bytes::{self, Limited};
use protocol::entry::{
    Body, ChunkProof, LEASE_BYTES_MAX, LEASE_EPOCHS_MAX, Leasable, LeaseRequest, LeaseTerms,
    Leased, SLOT_PENALTY_BPS, UNIT_BYTES,
};
use protocol::event::{Event, Fault, LeaseEnd, LeaseEvent};
use protocol::ids::{BundleId, Digest, JobId, LeaseId, PartyId, PeerId};
use protocol::job::Class;
use protocol::units::Credits;

const PARTY: PartyId = PartyId::new([2; 32]);
const PEER: PeerId = PeerId::new([3; 32]);
const LEASE: LeaseId = LeaseId::new([5; 32]);
const TERMS: LeaseTerms = LeaseTerms {
    capacity: 8,
    price: Credits::new(7),
    epochs_max: 24,
    penalty_bps: SLOT_PENALTY_BPS,
};
const SLOTS: Leasable = Leasable::Slots(Class::Edge);
const STORAGE: Leased = Leased::Bytes {
    content: Digest::new([9; 32]),
    bytes: UNIT_BYTES + 1,
};

fn take(what: Leased, epochs: u16) -> LeaseRequest {
    LeaseRequest::Take {
        peer: PEER,
        what,
        epochs,
        price_max: Credits::new(7),
    }
}

fn ask(what: Leasable, terms: LeaseTerms) -> LeaseRequest {
    LeaseRequest::Ask {
        peer: PEER,
        what,
        terms,
    }
}

fn requests() -> Vec<LeaseRequest> {
    let proof = ChunkProof::of(&[4; 3_000], 2).expect("it has three chunks");
    let lease = LEASE;
    vec![
        ask(SLOTS, TERMS),
        take(STORAGE, 4),
        LeaseRequest::Prove { lease, proof },
        LeaseRequest::Collect { lease },
        LeaseRequest::End { lease },
    ]
}

#[test]
fn entries_about_leases() {
    let bodies = requests().into_iter().map(Body::Lease);
    bodies.for_each(golden_entry);
}

#[test]
fn events_of_leases() {
    let (lease, peer, amount) = (LEASE, PEER, Credits::new(7));
    let events = [
        LeaseEvent::Asked {
            peer,
            what: Leasable::Bytes,
            terms: TERMS,
        },
        LeaseEvent::Taken {
            lease,
            peer,
            holder: PARTY,
            what: Leased::Slots {
                class: Class::Ai,
                slots: 2,
            },
            epochs: 9,
            price: amount,
            penalty: amount,
        },
        LeaseEvent::Proved { lease, epoch: 6 },
        LeaseEvent::Settled {
            lease,
            until: 7,
            paid: amount,
            refunded: Credits::ZERO,
        },
        LeaseEvent::Missed {
            finding: BundleId {
                job: JobId::new([8; 32]),
                index: 0,
            },
            lease,
            peer,
            fault: Fault::StorageMissed,
            missed: 3,
        },
        LeaseEvent::GivenUp {
            lease,
            ends: 8,
            paid: amount,
            refunded: amount,
        },
        LeaseEvent::Ended {
            lease,
            how: LeaseEnd::Struck,
            refunded: amount,
        },
    ];
    let written = events.map(|event| bytes::write(&Event::Lease(event)));
    golden("events-leases", &written.concat());
}

#[test]
fn what_makes_no_sense_is_malformed() {
    let storage = |bytes| Leased::Bytes {
        content: Digest::new([9; 32]),
        bytes,
    };
    let slots = |slots| Leased::Slots {
        class: Class::Grid,
        slots,
    };
    let terms = |capacity, price, epochs_max, penalty_bps| LeaseTerms {
        capacity,
        price: Credits::new(price),
        epochs_max,
        penalty_bps,
    };
    let most = LEASE_EPOCHS_MAX;
    for (request, is_right) in [
        (take(storage(1), 1), true),
        (take(storage(LEASE_BYTES_MAX), most), true),
        (take(storage(0), 1), false),
        (take(storage(LEASE_BYTES_MAX + 1), 1), false),
        (take(slots(1), most + 1), false),
        (take(slots(1), 0), false),
        (take(slots(0), 1), false),
        (ask(SLOTS, terms(0, 0, 0, 0)), true),
        (ask(SLOTS, terms(1, 1, 1, 20_000)), true),
        (ask(SLOTS, terms(1, 1, 1, 19_999)), false),
        (ask(SLOTS, terms(1, 1, 1, 20_001)), false),
        (ask(SLOTS, terms(1, 0, 1, 20_000)), false),
        (ask(SLOTS, terms(1, 1, 0, 20_000)), false),
        (ask(SLOTS, terms(1, 1, most + 1, 20_000)), false),
        (ask(Leasable::Bytes, terms(1, 1, most, 9_999)), false),
        (ask(Leasable::Bytes, terms(1, 1, most, 10_000)), true),
        (ask(Leasable::Bytes, terms(1, 1, most, 100_000)), true),
        (ask(Leasable::Bytes, terms(1, 1, most, 100_001)), false),
    ] {
        assert_eq!(request.within_limits().is_ok(), is_right, "{request:?}");
    }
    for (chunk, steps, is_right) in [(1_024, 30, true), (1_025, 0, false), (0, 31, false)] {
        let proof = ChunkProof {
            chunk: vec![0; chunk],
            path: vec![[0; 32]; steps],
        };
        let prove = LeaseRequest::Prove {
            lease: LEASE,
            proof,
        };
        assert_eq!(prove.within_limits().is_ok(), is_right);
    }
    assert_eq!(STORAGE.units(), 2);
    assert_eq!(storage(UNIT_BYTES).units(), 1);
}
