//! The play itself: one queue of happenings, ordered by time and then by number.
//!
//! ```text
//! work comes in ─▶ blocks, words, runs … until the scene's time is over    safety
//!                  all is healed, no more work ─▶ until every job has ended liveness
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use protocol::entry::Body;
use protocol::event::Event;
use protocol::ids::{BundleId, PeerId};
use protocol::units::{Millis, Moment};
use rules::{begin, begin_even_if_cheating_pays};
use steward::Input;

use crate::auditor::Auditor;
use crate::cast::Seen;
use crate::chain::Chain;
use crate::chance::Chance;
use crate::facts::Facts;
use crate::links::Links;
use crate::scene::{Rhythm, Scene};
use crate::sequencer::{Block, Sequencer, Wish};
use crate::stage::{self, BEGINS, Stage, Unplayable};
use crate::story::{Pen, Story};
use crate::tally::Tally;

mod comes;
mod ending;
mod perform;

/// An agreed hour.
pub(crate) const EPOCH: Millis = Millis::new(3_600_000);
/// What is open when no more work comes must have ended this long after.
const ENDS_WITHIN: Millis = Millis::new(12 * 3_600_000);
/// Something that happens at its time.
#[derive(Debug)]
pub(crate) enum Happening {
    /// A steward hears something, if its process still runs.
    Tell { to: usize, life: u32, input: Input },
    /// A steward asked to be woken.
    Wake { to: usize, life: u32 },
    /// Blocks up to this one reach a machine.
    Blocks { to: usize, upto: usize },
    /// A wish reaches the members.
    Arrive { wish: Wish, body: Body },
    /// A block is made.
    Block,
    /// A job of a stream comes in.
    Job { stream: usize },
    /// Something goes wrong, or is over.
    Mishap { index: usize, over: bool },
    /// An hour is over.
    Epoch,
}

/// A federation at play.
pub(crate) struct World<'s> {
    scene: &'s Scene,
    seed: u64,
    chance: Chance,
    now: Moment,
    queue: BTreeMap<(Moment, u64), Happening>,
    number: u64,
    stage: Stage,
    links: Links,
    facts: Facts,
    ledger: Sequencer,
    /// The genesis and the last hour, where members join from them.
    snapshots: Option<(Chain, Chain)>,
    block_at: Option<Moment>,
    blocks: Vec<Arc<Block>>,
    seats: BTreeMap<BundleId, Vec<PeerId>>,
    jobs: u64,
    came: Vec<u64>,
    healed: bool,
    struck: BTreeMap<usize, Vec<usize>>,
    nobody: BTreeSet<PeerId>,
    auditor: Auditor,
    tally: Tally,
    pen: Pen,
}

impl<'s> World<'s> {
    /// A federation before its first block.
    pub(crate) fn new(seed: u64, scene: &'s Scene, told: bool) -> Result<Self, Unplayable> {
        let stage = stage::set(seed, scene)?;
        let rows = if scene.unchecked {
            begin_even_if_cheating_pays(&stage.genesis)?
        } else {
            begin(&stage.genesis)?
        };
        let every = Millis::new(scene.block_ms);
        let ledger = Sequencer::new(&stage.genesis, rows, seed, every, scene.block_entries);
        let mut world = Self {
            scene,
            seed,
            chance: Chance::new(seed),
            now: BEGINS,
            queue: BTreeMap::new(),
            number: 0,
            links: Links::new(scene.links.clone()),
            facts: Facts::default(),
            snapshots: scene
                .rejoined
                .then(|| (ledger.chain.clone(), ledger.chain.clone())),
            ledger,
            block_at: None,
            blocks: Vec::new(),
            seats: BTreeMap::new(),
            jobs: 0,
            came: vec![0; scene.work.len()],
            healed: false,
            struck: BTreeMap::new(),
            nobody: BTreeSet::new(),
            auditor: Auditor::new(&stage.genesis),
            tally: Tally::new(&stage),
            pen: Pen::new(BEGINS, told),
            stage,
        };
        world.open();
        Ok(world)
    }

    /// Puts the first happenings into the queue.
    fn open(&mut self) {
        for (sponsor, n) in self.stage.vouched.clone() {
            let peer = self.stage.keys[n].peer;
            let owner = self.stage.keys[self.stage.signer[n]].id;
            self.ledger
                .put_own(sponsor, Body::AdmitPeer { peer, owner });
        }
        for n in self.stage.nodes.keys().copied().collect::<Vec<_>>() {
            self.tell_later(Millis::ZERO, n, Input::CaughtUp);
        }
        for (stream, work) in self.scene.work.iter().enumerate() {
            let first = match work.rhythm {
                Rhythm::Trace => work.at_s.first().copied(),
                _ => Some(work.from_s),
            };
            if let Some(first) = first {
                let at = BEGINS.after(Millis::new(first * 1_000));
                self.at(at, Happening::Job { stream });
            }
        }
        for (index, mishap) in self.scene.faults.iter().enumerate() {
            let at = BEGINS.after(Millis::new(mishap.at_s * 1_000));
            self.at(at, Happening::Mishap { index, over: false });
        }
        self.at(BEGINS.after(EPOCH), Happening::Epoch);
        self.plan_block();
    }

    /// Plays until the end.
    pub(crate) fn play(mut self) -> Story {
        let end = BEGINS.after(Millis::new(self.scene.seconds * 1_000));
        let last = end.after(ENDS_WITHIN);
        while let Some(((at, _), happening)) = self.queue.pop_first() {
            self.now = at;
            if !self.healed && self.now >= end {
                self.heal();
            }
            if self.healed && (self.tally.jobs_open() == 0 || self.now > last) {
                break;
            }
            self.happen(happening);
        }
        self.end()
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Tell { to, life, input } => {
                if self
                    .stage
                    .nodes
                    .get(&to)
                    .is_some_and(|node| node.up && node.life == life)
                {
                    self.tell(to, input);
                }
            }
            Happening::Wake { to, life } => {
                let now = self.now;
                let node = self.stage.nodes.get_mut(&to);
                let woken = node.filter(|n| n.up && n.life == life && n.wake == Some(now));
                if let Some(node) = woken {
                    node.wake = None;
                    self.tell(to, Input::Tick);
                }
            }
            Happening::Blocks { to, upto } => self.hear(to, upto),
            Happening::Arrive { wish, body } => {
                let signer = self.stage.signer[wish.0];
                if let Some(fate) = self.ledger.put(wish, signer, body) {
                    self.answer(wish, fate);
                }
                self.plan_block();
            }
            Happening::Block => {
                if self.block_at == Some(self.now) {
                    self.block_at = None;
                    self.block();
                }
            }
            Happening::Job { stream } => self.job(stream),
            Happening::Mishap { index, over } => self.mishap(index, over),
            Happening::Epoch => {
                self.turn_epoch();
                self.at(self.now.after(EPOCH), Happening::Epoch);
            }
        }
    }

    fn at(&mut self, at: Moment, happening: Happening) {
        self.number += 1;
        self.queue
            .insert((at.max(self.now), self.number), happening);
    }

    fn tell_later(&mut self, wait: Millis, to: usize, input: Input) {
        let Some(life) = self.stage.nodes.get(&to).map(|node| node.life) else {
            return;
        };
        self.at(self.now.after(wait), Happening::Tell { to, life, input });
    }

    /// Lets a steward hear something, and does what it says.
    fn tell(&mut self, to: usize, input: Input) {
        let now = self.now;
        let Some(node) = self.stage.nodes.get_mut(&to) else {
            return;
        };
        node.steward.handle(now, input);
        while let Some(effect) = self
            .stage
            .nodes
            .get_mut(&to)
            .and_then(|node| node.steward.next_effect())
        {
            self.perform(to, effect);
        }
        let Some(node) = self.stage.nodes.get_mut(&to) else {
            return;
        };
        let Some(wake) = node.steward.wake_at().filter(|_| !node.is_idle(now)) else {
            return;
        };
        if node
            .wake
            .is_none_or(|planned| wake < planned || planned <= now)
        {
            node.wake = Some(wake);
            let life = node.life;
            self.at(wake, Happening::Wake { to, life });
        }
    }

    /// Blocks that a machine has not heard yet reach it, in order.
    fn hear(&mut self, to: usize, upto: usize) {
        while let Some(node) = self.stage.nodes.get_mut(&to) {
            if !node.up || self.links.is_cut(to) || node.told >= upto {
                return;
            }
            let block = self.blocks[node.told].clone();
            node.told += 1;
            if block.events.is_empty() {
                continue;
            }
            for event in &block.events {
                node.note(event, block.now);
            }
            let input = Input::Agreed {
                height: block.height,
                time: block.now,
                events: block.events.clone(),
            };
            self.tell(to, input);
            self.conspire(to, &block);
        }
    }

    /// A villain's party enters what it likes after a block.
    fn conspire(&mut self, to: usize, block: &Block) {
        let Some(node) = self.stage.nodes.get_mut(&to) else {
            return;
        };
        if !node.role.watches() || self.healed {
            return;
        }
        let crime = self.stage.bands[node.group].crime;
        let seen = Seen {
            keys: &self.stage.keys[to],
            now: self.now,
            entries: &block.entries,
            events: &block.events,
            seats: &self.seats,
            kin: self.stage.kin.get(&crime).unwrap_or(&self.nobody),
            rows: &self.ledger.chain.rows,
        };
        for body in node.role.enter(&seen, &mut self.chance) {
            self.ledger.put_own(self.stage.signer[to], body);
        }
        self.plan_block();
    }

    fn plan_block(&mut self) {
        let at = self.ledger.next_at().max(self.now);
        if self.block_at.is_none_or(|planned| at < planned) {
            self.block_at = Some(at);
            self.at(at, Happening::Block);
        }
    }

    /// Makes a block, and lets everyone hear of it.
    fn block(&mut self) {
        let mut block = self.ledger.make(self.now, &self.stage.keys);
        self.chores(&block);
        self.look_at_capacity(&block);
        self.auditor.hear(&block);
        self.tally
            .hear(&block, &self.stage, &self.facts, &self.auditor);
        for event in &block.events {
            match event {
                Event::Drawn { bundle, peers, .. } => {
                    self.seats.insert(*bundle, peers.clone());
                }
                Event::Replaced {
                    bundle, out, next, ..
                } => {
                    let seats = self.seats.entry(*bundle).or_default();
                    seats.retain(|peer| peer != out);
                    seats.extend(next);
                }
                Event::BundleEnded { bundle, .. } => {
                    self.seats.remove(bundle);
                }
                _ => {}
            }
            self.pen.write(self.now, || crate::tally::words(event));
        }
        let fates = std::mem::take(&mut block.fates);
        self.blocks.push(Arc::new(block));
        for (wish, fate) in fates {
            self.answer(wish, fate);
        }
        let upto = self.blocks.len();
        if self
            .blocks
            .last()
            .is_some_and(|block| !block.events.is_empty())
        {
            for to in self.stage.nodes.keys().copied().collect::<Vec<_>>() {
                let at = self.now.after(self.links.delay(&mut self.chance));
                self.at(at, Happening::Blocks { to, upto });
            }
        }
        self.plan_block();
    }

    fn answer(&mut self, wish: Wish, fate: steward::Fate) {
        let (to, life, token) = wish;
        let at = self.now.after(self.links.delay(&mut self.chance));
        let input = Input::Answered { token, fate };
        self.at(at, Happening::Tell { to, life, input });
    }
}
