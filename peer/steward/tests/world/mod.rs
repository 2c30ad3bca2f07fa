//! A federation of stewards in one thread, with the real rules between them.
//!
//! What stands in for the rest of a peer is as simple as it can be: a set of digests for its disk,
//! and "the right outcome" for its executor. Entries are put into blocks in the order they come.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "every story uses another part of the world"
)]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use protocol::bytes;
use protocol::entry::{AuditRequest, Body, Entry, SignedEntry};
use protocol::event::{Event, Fault};
use protocol::genesis::{Committee, Desk, Genesis, Grant, Issuance, Member, Params};
use protocol::ids::{BundleId, Digest, JobId, PartyId, PeerId, PublicKey};
use protocol::job::Class;
use protocol::message::Message;
use protocol::outcome::Outcome;
use protocol::signed::Signed;
use protocol::units::{Bytes, Credits, Height, Millis, Moment};
use rules::work::Demand;
use rules::{Account, At, Refusal, apply_block, begin, books, read};
use steward::{
    Answer, Choices, Effect, Fate, Identity, Input, JobState, Kind, ProposalToken, Request,
    RunToken, Steward, TaskState, Ticket, Trouble, Why,
};

mod asking;
mod people;
mod steps;

use people::{genesis, root};

use crate::scene::{key, near, output, peer, right, wrong};

/// Peers 1 to 4 are members' nodes and work too, 5 to 7 belong to desks, 8 has only a wallet.
pub const PEERS: u8 = 8;
pub const TASKS: u32 = 6;
/// A story that takes longer has come to a stand.
const TURNS_MAX: usize = 20_000;
/// The books are counted anew each time so many blocks have passed; the rules count at each.
const RECOUNT_EVERY: u64 = 8;

/// One peer: its steward, and what it keeps outside of it.
struct Node {
    me: Identity,
    steward: Steward,
    disk: BTreeSet<Digest>,
    /// What peers told of its jobs.
    told: Vec<(PeerId, Message)>,
}

pub struct World {
    genesis: Genesis,
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    now: u64,
    height: u64,
    nodes: BTreeMap<u8, Node>,
    /// What is about to happen, to whom.
    pub coming: VecDeque<(u8, Input)>,
    /// What waits for a block.
    pub pool: Vec<(u8, ProposalToken, Body)>,
    blocks: Vec<Input>,
    pub events: Vec<Event>,
    /// Each with when it was agreed, in milliseconds.
    pub times: Vec<(u64, Event)>,
    pub answers: Vec<Answer>,
    pub submitter: u8,
    seed: u64,
    chance: u64,
    /// Of a hundred messages and entries, so many are lost.
    lost: u64,
    pub turns: usize,
    /// Whom to kill, and at which turn.
    pub kill: Option<(u8, usize)>,
    dead: BTreeSet<u8>,
    /// So many tasks of a job are planted as canaries.
    pub canaries: u32,
    /// Peers that seal and open, and show nobody what.
    pub hides: BTreeSet<u8>,
    /// No two machines give the same, and whether that counts as alike; `None` for jobs that are
    /// the same bit by bit.
    pub near: Option<bool>,
    /// Peers whose outputs are like nobody's, where others' are alike.
    pub odd: BTreeSet<u8>,
    /// Whether all machines give the same all the same.
    pub equal: bool,
    /// Peers that tell what their outputs are and give them to nobody.
    pub hoards: BTreeSet<u8>,
    /// How often each bundle runs.
    pub copies: u8,
    /// Whether a checker says which outputs are good: all but those of the odd.
    pub checker: bool,
    /// So many runs of the checker give no answer, the first ones.
    pub silent: usize,
    /// What the checker was run for.
    pub checked: Vec<(BundleId, u32, Digest)>,
    /// A block comes after so long where nothing waits for one.
    pub idle_ms: u64,
    /// Whether the job runs in steps.
    pub in_steps: bool,
    /// Peers that give no state to judges.
    pub silent_on_states: BTreeSet<u8>,
    /// What judges ran: steps, and tasks as a whole.
    pub judged: (usize, usize),
}

impl World {
    pub fn new(seed: u64, lost: u64, change: impl Fn(u8, &mut Identity)) -> Self {
        let genesis = genesis();
        let mut world = Self {
            rows: begin(&genesis).expect("a good genesis"),
            now: genesis.begins.ms(),
            height: 0,
            nodes: BTreeMap::new(),
            coming: VecDeque::new(),
            pool: Vec::new(),
            blocks: Vec::new(),
            events: Vec::new(),
            times: Vec::new(),
            answers: Vec::new(),
            submitter: PEERS,
            seed,
            chance: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            lost,
            turns: 0,
            kill: None,
            dead: BTreeSet::new(),
            canaries: 0,
            hides: BTreeSet::new(),
            near: None,
            odd: BTreeSet::new(),
            equal: false,
            hoards: BTreeSet::new(),
            copies: 2,
            checker: false,
            silent: 0,
            checked: Vec::new(),
            idle_ms: 1_000,
            in_steps: false,
            silent_on_states: BTreeSet::new(),
            judged: (0, 0),
            genesis,
        };
        for n in 1..=PEERS {
            let mut me = world.identity(n);
            change(n, &mut me);
            let (steward, disk) = (Steward::new(me.clone()), BTreeSet::new());
            let told = Vec::new();
            let node = Node {
                me,
                steward,
                disk,
                told,
            };
            world.nodes.insert(n, node);
            world.coming.push_back((n, Input::CaughtUp));
        }
        world
    }

    /// The next of a sequence of numbers that look random and are the same every time.
    fn dice(&mut self) -> u64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        self.chance % 100
    }

    /// Lets everything happen that is coming, then makes blocks, until `done` or a standstill.
    pub fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        while !done(self) {
            self.turns += 1;
            assert!(
                self.turns < TURNS_MAX,
                "{what}: it has come to a stand at {}",
                self.now
            );
            if let Some((n, _)) = self.kill.take_if(|(_, at)| *at <= self.turns) {
                self.kill_now(n);
            }
            if let Some((n, input)) = self.coming.pop_front() {
                self.tell(n, input);
            } else {
                self.block();
            }
        }
    }

    /// Kills a peer; what it had in memory and on the way to it is lost, and it starts at once.
    fn kill_now(&mut self, n: u8) {
        self.coming.retain(|(to, input)| {
            *to != n || matches!(input, Input::Agreed { .. } | Input::Heard { .. })
        });
        self.pool.retain(|(from, ..)| *from != n);
        let node = self.nodes.get_mut(&n).expect("a peer of this world");
        node.steward = Steward::new(node.me.clone());
        let waiting = self
            .coming
            .iter()
            .filter(|(to, input)| *to == n && matches!(input, Input::Agreed { .. }));
        let told = self.blocks.len() - waiting.count();
        for block in &self.blocks[..told] {
            node.steward.handle(Moment::new(self.now), block.clone());
            assert_eq!(
                node.steward.next_effect(),
                None,
                "nothing is done before it caught up"
            );
        }
        for (from, message) in node.told.clone() {
            let told = Input::Told { from, message };
            node.steward.handle(Moment::new(self.now), told);
        }
        self.coming.push_front((n, Input::CaughtUp));
        for other in 1..=PEERS {
            if other != n {
                self.coming.push_back((other, Input::PeerUp(peer(n))));
                self.coming.push_back((n, Input::PeerUp(peer(other))));
            }
        }
    }

    /// Has a party enter something that no steward would.
    pub fn enter(&mut self, n: u8, body: Body) {
        self.pool.push((n, ProposalToken(u64::MAX), body));
    }

    /// Ends a peer for ever. What it has sent is under way; nothing reaches it any more.
    pub fn bury(&mut self, n: u8) {
        self.dead.insert(n);
        self.pool.retain(|(from, ..)| *from != n);
    }

    fn tell(&mut self, n: u8, input: Input) {
        if self.dead.contains(&n) {
            return;
        }
        let node = self.nodes.get_mut(&n).expect("a peer of this world");
        node.steward.handle(Moment::new(self.now), input);
        while let Some(effect) = self.nodes.get_mut(&n).and_then(|n| n.steward.next_effect()) {
            self.perform(n, effect);
        }
    }

    fn perform(&mut self, n: u8, effect: Effect) {
        match effect {
            Effect::SendOutcomes { .. }
            | Effect::Propose {
                body: Body::Audit(AuditRequest::Answer { .. }),
                ..
            } if self.hides.contains(&n) => {}
            Effect::Propose { token, body } => {
                if self.dice() >= self.lost {
                    self.pool.push((n, token, body));
                }
            }
            Effect::SignSeal(seal) => {
                let bundle = seal.bundle;
                let signature = Signed::sign(seal, &key(n)).signature();
                self.coming
                    .push_back((n, Input::SealSigned { bundle, signature }));
            }
            Effect::Send { to, message } => self.say(n, to, message),
            Effect::SendOutcomes {
                to,
                bundle,
                outcomes,
                inline,
                seal,
            } => {
                let outcomes = outcomes.to_vec();
                let inline = inline.iter().filter_map(known).collect();
                let message = Message::Outcomes {
                    bundle,
                    outcomes,
                    inline,
                    seal,
                };
                self.say(n, to, message);
            }
            Effect::FetchJob { digest, from } => {
                let job = Arc::new(self.job_of_all());
                self.fetch(n, digest, &from, Input::JobFetched { digest, job });
            }
            Effect::Fetch { digest, from, .. } => {
                self.fetch(n, digest, &from, Input::Fetched(digest));
            }
            Effect::Run {
                token,
                bundle,
                tasks,
                alter,
                why,
                ..
            } => {
                self.errand(n, token, (bundle, tasks), &alter, why);
            }
            Effect::KeepOutput { digest, bytes } => {
                assert_eq!(Digest::of(&bytes), digest);
                self.disk(n).insert(digest);
            }
            Effect::Reply { answer, .. } => self.answers.push(answer),
            Effect::KeepTold { from, message, .. } => self.keep_told(n, (from, message)),
            Effect::Compare { bundle, pairs, .. } => self.compare(n, bundle, &pairs),
            Effect::ReadLists {
                bundle, claimed, ..
            } => self.read_lists(n, bundle, &claimed),
            Effect::ReadKept { .. }
            | Effect::CancelRun(_)
            | Effect::Announce(_)
            | Effect::Tell(_)
            | Effect::Report(_) => {}
        }
    }

    fn keep_told(&mut self, n: u8, told: (PeerId, Message)) {
        let node = self.nodes.get_mut(&n).expect("a peer of this world");
        node.told.push(told);
    }

    fn errand(
        &mut self,
        n: u8,
        token: RunToken,
        (bundle, tasks): (BundleId, Vec<u32>),
        alter: &[u32],
        why: Why,
    ) {
        assert!(why == Why::Work || alter.is_empty(), "a judge never lies");
        match why {
            Why::Check(output) => self.check(n, token, (bundle, tasks, output)),
            Why::Step(from) => self.replay(n, token, &tasks, from),
            Why::State(steps) => self.take_state(n, token, &tasks, steps),
            _ => self.run(n, token, tasks, alter, why),
        }
    }

    fn compare(&mut self, n: u8, bundle: BundleId, pairs: &[(Outcome, Outcome)]) {
        let of_both = |(one, other): &(Outcome, Outcome)| [one.digest, other.digest];
        for digest in pairs.iter().flat_map(of_both) {
            assert!(
                self.disk(n).contains(&digest),
                "what is compared is at home"
            );
        }
        let alike = |(one, other): &(Outcome, Outcome)| {
            let odd = self.is_odd(&one.digest) || self.is_odd(&other.digest);
            self.near == Some(true) && !odd
        };
        let alike = Some(pairs.iter().map(alike).collect());
        self.coming
            .push_back((n, Input::Compared { bundle, alike }));
    }

    /// Whether this output is that of an odd peer.
    fn is_odd(&self, digest: &Digest) -> bool {
        let gave = |m: u8| (0..TASKS).any(|task| near(m, task).digest == *digest);
        self.odd.iter().any(|m| gave(*m))
    }

    fn check(
        &mut self,
        n: u8,
        token: RunToken,
        (bundle, tasks, output): (BundleId, Vec<u32>, Digest),
    ) {
        let &[task] = &*tasks else {
            panic!("one output at a time: {tasks:?}");
        };
        let needs = [Digest::of(b"checker"), output];
        for digest in needs {
            assert!(self.disk(n).contains(&digest), "what is run is at home");
        }
        self.checked.push((bundle, task, output));
        let accepted = !self.is_odd(&output);
        let said = match self.checked.len() > self.silent {
            true => Input::Checked { token, accepted },
            false => Input::TaskFailed {
                token,
                task,
                why: "its stack overflowed".to_owned(),
            },
        };
        self.coming.push_back((n, said));
    }

    fn disk(&mut self, n: u8) -> &mut BTreeSet<Digest> {
        &mut self.nodes.get_mut(&n).expect("a peer of this world").disk
    }

    fn run(&mut self, n: u8, token: RunToken, tasks: Vec<u32>, lies: &[u32], why: Why) {
        if why == Why::Panel {
            self.judged.1 += tasks.len();
        }
        for task in tasks {
            let outcome = if self.equal {
                near(1, task)
            } else if self.near.is_some() {
                near(n, task)
            } else if lies.contains(&task) {
                wrong(task)
            } else {
                right(task)
            };
            self.disk(n).insert(outcome.digest);
            let size = Bytes::new(8);
            let done = Input::TaskDone {
                token,
                task,
                outcome,
                size,
            };
            self.coming.push_back((n, done));
        }
    }

    /// Brings a blob to the disk of `n` from its own or another living one, and says so.
    fn fetch(&mut self, n: u8, digest: Digest, from: &[PeerId], there: Input) {
        let alive = |m: &u8| !self.dead.contains(m) && (*m == n || !self.hoards.contains(m));
        let sources: Vec<u8> = (1..=PEERS)
            .filter(|m| *m == n || from.contains(&peer(*m)))
            .filter(alive)
            .collect();
        let input = if sources.iter().any(|m| self.disk(*m).contains(&digest)) {
            self.disk(n).insert(digest);
            there
        } else {
            let why = "nobody has it".to_owned();
            Input::FetchFailed { digest, why }
        };
        self.coming.push_back((n, input));
    }

    fn say(&mut self, from: u8, to: PeerId, message: Message) {
        let to = (1..=PEERS)
            .find(|n| peer(*n) == to)
            .expect("a peer of this world");
        if self.dice() >= self.lost {
            self.coming.push_back((
                to,
                Input::Heard {
                    from: peer(from),
                    message,
                },
            ));
        }
    }

    fn learn(&mut self, events: Vec<Event>) {
        let times = std::iter::repeat(self.now).zip(events.iter().cloned());
        self.times.extend(times);
        self.events.extend(events);
    }

    /// Makes the next block: of all that waits, or an empty one when the next deadline comes.
    fn block(&mut self) {
        let wakes = self
            .nodes
            .iter()
            .filter(|(n, _)| !self.dead.contains(n))
            .filter_map(|(_, node)| node.steward.wake_at());
        let wake = wakes.min().map_or(u64::MAX, Moment::ms);
        let idle = self.pool.is_empty();
        self.now = if idle {
            wake.clamp(self.now + 1, self.now + self.idle_ms)
        } else {
            self.now + 10
        };
        let at = At {
            height: Height::new(self.height + 1),
            now: Moment::new(self.now),
            parent: Digest::of(&[self.seed.to_le_bytes(), self.height.to_le_bytes()].concat()),
        };
        self.height += 1;
        let mut nonces = BTreeMap::new();
        let proposed = std::mem::take(&mut self.pool);
        let mut entries = Vec::new();
        for (n, _, body) in &proposed {
            let sender = PartyId::of(&root(*n));
            let nonce = nonces
                .entry(*n)
                .or_insert_with(|| read::nonce(&self.rows, sender, 0));
            let entry = Entry {
                federation: self.genesis.id(),
                sender,
                lane: 0,
                nonce: *nonce,
                valid_until: at.now.after(Millis::new(60_000)),
                fee_payer: None,
                cosigners: Vec::new(),
                body: body.clone(),
            };
            *nonce += 1;
            let signed = SignedEntry::sign(entry, &key(100 + n));
            entries.push(signed.check().expect("we signed it"));
        }
        let applied = apply_block(&self.rows, &at, &entries);
        for (row, value) in applied.updates {
            match value {
                Some(value) => self.rows.insert(row, value),
                None => self.rows.remove(&row),
            };
        }
        if self.height.is_multiple_of(RECOUNT_EVERY) {
            books::recount(self.rows.iter().map(|(key, row)| (&key[..], &row[..])))
                .expect("credits are conserved");
        }
        for ((n, token, body), answer) in proposed.into_iter().zip(applied.answers) {
            let fate = answer.map_or_else(|refusal| refused(&body, &refusal), |()| Fate::Agreed);
            self.coming.push_back((n, Input::Answered { token, fate }));
        }
        let (height, time) = (at.height, at.now);
        let block = Input::Agreed {
            height,
            time,
            events: applied.events.clone(),
        };
        self.learn(applied.events);
        self.blocks.push(block.clone());
        for n in 1..=PEERS {
            self.coming.push_back((n, block.clone()));
        }
    }
}

/// The output that a digest names, where every machine gives the same.
fn known(digest: &Digest) -> Option<Vec<u8>> {
    (0..TASKS).map(output).find(|o| Digest::of(o) == *digest)
}

fn refused(body: &Body, refusal: &Refusal) -> Fate {
    let may_retry = matches!(
        refusal,
        Refusal::InsufficientBalance { .. }
            | Refusal::StartTooEarly { .. }
            | Refusal::NotEnoughPeers { .. }
            | Refusal::NotAllSealed { .. }
            | Refusal::CloseTooEarly { .. }
    );
    Fate::Refused {
        trouble: Trouble::new(Kind::Other, format!("{}: {refusal}", body.name())),
        may_retry,
    }
}
