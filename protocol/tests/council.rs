//! The bytes of what the council and issuance are asked, and the list of governed numbers. A red
//! test here means that old peers no longer understand us, or that a number changed its meaning.
//! `BLESS=1` writes the golden files anew.

use std::path::Path;

use protocol::bytes::{self, Limited};
use protocol::entry::{
    Approval, Body, Choice, Correction, CouncilRequest, EmergencyAct, EmergencyOrder, IssueRequest,
    Joining, KeyRotation, Notice, Place, Proposal, Quota, ReserveReport, Severity, TwoVotes, Vote,
    VoterRequest,
};
use protocol::event::{CouncilEvent, Decision, Event, IssueEvent};
use protocol::ids::{BundleId, Digest, FederationId, JobId, PartyId, PeerId, PublicKey};
use protocol::job::Class;
use protocol::params::PARAMS;
use protocol::units::{Credits, Height, Moment};

const FEDERATION: FederationId = FederationId::new([1; 32]);
const PARTY: PartyId = PartyId::new([2; 32]);
const PEER: PeerId = PeerId::new([3; 32]);
const KEY: PublicKey = PublicKey::new([6; 32]);
const AMOUNT: Credits = Credits::new(7);

fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}"));
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, text).expect("the golden folder can be written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, kept, "{name}: old peers would not understand this");
}

fn golden_bytes<T: borsh::BorshSerialize>(name: &str, values: &[T]) {
    let line = |value: &T| data_encoding::HEXLOWER.encode(&bytes::write(value)) + "\n";
    golden(name, &values.iter().map(line).collect::<String>());
}

fn consensus_key() -> PublicKey {
    let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    PublicKey::new(key.verifying_key().to_bytes())
}

fn proposals() -> Vec<Proposal> {
    vec![
        Proposal::Params {
            changes: vec![(3, 1_250), (7, 60)],
        },
        Proposal::Class {
            class: Class::Ai,
            open: false,
        },
        Proposal::Join(Joining {
            name: "alder".into(),
            party: KEY,
            consensus: consensus_key(),
            peer: PEER,
            power: 1,
        }),
        Proposal::Leave { member: PARTY },
        Proposal::Power {
            member: PARTY,
            power: 2,
        },
        Proposal::Suspend {
            member: PARTY,
            evidence: Digest::of(b"votes"),
        },
        Proposal::Quota {
            member: PARTY,
            of: Quota::Grant,
            per_epoch: AMOUNT,
        },
        Proposal::Reversal {
            corrections: vec![
                Correction {
                    from: Place::Wallet(PARTY),
                    to: Place::Treasury,
                    amount: AMOUNT,
                },
                Correction {
                    from: Place::Slash(bundle()),
                    to: Place::Bond(PEER),
                    amount: AMOUNT,
                },
                Correction {
                    from: Place::Slash(bundle()),
                    to: Place::MemberBond(PARTY),
                    amount: AMOUNT,
                },
            ],
            reason: Digest::of(b"why"),
        },
        Proposal::Upgrade {
            version: 2,
            activation: Height::new(9),
            binary: Digest::of(b"binary"),
        },
        Proposal::ClearModule {
            module: Digest::of(b"module"),
        },
    ]
}

const fn bundle() -> BundleId {
    BundleId {
        job: JobId::new([4; 32]),
        index: 5,
    }
}

fn notice() -> Notice {
    Notice {
        severity: Severity::Critical,
        document: Digest::of(b"plan"),
        text: "stop".into(),
    }
}

fn of_voters() -> [VoterRequest; 2] {
    let rotation = KeyRotation {
        federation: FEDERATION,
        member: PARTY,
        old: KEY,
        new: consensus_key(),
    };
    let vote = |block| Vote {
        block,
        signature: [8; 64],
    };
    let votes = TwoVotes {
        key: KEY,
        view: 3,
        phase: 1,
        first: vote(Digest::of(b"one")),
        second: vote(Digest::of(b"other")),
    };
    [
        VoterRequest::Rotate {
            rotation: Box::new(rotation),
            by_old: [8; 64],
            by_new: [9; 64],
        },
        VoterRequest::ShowVotes {
            votes: Box::new(votes),
        },
    ]
}

fn capacity() -> CouncilRequest {
    CouncilRequest::ReportCapacity {
        peer: PEER,
        class: Class::Grid,
        epoch: 4,
        slots: 2,
    }
}

fn requests() -> Vec<Body> {
    let approvals = vec![Approval {
        key: KEY,
        signature: [8; 64],
    }];
    let order = |act| EmergencyOrder {
        federation: FEDERATION,
        number: 3,
        act,
        begins: true,
    };
    let acts = [
        EmergencyAct::PauseClass(Class::Edge),
        EmergencyAct::FreezeSlash(bundle()),
        EmergencyAct::StopIssuance,
        EmergencyAct::ExtendDeadlines,
    ];
    let emergencies = acts.map(|act| CouncilRequest::Emergency {
        order: order(act),
        approvals: approvals.clone(),
    });
    let mut council: Vec<CouncilRequest> = proposals()
        .into_iter()
        .map(|what| CouncilRequest::Propose { what })
        .chain(emergencies)
        .collect();
    let (proposal, peer, class, epoch) = (2, PEER, Class::Grid, 4);
    for choice in [Choice::Yes, Choice::No, Choice::Veto] {
        council.push(CouncilRequest::Vote { proposal, choice });
    }
    council.extend([
        CouncilRequest::Execute { proposal },
        CouncilRequest::Signal {
            proposal,
            peer,
            yes: true,
        },
        CouncilRequest::Notify { notice: notice() },
        CouncilRequest::TakeMemberBond,
        CouncilRequest::ReportBench {
            peer,
            class,
            score: 900,
        },
    ]);
    council.extend(of_voters().map(CouncilRequest::Voter));
    council.push(capacity());
    let report = ReserveReport {
        federation: FEDERATION,
        holds: AMOUNT,
        as_of: Moment::new(5),
    };
    let issue = vec![
        IssueRequest::Mint {
            to: PARTY,
            amount: AMOUNT,
        },
        IssueRequest::Redeem {
            amount: AMOUNT,
            memo: Digest::of(b"memo"),
        },
        IssueRequest::ReportReserve { report, approvals },
        IssueRequest::StandReady { peer, class },
        IssueRequest::Claim { peer, epoch },
    ];
    let council = council.into_iter().map(Body::Council);
    council.chain(issue.into_iter().map(Body::Issue)).collect()
}

#[test]
fn requests_of_the_council_and_of_issuance() {
    for body in requests() {
        match &body {
            Body::Council(request) => request.within_limits().expect("within limits"),
            Body::Issue(request) => request.within_limits().expect("within limits"),
            other => panic!("{other:?}"),
        }
    }
    golden_bytes("council.hex", &requests());
}

#[test]
fn what_stands_in_no_order_or_is_too_long_is_malformed() {
    let propose = |what| CouncilRequest::Propose { what }.within_limits().is_err();
    for changes in [vec![], vec![(3, 1), (3, 2)], vec![(3, 1); 17]] {
        assert!(propose(Proposal::Params { changes }));
    }
    let mut itself = Correction {
        from: Place::Treasury,
        to: Place::Treasury,
        amount: AMOUNT,
    };
    let reversal = |corrections| Proposal::Reversal {
        corrections,
        reason: Digest::of(b"why"),
    };
    assert!(propose(reversal(vec![itself])));
    itself.to = Place::Wallet(PARTY);
    assert!(!propose(reversal(vec![itself])));
    assert!(propose(reversal(vec![itself; 65])));
    let mut joining = Joining {
        name: "alder".into(),
        party: KEY,
        consensus: consensus_key(),
        peer: PEER,
        power: 1,
    };
    assert!(!propose(Proposal::Join(joining.clone())));
    joining.consensus = PublicKey::new([0; 32]);
    assert!(propose(Proposal::Join(joining)));
    for power in [0, 101] {
        let member = PARTY;
        assert!(propose(Proposal::Power { member, power }));
    }
}

fn of_issuance() -> Vec<IssueEvent> {
    let (peer, class, epoch) = (PEER, Class::Grid, 4);
    let (from, to) = (Credits::new(8), AMOUNT);
    vec![
        IssueEvent::EpochClosed {
            epoch,
            pool: AMOUNT,
            burned: AMOUNT,
        },
        IssueEvent::IndexMoved { class, from, to },
        IssueEvent::Minted {
            to: PARTY,
            amount: AMOUNT,
        },
        IssueEvent::Rewarded {
            peer,
            owner: PARTY,
            epoch,
            amount: AMOUNT,
        },
        IssueEvent::Redeemed {
            gives: AMOUNT,
            party: PARTY,
            amount: AMOUNT,
            memo: Digest::of(b"memo"),
        },
        IssueEvent::ReserveReported {
            holds: AMOUNT,
            as_of: Moment::new(5),
        },
        IssueEvent::WorkFee {
            job: bundle().job,
            burned: AMOUNT,
            kept: AMOUNT,
        },
        IssueEvent::StandsReady { peer, class },
    ]
}

fn of_the_council() -> Vec<CouncilEvent> {
    let (member, class) = (PARTY, Class::Grid);
    vec![
        CouncilEvent::Proposed {
            proposal: 2,
            by: member,
            until: Moment::new(5),
        },
        CouncilEvent::Voted {
            proposal: 2,
            member,
            choice: Choice::Yes,
            executable: Some(Moment::new(6)),
        },
        CouncilEvent::Ended {
            proposal: 2,
            decision: Decision::Vetoed,
        },
        CouncilEvent::ParamChanged {
            id: 3,
            from: 1_000,
            to: 1_250,
        },
        CouncilEvent::ClassChanged { class, open: true },
        CouncilEvent::MemberChanged {
            member,
            consensus: KEY,
            power: 1,
        },
        CouncilEvent::MemberFined {
            member,
            amount: AMOUNT,
        },
        CouncilEvent::QuotaSet {
            member,
            of: Quota::Mint,
            per_epoch: AMOUNT,
        },
        CouncilEvent::Corrected {
            from: Place::Treasury,
            to: Place::Wallet(PARTY),
            amount: AMOUNT,
        },
        CouncilEvent::UpgradeSet {
            version: 2,
            activation: Height::new(9),
            binary: Digest::of(b"binary"),
        },
        CouncilEvent::Emergency {
            act: EmergencyAct::StopIssuance,
            until: None,
        },
        CouncilEvent::Noticed {
            number: 1,
            by: member,
            notice: notice(),
        },
        CouncilEvent::Benched {
            by: member,
            peer: PEER,
            class,
            score: 900,
        },
    ]
}

#[test]
fn events_of_the_council_and_of_issuance() {
    let accused = CouncilEvent::Accused {
        member: PARTY,
        evidence: Digest::of(b"votes"),
        view: 3,
        until: Moment::new(5),
    };
    let seen = CouncilEvent::CapacitySeen {
        by: PARTY,
        peer: PEER,
        class: Class::Grid,
        slots: 2,
    };
    let council = of_the_council().into_iter().chain([accused, seen]);
    let council = council.map(Event::Council);
    let all: Vec<Event> = council
        .chain(of_issuance().into_iter().map(Event::Issue))
        .collect();
    golden_bytes("council-events.hex", &all);
}

/// Ids and names never change; defaults and bounds may, on purpose.
#[test]
fn governed_numbers() {
    let line = |spec: &protocol::params::ParamSpec| {
        format!(
            "{} {} {:?} {} {}..={}\n",
            spec.id, spec.name, spec.unit, spec.default, spec.min, spec.max
        )
    };
    golden("params.txt", &PARAMS.iter().map(line).collect::<String>());
}
