//! A scene for stories: one steward, peers with real keys, and effects in words.
//!
//! A story is a list of steps: what happens, in words and as an input, and all that the steward
//! does about it. Peers are numbered; `p1` is the steward's own.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "every story uses another part of the scene"
)]

pub mod events;
pub mod show;
pub mod submitter;
pub mod worker;

use std::sync::{Arc, OnceLock};

use ed25519_dalek::SigningKey;
use protocol::bytes;
use protocol::entry::{Body, Opening, PeerSeal, Seal, chain};
use protocol::event::Event;
use protocol::ids::{BundleId, Digest, FederationId, JobId, PartyId, PeerId};
use protocol::job::{Array, Blob, Care, Class, Job, Judge, Limits, Profile, Terms};
use protocol::message::Message;
use protocol::outcome::{self, Outcome, Root};
use protocol::signed::Signed;
use protocol::units::{Bytes, Credits, Fuel, Height, Millis, Moment};
use steward::{Effect, Identity, Input, Member, RunToken, SaltKey, Steward};

pub use events::*;
use show::show;

pub const FEDERATION: FederationId = FederationId::new([9; 32]);
pub const SECOND: u64 = 1_000;

/// The secret key number `n`, made once.
pub fn key(n: u8) -> SigningKey {
    static KEYS: [OnceLock<SigningKey>; 256] = [const { OnceLock::new() }; 256];
    let made = KEYS[usize::from(n)].get_or_init(|| SigningKey::from_bytes(&[n; 32]));
    made.clone()
}

pub fn peer(n: u8) -> PeerId {
    PeerId::new(key(n).verifying_key().to_bytes())
}

pub fn party(n: u8) -> PartyId {
    PartyId::new([100 + n; 32])
}

pub fn job_id(n: u8) -> JobId {
    JobId::new([n; 32])
}

pub fn bundle(index: u32) -> BundleId {
    BundleId {
        job: job_id(1),
        index,
    }
}

/// A job of so many tasks, with one module and nothing else to fetch.
pub fn job(tasks: u32) -> Job {
    let limits = Limits {
        fuel: FUEL_MAX,
        memory: Bytes::new(1 << 20),
        output: Bytes::new(1 << 20),
        output_files: 10,
        wall_ms: Millis::new(60_000),
    };
    Job {
        array: Array::of(tasks),
        seed: Digest::of(b"seed"),
        ..Job::once("squares", Blob::of(b"module"), limits)
    }
}

pub const FUEL_MAX: Fuel = Fuel::new(1_000_000_000);

pub fn job_digest(tasks: u32) -> Digest {
    Digest::of(&bytes::write(&job(tasks)))
}

/// Its terms when `submitter` submits it in bundles of two, two copies of each.
pub fn terms(tasks: u32, submitter: u8) -> Terms {
    Terms {
        job: job_digest(tasks),
        module: Digest::of(b"module"),
        peer: peer(submitter),
        class: Class::Grid,
        tasks,
        tasks_per_bundle: 2,
        copies: 2,
        task_fuel_max: FUEL_MAX,
        per_gfuel: Credits::new(10),
        seal_window: Millis::new(60_000),
        judge: Judge::Panel,
        care: Care::default(),
    }
}

/// What an honest machine finds for a task.
pub fn right(task: u32) -> Outcome {
    Outcome {
        digest: Digest::of(&output(task)),
        fuel: Fuel::new(u64::from(task) + 1),
    }
}

pub fn output(task: u32) -> Vec<u8> {
    format!("output {task}").into_bytes()
}

/// What a liar says for a task.
pub fn wrong(task: u32) -> Outcome {
    Outcome {
        digest: Digest::of(b"a lie"),
        fuel: right(task).fuel,
    }
}

/// What a machine finds where no two give the same.
pub fn near(n: u8, task: u32) -> Outcome {
    Outcome {
        digest: Digest::of(format!("near {n} {task}").as_bytes()),
        fuel: right(task).fuel,
    }
}

pub fn identity(n: u8) -> Identity {
    let members = (1..=4).map(|n| Member {
        party: party(n),
        peer: peer(n),
        name: format!("member {n}"),
    });
    Identity {
        federation: FEDERATION,
        peer: peer(n),
        party: party(n),
        member: false,
        sponsor: false,
        devnet: true,
        salt_key: SaltKey::new([n; 32]),
        boot: Moment::new(1),
        admitted: true,
        bond: Credits::ZERO,
        bond_target: Credits::ZERO,
        classes: Vec::new(),
        slots: 0,
        per_gfuel: Credits::new(5),
        profiles: vec![Profile::WASM_3],
        memory: Bytes::new(1 << 30),
        speed: Fuel::ZERO,
        gcu: 0,
        members: members.collect(),
        seal_window_min: Millis::new(60_000),
        copies_asked: 2,
        rest: None,
        siblings: Vec::new(),
        misbehave: None,
    }
}

/// A stranger's list, seal and opening of a bundle.
pub struct Copy {
    pub list: Vec<Outcome>,
    pub seal: PeerSeal,
    pub opening: Opening,
}

/// What peer `n` says of a bundle with these outcomes.
pub fn copy_of(n: u8, bundle: BundleId, list: &[Outcome]) -> Copy {
    let root = outcome::root(list).expect("a list is not empty");
    let salt = Digest::derive("test salt", &[&[n], &bundle.index.to_le_bytes()]);
    let opening = Opening {
        bundle: bundle.index,
        peer: peer(n),
        root,
        salt,
    };
    let hash = opening.seal(&bundle.job);
    let seal = Seal {
        federation: FEDERATION,
        bundle,
        peer: peer(n),
        hash,
    };
    let signature = Signed::sign(seal, &key(n)).signature();
    let seal = PeerSeal {
        bundle: bundle.index,
        peer: peer(n),
        hash,
        signature,
    };
    Copy {
        list: list.to_vec(),
        seal,
        opening,
    }
}

impl Copy {
    /// As a message, with the outputs of `inline` in it.
    pub fn message(&self, bundle: BundleId, inline: &[u32]) -> Message {
        Message::Outcomes {
            bundle,
            outcomes: self.list.clone(),
            inline: inline.iter().map(|task| output(*task)).collect(),
            seal: self.seal.clone(),
        }
    }

    /// Its opening, as a message.
    pub fn opens(&self) -> Message {
        let openings = vec![self.opening.clone()];
        let job = job_id(1);
        Message::Openings { job, openings }
    }

    pub fn root(&self) -> Root {
        self.opening.root
    }
}

pub struct Scene {
    pub steward: Steward,
    pub now: u64,
    pub height: u64,
    /// What the last step did.
    pub last: Vec<Effect>,
    /// Everything agreed so far, to be told again to a peer that starts anew.
    pub blocks: Vec<Input>,
    /// Everything it had kept of what peers told.
    pub kept: Vec<(PeerId, Message)>,
    me: Identity,
}

impl Scene {
    /// A steward that has just caught up with an empty ledger.
    pub fn of(me: Identity) -> Self {
        let mut scene = Self {
            steward: Steward::new(me.clone()),
            now: 10 * SECOND,
            height: 0,
            last: Vec::new(),
            blocks: Vec::new(),
            kept: Vec::new(),
            me,
        };
        scene.tell(Input::CaughtUp);
        scene
    }

    fn tell(&mut self, input: Input) {
        self.steward.handle(Moment::new(self.now), input);
        self.last = std::iter::from_fn(|| self.steward.next_effect()).collect();
        for effect in &self.last {
            if let Effect::KeepTold { from, message, .. } = effect {
                self.kept.push((*from, message.clone()));
            }
        }
    }

    /// One step: what happens, and what the steward does, one effect per line.
    pub fn step(&mut self, what: &str, input: Input, expected: &[&str]) {
        if matches!(input, Input::Agreed { .. }) {
            self.blocks.push(input.clone());
        }
        self.tell(input);
        let shown: Vec<String> = self.last.iter().filter_map(show).collect();
        assert_eq!(shown, expected, "{what}");
    }

    /// A step of a block with these events.
    pub fn agree(&mut self, what: &str, events: Vec<Event>, expected: &[&str]) {
        self.height += 1;
        let (height, time) = (Height::new(self.height), Moment::new(self.now));
        self.step(
            what,
            Input::Agreed {
                height,
                time,
                events,
            },
            expected,
        );
    }

    /// A step of something that peer `n` says.
    pub fn hear(&mut self, what: &str, n: u8, message: Message, expected: &[&str]) {
        self.step(
            what,
            Input::Heard {
                from: peer(n),
                message,
            },
            expected,
        );
    }

    /// A step in which only time passes.
    pub fn wait(&mut self, what: &str, ms: u64, expected: &[&str]) {
        self.now += ms;
        self.step(what, Input::Tick, expected);
    }

    /// Kills the steward and starts it anew from the agreed blocks alone.
    pub fn kill(&mut self) {
        self.kept.clear();
        self.restart();
    }

    /// Kills the steward and starts it anew from the agreed blocks and what it had kept.
    pub fn restart(&mut self) {
        self.steward = Steward::new(self.me.clone());
        let kept = self.kept.clone().into_iter();
        let told = kept.map(|(from, message)| Input::Told { from, message });
        for input in self.blocks.clone().into_iter().chain(told) {
            self.tell(input);
            assert_eq!(
                self.last,
                [],
                "nothing is done before the peer has caught up"
            );
        }
        self.tell(Input::CaughtUp);
    }

    /// What the last step did, in words.
    pub fn shown(&self) -> Vec<String> {
        self.last.iter().filter_map(show).collect()
    }

    /// The bodies that the last step proposed.
    pub fn proposed(&self) -> Vec<Body> {
        let body = |effect: &Effect| match effect {
            Effect::Propose { body, .. } => Some(body.clone()),
            _ => None,
        };
        self.last.iter().filter_map(body).collect()
    }

    /// The run that the last step began.
    pub fn run(&self) -> RunToken {
        let run = |effect: &Effect| match effect {
            Effect::Run { token, .. } => Some(*token),
            _ => None,
        };
        self.last.iter().find_map(run).expect("a run was begun")
    }

    /// The seal that the last step asked to sign, signed.
    pub fn signed(&self) -> Input {
        let seal = |effect: &Effect| match effect {
            Effect::SignSeal(seal) => Some(seal.clone()),
            _ => None,
        };
        let seal = self
            .last
            .iter()
            .find_map(seal)
            .expect("a signature was asked for");
        let bundle = seal.bundle;
        let signature = Signed::sign(seal, &key(1)).signature();
        Input::SealSigned { bundle, signature }
    }
}

pub fn done(token: RunToken, task: u32, outcome: Outcome) -> Input {
    Input::TaskDone {
        token,
        task,
        outcome,
        size: Bytes::new(10),
    }
}

/// The job as a fetched thing.
pub fn job_fetched(tasks: u32) -> Input {
    Input::JobFetched {
        digest: job_digest(tasks),
        job: Arc::new(job(tasks)),
    }
}

pub fn module_fetched() -> Input {
    Input::Fetched(Digest::of(b"module"))
}

/// The end of the chain that begins with this secret.
pub fn end_of(secret: &Digest) -> Digest {
    chain(&chain(secret))
}
