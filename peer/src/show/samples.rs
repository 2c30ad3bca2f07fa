//! Answers to try faces and commands on.

use protocol::ids::{Digest, JobId, PartyId, PeerId};
use protocol::outcome::Status;
use protocol::units::{Credits, Moment};

use crate::api::types::{
    Claim, DisputeState, DisputeView, DisputedTaskView, Id, JobState, JobView, Money, SlashView,
    Tally, TaskState, TaskView, Time,
};

/// A job of ten tasks that ended well.
pub(crate) fn job(seed: u8) -> JobView {
    JobView {
        id: Id(JobId::new([seed; 32])),
        name: "sample".to_owned(),
        state: JobState::Ended,
        why: None,
        sender: Id(PartyId::new([9; 32])),
        content: Id(Digest::of(&[seed])),
        module: Id(Digest::of(b"module")),
        tasks: 10,
        first_index: 0,
        index_step: 1,
        tasks_per_bundle: 5,
        bundles: 2,
        copies: 2,
        tally: Tally {
            done: 10,
            ..Tally::default()
        },
        disputes: 0,
        unjudged: 0,
        per_gfuel: Money(Credits::new(10_000)),
        escrow: Money(Credits::new(3_000_000)),
        paid: Money(Credits::new(410_000)),
        refunded: Money(Credits::new(2_590_000)),
        fuel: 20_500_000_000,
        canaries: None,
        submitted: Time(Moment::new(1_795_000_000_000)),
        provisional_at: None,
        ended: Some(Time(Moment::new(1_795_000_001_250))),
    }
}

/// A judged task of it.
pub(crate) fn task(index: u64, status: Status) -> TaskView {
    TaskView {
        job: Id(JobId::new([1; 32])),
        task: 0,
        index,
        bundle: 0,
        state: TaskState::Judged,
        ended: Some(status.into()),
        fuel: Some(7),
        output: None,
        peers: vec![Id(PeerId::new([3; 32])), Id(PeerId::new([4; 32]))],
        why: None,
    }
}

/// A dispute that convicted one of two.
pub(crate) fn dispute() -> DisputeView {
    let claim = |seed: u8, right| Claim {
        peer: Id(PeerId::new([seed; 32])),
        output: Id(Digest::of(&[seed])),
        fuel: 7,
        right: Some(right),
    };
    DisputeView {
        number: 1,
        job: Id(JobId::new([1; 32])),
        bundle: 3,
        state: DisputeState::Judged,
        tasks: vec![DisputedTaskView {
            task: 12,
            index: 12,
            claims: vec![claim(3, true), claim(4, false)],
            right: Some(Id(Digest::of(&[3]))),
        }],
        panel: vec![Id(PartyId::new([5; 32]))],
        round: 1,
        upheld: vec![Id(PeerId::new([3; 32]))],
        convicted: vec![Id(PeerId::new([4; 32]))],
        slashes: vec![SlashView {
            peer: Id(PeerId::new([4; 32])),
            fault: "F1".to_owned(),
            words: "returned a wrong result".to_owned(),
            amount: Money(Credits::new(5_000_000)),
        }],
        opened: Time(Moment::new(1_795_000_000_000)),
        ended: Some(Time(Moment::new(1_795_000_001_000))),
    }
}
