//! A whole federation of stewards in one thread, with the real rules between them: a job must end
//! right, whoever is killed when, whatever is lost, and only a liar may pay for it.
//!
//! What stands in for the rest of a peer is as simple as it can be: a set of digests for its disk,
//! and "the right outcome" for its executor. Entries are put into blocks in the order they come.

#![allow(clippy::too_many_lines, reason = "one flat match over all there is")]

mod common;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use common::{job, job_digest, key, output, peer, right, wrong};
use protocol::bytes;
use protocol::entry::{Body, Entry, SignedEntry};
use protocol::event::{Event, Fault};
use protocol::genesis::{Desk, Genesis, Grant, Member, Params};
use protocol::ids::{Digest, JobId, PartyId, PublicKey};
use protocol::job::Class;
use protocol::message::Message;
use protocol::outcome::Outcome;
use protocol::signed::Signed;
use protocol::units::{Bytes, Credits, Height, Millis, Moment};
use rules::{At, Refusal, apply_block, begin, books, read};
use steward::{
    Answer, Choices, Effect, Fate, Identity, Input, JobState, Misbehave, ProposalToken, Request,
    Steward, TaskState, Ticket, Why,
};

/// Peers 1 to 4 are members' nodes and work too, 5 to 7 belong to desks, 8 has only a wallet.
const PEERS: u8 = 8;
const TASKS: u32 = 6;
/// A story that takes longer has come to a stand.
const TURNS_MAX: usize = 20_000;

fn root(n: u8) -> PublicKey {
    PublicKey::new(key(100 + n).verifying_key().to_bytes())
}

fn genesis() -> Genesis {
    let credits = |n: u64| Credits::new(n * 1_000_000);
    let member = |n| Member {
        name: format!("member {n}"),
        party: root(n),
        consensus: PublicKey::new(key(200 + n).verifying_key().to_bytes()),
        peer: peer(n),
        power: 1,
        bond: credits(10_000),
    };
    let desk = |n| Desk {
        name: format!("desk {n}"),
        party: root(n),
    };
    let grant = |n| Grant {
        party: root(n),
        amount: credits(1_000_000),
    };
    Genesis {
        name: "stewards".to_owned(),
        begins: Moment::new(1_000_000),
        devnet: true,
        members: (1..=4).map(member).collect(),
        desks: (5..=7).map(desk).collect(),
        grants: (1..=PEERS).map(grant).collect(),
        params: Params::standard(),
    }
}

/// One peer: its steward, and what it keeps outside of it.
struct Node {
    me: Identity,
    steward: Steward,
    disk: BTreeSet<Digest>,
}

struct World {
    genesis: Genesis,
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    now: u64,
    height: u64,
    nodes: BTreeMap<u8, Node>,
    /// What is about to happen, to whom.
    coming: VecDeque<(u8, Input)>,
    /// What waits for a block.
    pool: Vec<(u8, ProposalToken, Body)>,
    blocks: Vec<Input>,
    events: Vec<Event>,
    answers: Vec<Answer>,
    submitter: u8,
    seed: u64,
    chance: u64,
    /// Of a hundred messages and entries, so many are lost.
    lost: u64,
    turns: usize,
    /// Whom to kill, and at which turn.
    kill: Option<(u8, usize)>,
}

impl World {
    fn new(seed: u64, lost: u64, change: impl Fn(u8, &mut Identity)) -> Self {
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
            answers: Vec::new(),
            submitter: PEERS,
            seed,
            chance: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            lost,
            turns: 0,
            kill: None,
            genesis,
        };
        for n in 1..=PEERS {
            let mut me = world.identity(n);
            change(n, &mut me);
            let (steward, disk) = (Steward::new(me.clone()), BTreeSet::new());
            world.nodes.insert(n, Node { me, steward, disk });
            world.coming.push_back((n, Input::CaughtUp));
        }
        world
    }

    fn identity(&self, n: u8) -> Identity {
        let works = n != PEERS;
        let members = (1..=4).map(|n| steward::Member {
            party: PartyId::of(&root(n)),
            peer: peer(n),
            name: format!("member {n}"),
        });
        Identity {
            federation: self.genesis.id(),
            party: PartyId::of(&root(n)),
            member: n <= 4,
            sponsor: works,
            admitted: n <= 4,
            bond_target: Credits::new(if works { 50_000_000_000 } else { 0 }),
            classes: if works { vec![Class::Grid] } else { Vec::new() },
            slots: if works { 2 } else { 0 },
            per_gfuel: Credits::new(1_000_000),
            members: members.collect(),
            ..common::identity(n)
        }
    }

    /// The next of a sequence of numbers that look random and are the same every time.
    fn dice(&mut self) -> u64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        self.chance % 100
    }

    /// Lets everything happen that is coming, then makes blocks, until `done` or a standstill.
    fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
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
        self.coming.push_front((n, Input::CaughtUp));
        for other in 1..=PEERS {
            if other != n {
                self.coming.push_back((other, Input::PeerUp(peer(n))));
                self.coming.push_back((n, Input::PeerUp(peer(other))));
            }
        }
    }

    fn tell(&mut self, n: u8, input: Input) {
        let node = self.nodes.get_mut(&n).expect("a peer of this world");
        node.steward.handle(Moment::new(self.now), input);
        while let Some(effect) = self.nodes.get_mut(&n).and_then(|n| n.steward.next_effect()) {
            self.perform(n, effect);
        }
    }

    fn perform(&mut self, n: u8, effect: Effect) {
        match effect {
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
                let known =
                    |digest: &Digest| (0..TASKS).map(output).find(|o| Digest::of(o) == *digest);
                let inline = inline.iter().filter_map(known).collect();
                let outcomes = outcomes.to_vec();
                self.say(
                    n,
                    to,
                    Message::Outcomes {
                        bundle,
                        outcomes,
                        inline,
                        seal,
                    },
                );
            }
            Effect::FetchJob { digest, from } => {
                let found = self.fetched(n, digest, &from);
                let input = if found {
                    Input::JobFetched {
                        digest,
                        job: Arc::new(job(TASKS)),
                    }
                } else {
                    Input::FetchFailed {
                        digest,
                        why: "nobody has it".to_owned(),
                    }
                };
                self.coming.push_back((n, input));
            }
            Effect::Fetch { digest, from, .. } => {
                let input = if self.fetched(n, digest, &from) {
                    Input::Fetched(digest)
                } else {
                    Input::FetchFailed {
                        digest,
                        why: "nobody has it".to_owned(),
                    }
                };
                self.coming.push_back((n, input));
            }
            Effect::Run {
                token,
                tasks,
                alter,
                why,
                ..
            } => {
                assert!(why == Why::Work || alter.is_empty(), "a judge never lies");
                for task in tasks {
                    let outcome = if alter.contains(&task) {
                        wrong(task)
                    } else {
                        right(task)
                    };
                    self.disk(n).insert(outcome.digest);
                    let size = Bytes::new(8);
                    self.coming.push_back((
                        n,
                        Input::TaskDone {
                            token,
                            task,
                            outcome,
                            size,
                        },
                    ));
                }
            }
            Effect::KeepOutput { digest, bytes } => {
                assert_eq!(Digest::of(&bytes), digest);
                self.disk(n).insert(digest);
            }
            Effect::Reply { answer, .. } => self.answers.push(answer),
            Effect::CancelRun(_)
            | Effect::KeepOutcomes { .. }
            | Effect::Announce(_)
            | Effect::Tell(_)
            | Effect::Report(_) => {}
        }
    }

    fn disk(&mut self, n: u8) -> &mut BTreeSet<Digest> {
        &mut self.nodes.get_mut(&n).expect("a peer of this world").disk
    }

    fn fetched(&mut self, n: u8, digest: Digest, from: &[protocol::ids::PeerId]) -> bool {
        let sources: Vec<u8> = (1..=PEERS)
            .filter(|m| *m == n || from.contains(&peer(*m)))
            .collect();
        let found = sources.iter().any(|m| self.disk(*m).contains(&digest));
        if found {
            self.disk(n).insert(digest);
        }
        found
    }

    fn say(&mut self, from: u8, to: protocol::ids::PeerId, message: Message) {
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

    /// Makes the next block: of all that waits, or an empty one when the next deadline comes.
    fn block(&mut self) {
        let wakes = self
            .nodes
            .values()
            .filter_map(|node| node.steward.wake_at());
        let wake = wakes.min().map_or(u64::MAX, Moment::ms);
        let idle = self.pool.is_empty();
        self.now = if idle {
            wake.clamp(self.now + 1, self.now + 1_000)
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
        books::recount(self.rows.clone().into_iter()).expect("credits are conserved");
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
        self.events.extend(applied.events);
        self.blocks.push(block.clone());
        for n in 1..=PEERS {
            self.coming.push_back((n, block.clone()));
        }
    }

    /// Everybody is admitted, bonded and on offer.
    fn ready(&mut self) {
        self.until("getting ready", |world| {
            let offers = world
                .events
                .iter()
                .filter(|e| matches!(e, Event::OfferPublished { .. }));
            offers.count() >= usize::from(PEERS) - 1 && world.coming.is_empty()
        });
    }

    fn submit(&mut self) {
        let written = bytes::write(&job(TASKS));
        self.disk(self.submitter)
            .extend([Digest::of(&written), Digest::of(b"module")]);
        let choices = Choices {
            class: Class::Grid,
            copies: 2,
            tasks_per_bundle: Some(2),
            per_gfuel: None,
            seal_window: None,
            budget: None,
        };
        let (digest, job) = (job_digest(TASKS), Arc::new(job(TASKS)));
        let request = Request::Submit {
            digest,
            job,
            choices,
        };
        self.coming.push_back((
            self.submitter,
            Input::Request {
                ticket: Ticket(1),
                request,
            },
        ));
    }

    fn job(&self) -> Option<JobId> {
        self.events.iter().find_map(|event| match event {
            Event::Submitted { job, .. } => Some(*job),
            _ => None,
        })
    }

    /// The job has ended and every right output is with the submitter.
    fn delivered(&self) -> bool {
        let steward = &self.nodes[&self.submitter].steward;
        let Some(view) = self.job().and_then(|job| steward.job(&job)) else {
            return false;
        };
        view.state == JobState::Ended && view.tasks_here == TASKS && view.tasks_judged == TASKS
    }

    fn outcomes(&self) -> Vec<Option<Outcome>> {
        let steward = &self.nodes[&self.submitter].steward;
        let tasks = self
            .job()
            .map(|job| steward.tasks(&job, 0..TASKS))
            .unwrap_or_default();
        for task in &tasks {
            let sure = matches!(task.state, TaskState::Agreed | TaskState::Judged);
            assert!(sure && task.here, "{task:?}");
        }
        tasks.into_iter().map(|task| task.outcome).collect()
    }

    fn slashed(&self) -> BTreeSet<(String, Fault)> {
        let slashed = |event: &Event| match event {
            Event::Slashed { peer, fault, .. } => Some((common::show::name(peer), *fault)),
            _ => None,
        };
        self.events.iter().filter_map(slashed).collect()
    }
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
        why: format!("{}: {refusal}", body.name()),
        may_retry,
    }
}

fn all_right() -> Vec<Option<Outcome>> {
    (0..TASKS).map(|task| Some(right(task))).collect()
}

/// Plays a whole job and returns how many turns it took after the submission.
fn play(mut world: World, kill: Option<(u8, usize)>) -> (World, usize) {
    world.ready();
    let before = world.turns;
    world.kill = kill.map(|(n, turn)| (n, before + turn));
    world.submit();
    let what = format!("killed {kill:?}");
    if kill.is_some_and(|(n, _)| n == world.submitter) {
        // What was asked of a peer that dies before it could propose it is asked again.
        let until = before + kill.map_or(0, |(_, turn)| turn) + 1;
        world.until(&what, |world| {
            world.turns >= until && world.coming.is_empty()
        });
        if world.job().is_none() && world.pool.is_empty() {
            world.submit();
        }
    }
    world.until(&what, World::delivered);
    assert_eq!(world.outcomes(), all_right(), "{what}");
    let turns = world.turns - before;
    (world, turns)
}

fn liar(n: u8, me: &mut Identity) {
    if n == 5 {
        me.misbehave = Some(Misbehave::WrongOutcome { every: 1 });
    }
}

#[test]
fn an_honest_federation_ends_a_job_with_a_handful_of_entries() {
    let (world, _) = play(World::new(1, 0, |_, _| {}), None);
    assert_eq!(world.slashed(), BTreeSet::new());
    assert!(matches!(world.answers[..], [Answer::Submitted(_)]));
}

#[test]
fn a_member_s_own_machine_may_submit_and_judge_and_work() {
    for seed in 1..=20 {
        let mut world = World::new(seed, 0, liar);
        world.submitter = 1;
        let (world, _) = play(world, None);
        let honest: Vec<_> = world
            .slashed()
            .into_iter()
            .filter(|(name, _)| name != "p5")
            .collect();
        assert_eq!(honest, [], "seed {seed}");
    }
}

#[test]
fn a_liar_is_caught_whenever_it_is_drawn_and_nobody_else_pays() {
    let mut caught = 0;
    for seed in 1..=20 {
        let (world, _) = play(World::new(seed, 0, liar), None);
        let drawn = world
            .events
            .iter()
            .any(|event| matches!(event, Event::Drawn { peers, .. } if peers.contains(&peer(5))));
        let expected = if drawn {
            vec![("p5".to_owned(), Fault::WrongOutcome)]
        } else {
            vec![]
        };
        assert_eq!(
            world.slashed(),
            expected.into_iter().collect(),
            "seed {seed}"
        );
        caught += usize::from(drawn);
    }
    assert!(caught > 0, "the liar was drawn at least once");
}

#[test]
fn a_job_ends_right_whoever_is_killed_at_whatever_turn() {
    let (_, turns) = play(World::new(3, 0, liar), None);
    for n in 1..=PEERS {
        for turn in (usize::from(n)..turns).step_by(17) {
            let (world, _) = play(World::new(3, 0, liar), Some((n, turn)));
            let honest: Vec<_> = world
                .slashed()
                .into_iter()
                .filter(|(name, _)| name != "p5")
                .collect();
            assert_eq!(honest, [], "killed p{n} at turn {turn}");
        }
    }
}

#[test]
fn a_job_ends_right_where_one_of_five_words_is_lost() {
    for seed in 1..=20 {
        let (world, _) = play(World::new(seed, 20, liar), None);
        let honest: Vec<_> = world
            .slashed()
            .into_iter()
            .filter(|(name, _)| name != "p5")
            .collect();
        assert_eq!(honest, [], "seed {seed}");
    }
}
