//! The bytes of today. A red test here means that old peers no longer understand us: change a
//! golden file only on purpose, together with a decision record. `BLESS=1` writes them anew.

#[path = "kept/entries.rs"]
mod entries;
mod kept;

use ed25519_dalek::SigningKey;
use entries::{entry, golden_entry};
use kept::golden;
use protocol::bytes;
use protocol::entry::{
    AuditRequest, Body, DisputedTask, Findings, Opening, PanelAnswer, PeerSeal, chain,
};
use protocol::event::{Ending, Event, Fault, FaultEvent};
use protocol::ids::{BundleId, Digest, EntryId, FederationId, JobId, PartyId, PeerId, PublicKey};
use protocol::job::{
    Array, Blob, Care, Class, Input, Job, Judge, Limits, Profile, Terms, UnknownImports,
};
use protocol::kernel::Program;
use protocol::message::{Message, StateOf};
use protocol::offer::Offer;
use protocol::outcome::{Outcome, Root, Status, TaskOutput, Trap, prove, root};
use protocol::signed::Signed;
use protocol::units::{Bps, Bytes, Credits, Fuel, GFUEL, Millis, Moment};

const FEDERATION: FederationId = FederationId::new([1; 32]);
const PARTY: PartyId = PartyId::new([2; 32]);
const PEER: PeerId = PeerId::new([3; 32]);
const JOB: JobId = JobId::new([4; 32]);
const BUNDLE: BundleId = BundleId { job: JOB, index: 5 };

fn terms() -> Terms {
    Terms {
        job: Digest::of(b"job"),
        module: Digest::of(b"module"),
        peer: PEER,
        class: Class::Cloud,
        tasks: 94,
        tasks_per_bundle: 4,
        copies: 2,
        task_fuel_max: GFUEL,
        per_gfuel: Credits::new(1_000),
        seal_window: Millis::new(60_000),
        judge: Judge::Panel,
        care: Care {
            audit: Bps::new(1_000),
            value_at_risk: Credits::new(9),
            deadline: Some(Millis::new(3_600_000)),
            anchor: true,
            canaries: Some(Digest::of(b"canaries")),
        },
    }
}

fn job() -> Job {
    let blob = Blob {
        digest: Digest::of(b"module"),
        size: Bytes::new(6),
    };
    Job {
        name: "orchids".into(),
        profile: Profile::WASM_3,
        module: blob,
        unknown_imports: UnknownImports::Trap,
        program: Program::Wasm,
        args: vec!["--fast".into()],
        env: vec![("LANG".into(), "C".into())],
        stdin: Some(blob),
        inputs: vec![Input {
            path: "sequences".into(),
            blob,
        }],
        array: Array {
            first: 0,
            step: 1,
            count: 94,
        },
        limits: Limits {
            fuel: GFUEL,
            memory: Bytes::new(64 << 20),
            output: Bytes::new(1 << 20),
            output_files: 16,
            wall_ms: Millis::new(30_000),
        },
        seed: Digest::of(b"seed"),
    }
}

fn outcomes() -> Vec<Outcome> {
    (0_u8..3)
        .map(|i| Outcome {
            digest: Digest::of(&[i]),
            fuel: Fuel::new(i.into()),
        })
        .collect()
}

fn opening() -> Opening {
    let root = root(&outcomes()).expect("there are outcomes");
    Opening {
        bundle: 5,
        peer: PEER,
        root,
        salt: Digest::of(b"salt"),
    }
}

fn disputed() -> DisputedTask {
    DisputedTask {
        claims: vec![(PEER, prove(&outcomes(), 2).expect("it is there"))],
    }
}

fn bodies_of_people() -> Vec<Body> {
    let key = PublicKey::new([6; 32]);
    let amount = Credits::new(7);
    let offer = Body::PublishOffer {
        peer: PEER,
        class: Class::Grid,
        slots: 2,
        per_gfuel: amount,
    };
    vec![
        Body::Register { key },
        Body::Transfer {
            moves: vec![(PARTY, amount)],
        },
        Body::AdmitPeer {
            peer: PEER,
            owner: PARTY,
        },
        Body::Bond { peer: PEER, amount },
        Body::Unbond { peer: PEER, amount },
        Body::Withdraw { peer: PEER },
        offer,
        Body::WithdrawOffer {
            peer: PEER,
            class: Class::Ai,
        },
    ]
}

fn seal() -> PeerSeal {
    PeerSeal {
        bundle: 5,
        peer: PEER,
        hash: opening().seal(&JOB),
        signature: [8; 64],
    }
}

fn bodies_of_jobs() -> Vec<Body> {
    let answer = PanelAnswer {
        outcomes: vec![Some(outcomes()[0]), None],
        salt: Digest::of(b"salt"),
    };
    vec![
        Body::Submit {
            terms: terms(),
            chain: chain(&chain(&Digest::of(b"s0"))),
            purse: None,
        },
        Body::Start {
            job: JOB,
            link: chain(&Digest::of(b"s0")),
        },
        Body::Decline {
            bundle: BUNDLE,
            peer: PEER,
            to: None,
        },
        Body::SealBatch {
            job: JOB,
            seals: vec![seal()],
        },
        Body::Close {
            job: JOB,
            secret: Digest::of(b"s0"),
        },
        Body::ForceClose { job: JOB },
        Body::OpenBatch {
            job: JOB,
            openings: vec![opening()],
        },
        Body::Dispute {
            bundle: BUNDLE,
            tasks: vec![disputed()],
        },
        Body::PanelSeal {
            bundle: BUNDLE,
            seal: answer.seal(&BUNDLE, &PARTY),
        },
        Body::PanelOpen {
            bundle: BUNDLE,
            answer,
        },
        Body::Cancel { job: JOB },
        Body::Sweep { job: JOB },
    ]
}

fn canaries() -> Vec<protocol::entry::Canary> {
    let outcome = outcomes()[0];
    vec![protocol::entry::Canary { task: 3, outcome }]
}

fn bodies_of_audits() -> Vec<Body> {
    let found = [Some(outcomes()[0]), None];
    let findings = Findings::all(PARTY, Digest::of(b"salt"), &found);
    let requests = vec![
        AuditRequest::Seal {
            job: JOB,
            hash: findings[0].seal(&JOB),
        },
        AuditRequest::Open {
            job: JOB,
            openings: vec![opening()],
            findings,
            content: true,
        },
        AuditRequest::Contest {
            bundle: BUNDLE,
            proofs: vec![prove(&outcomes(), 2).expect("it is there")],
        },
        AuditRequest::Demand {
            bundle: BUNDLE,
            peer: PEER,
        },
        AuditRequest::Answer {
            bundle: BUNDLE,
            peer: PEER,
            outcomes: outcomes(),
        },
        AuditRequest::TwoSeals {
            job: JOB,
            seals: Box::new([seal(), seal()]),
        },
        AuditRequest::Redress {
            slash: 1,
            results: vec![2, 5],
        },
        AuditRequest::Canaries {
            job: JOB,
            salt: Digest::of(b"salt"),
            canaries: canaries(),
        },
        AuditRequest::Alike {
            bundle: BUNDLE,
            peers: vec![PEER],
        },
    ];
    requests.into_iter().map(Body::Audit).collect()
}

fn bodies() -> Vec<Body> {
    let parts = [bodies_of_people(), bodies_of_jobs(), bodies_of_audits()];
    parts.concat()
}

#[test]
fn entries_and_what_is_signed_in_them() {
    bodies().into_iter().for_each(golden_entry);
}

const fn state_of() -> StateOf {
    StateOf {
        bundle: BUNDLE,
        task: 21,
        steps: 78,
    }
}

fn messages_of_steps() -> Vec<Message> {
    let of = state_of();
    vec![
        Message::AskState(of),
        Message::State {
            of,
            state: Some(job().module),
        },
        Message::AskKept { bundle: BUNDLE },
        Message::Kept {
            bundle: BUNDLE,
            states: vec![(3, job().module)],
        },
    ]
}

#[test]
fn jobs_outputs_offers_and_messages() {
    let key = SigningKey::from_bytes(&[9; 32]);
    golden("job", &bytes::write(&job()));
    let output = TaskOutput {
        profile: Profile::WASM_3,
        status: Status::Trapped(Trap::MemoryOutOfBounds),
        stdout: b"out".to_vec(),
        stderr: b"err".to_vec(),
        files: vec![("row.tsv".into(), b"1\t2\t3\n".to_vec())],
        steps: None,
    };
    golden("task-output", &output.to_bytes());
    let offer = Offer {
        federation: FEDERATION,
        peer: PEER,
        boot: Moment::new(1),
        seq: 2,
        issued: Moment::new(3),
        ttl: Millis::new(60_000),
        class: Class::Grid,
        profiles: vec![Profile::WASM_3],
        slots_total: 2,
        slots_free: 1,
        memory: Bytes::new(1 << 30),
        per_gfuel: Credits::new(1_000),
        speed: Fuel::new(2_000_000_000),
        gcu: 14,
    };
    golden("offer", &bytes::write(&Signed::sign(offer, &key)));
    let signed = Signed::sign(entry(Body::Sweep { job: JOB }), &key);
    let seal = PeerSeal {
        bundle: 5,
        peer: PEER,
        hash: opening().seal(&JOB),
        signature: [8; 64],
    };
    let messages = [
        Message::Entries(vec![signed]),
        Message::EntryRefused {
            entry: EntryId::new([1; 32]),
            why: "no".into(),
        },
        Message::Outcomes {
            bundle: BUNDLE,
            outcomes: outcomes(),
            inline: vec![b"out".to_vec()],
            seal,
        },
        Message::AskOutcomes { bundle: BUNDLE },
        Message::Openings {
            job: JOB,
            openings: vec![opening()],
        },
        Message::RunFailed {
            bundle: BUNDLE,
            why: "no input".into(),
        },
    ];
    golden(
        "messages",
        &messages
            .iter()
            .chain(&messages_of_steps())
            .flat_map(bytes::write)
            .collect::<Vec<_>>(),
    );
}

fn events_until_the_close() -> Vec<Event> {
    let (amount, moment) = (Credits::new(7), Moment::new(9));
    let (job, bundle) = (JOB, BUNDLE);
    vec![
        Event::Registered { party: PARTY },
        Event::Transferred {
            from: PARTY,
            to: PARTY,
            amount,
        },
        Event::PeerAdmitted {
            peer: PEER,
            owner: PARTY,
            sponsor: PARTY,
        },
        Event::BondChanged {
            peer: PEER,
            bond: amount,
            locked: amount,
        },
        Event::Drawn {
            bundle,
            peers: vec![PEER],
            seal_by: moment,
        },
        Event::Replaced {
            bundle,
            out: PEER,
            next: None,
            seal_by: moment,
        },
        Event::Sealed { bundle, peer: PEER },
        Event::AllSealed {
            job,
            close_by: moment,
        },
        Event::Closed {
            job,
            open_by: moment,
        },
    ]
}

fn events_after_the_close() -> Vec<Event> {
    let (amount, moment) = (Credits::new(7), Moment::new(9));
    let (job, bundle) = (JOB, BUNDLE);
    let root = Root {
        digest: Digest::of(b"root"),
        fuel: Fuel::new(3),
    };
    vec![
        Event::Opened {
            bundle,
            peer: PEER,
            root,
        },
        Event::Disputed {
            bundle,
            roots: vec![(PEER, root)],
            dispute_by: moment,
        },
        Event::PanelCalled {
            bundle,
            tasks: vec![disputed()],
            panel: vec![PARTY],
            round: 1,
            seal_by: moment,
        },
        Event::PanelOpening {
            bundle,
            open_by: moment,
        },
        Event::Verdict {
            bundle,
            right: vec![None],
            upheld: vec![PEER],
            convicted: vec![],
        },
        Event::Slashed {
            bundle,
            peer: PEER,
            fault: Fault::WrongOutcome,
            amount,
        },
        Event::Paid {
            bundle,
            peer: PEER,
            owner: PARTY,
            amount,
        },
        Event::BundleEnded {
            bundle,
            ending: Ending::Judged,
        },
        Event::JobEnded {
            job,
            paid: amount,
            refunded: amount,
        },
    ]
}

fn feigned() -> FaultEvent {
    FaultEvent::CapacityFeigned {
        finding: BUNDLE,
        peer: PEER,
        class: Class::Grid,
        claimed: 20,
        seen: 2,
    }
}

fn events_of_faults() -> Vec<Event> {
    let (bundle, peer, amount) = (BUNDLE, PEER, Credits::new(7));
    let (since, until) = (Moment::new(1), Moment::new(9));
    let events = vec![
        FaultEvent::SlashGiven {
            number: 1,
            bundle,
            peer,
            amount,
        },
        FaultEvent::SlashReturned {
            number: 1,
            bundle,
            peer,
            amount,
        },
        FaultEvent::Tainted {
            peer,
            since,
            until,
            results: 2,
        },
        FaultEvent::PeerStruck { peer },
        FaultEvent::ModuleFlagged {
            module: Digest::of(b"module"),
            job: JOB,
        },
        FaultEvent::Demanded {
            bundle,
            peer,
            by: PARTY,
            answer_by: until,
        },
        FaultEvent::Answered {
            bundle,
            peer,
            outcomes: outcomes(),
        },
        FaultEvent::Withheld { bundle, peer },
        FaultEvent::ModuleCleared {
            module: Digest::of(b"module"),
        },
        FaultEvent::RedressOpened {
            slash: 1,
            peer,
            rest_to: PARTY,
            amount,
            until,
        },
        FaultEvent::Redressed {
            slash: 1,
            bundle,
            to: PARTY,
            amount,
        },
        FaultEvent::RedressOver {
            slash: 1,
            peer,
            to: PARTY,
            amount,
        },
        feigned(),
    ];
    events.into_iter().map(Event::Fault).collect()
}

fn events_of_audits() -> Vec<Event> {
    let (job, moment) = (JOB, Moment::new(9));
    vec![
        Event::AuditDrawn {
            job,
            seat: 1,
            member: PARTY,
            peer: PEER,
            tasks: vec![3, 7],
            seal_by: moment,
        },
        Event::AuditSealed { job, member: PARTY },
        Event::AuditLapsed {
            job,
            member: PARTY,
            next: None,
        },
        Event::AuditsOpening {
            job,
            open_by: moment,
        },
        Event::AuditOpened {
            job,
            seat: 1,
            member: PARTY,
            part: 0,
            outcomes: vec![Some(outcomes()[0]), None],
        },
        Event::CanariesOpened {
            job,
            canaries: canaries(),
        },
    ]
}

#[test]
fn events() {
    let events = [
        events_until_the_close(),
        events_after_the_close(),
        events_of_audits(),
        events_of_faults(),
    ]
    .concat();
    golden(
        "events",
        &events.iter().flat_map(bytes::write).collect::<Vec<_>>(),
    );
}
