//! What comes from outside: jobs, and mishaps.

use protocol::entry::{Body, CouncilRequest, IssueRequest, canaries_most};
use protocol::event::{Event, IssueEvent};
use protocol::units::{Credits, Fuel, Millis};
use steward::{Choices, Input, Request, Ticket};

use super::{Happening, World};
use crate::cast::Crime;
use crate::facts::Facts;
use crate::node::Node;
use crate::scene::{MishapKind, Rhythm, Source};
use crate::sequencer::Block;
use crate::stage::BEGINS;

/// Ten-thousandths in one.
const ONE: u32 = 10_000;
/// A day, of which half is night.
const DAY_MS: u64 = 24 * 3_600_000;

impl World<'_> {
    /// A job comes in, and the next of its stream is planned.
    pub(super) fn job(&mut self, stream: usize) {
        let work = &self.scene.work[stream];
        let since = self.now.since(BEGINS).get() / 1_000;
        let until = work.until_s.unwrap_or(self.scene.seconds);
        let full = work.jobs_max.is_some_and(|most| self.came[stream] >= most);
        if self.healed || since >= until || full {
            return;
        }
        let at_once = if work.rhythm == Rhythm::Burst { 10 } else { 1 };
        for _ in 0..at_once {
            self.came[stream] += 1;
            if self.is_worth_it(stream) {
                self.submit(stream);
            }
        }
        let every = Millis::new(work.every_s * 1_000);
        let wait = match work.rhythm {
            Rhythm::Even => every,
            Rhythm::Poisson => self.chance.wait(every),
            Rhythm::Burst => self.chance.wait(Millis::new(every.get() * 10)),
            Rhythm::Diurnal => {
                let day = self.now.since(BEGINS).get() % DAY_MS < DAY_MS / 2;
                let mean = if day {
                    every.get() * 2 / 3
                } else {
                    every.get() * 2
                };
                self.chance.wait(Millis::new(mean))
            }
            Rhythm::Trace => {
                let came = usize::try_from(self.came[stream]).unwrap_or(usize::MAX);
                let Some(next) = work.at_s.get(came) else {
                    return;
                };
                Millis::new(next.saturating_sub(since) * 1_000)
            }
        };
        self.at(self.now.after(wait), Happening::Job { stream });
    }

    /// Whether a submitter still wants its job done at today's index.
    fn is_worth_it(&mut self, stream: usize) -> bool {
        let work = &self.scene.work[stream];
        let index = rules::read::index(&self.ledger.chain.rows, work.class);
        let place = rules::params::place(work.class);
        let first = self.stage.genesis.params.index_start[place].get();
        let now = index.map_or(first, |index| index.price.get()).max(1);
        let mut share = u128::from(ONE);
        for _ in 0..work.elasticity {
            share = (share * u128::from(first) / u128::from(now)).min(ONE.into());
        }
        work.elasticity == 0 || self.chance.says(u32::try_from(share).unwrap_or(ONE))
    }

    /// What owners do once an hour where epochs mint: they say that their peers stand ready, and
    /// claim what the last hour has earned.
    pub(super) fn chores(&mut self, block: &Block) {
        let closed = block.events.iter().filter_map(|event| match event {
            Event::Issue(IssueEvent::EpochClosed { epoch, .. }) => Some(*epoch),
            _ => None,
        });
        let closed: Vec<u64> = closed.collect();
        if self.scene.federation.issuance != Source::Inflation || self.healed {
            return;
        }
        for epoch in closed {
            for (n, node) in &self.stage.nodes {
                let (peer, signer) = (node.me.peer, self.stage.signer[*n]);
                let Some(class) = node.me.classes.first().copied() else {
                    continue;
                };
                let claim = IssueRequest::Claim { peer, epoch };
                self.ledger.put_own(signer, Body::Issue(claim));
                // Who washes wants what is minted for work; standing ready would hide that.
                if self.stage.bands[node.group].crime != Crime::WashTrader {
                    let ready = IssueRequest::StandReady { peer, class };
                    self.ledger.put_own(signer, Body::Issue(ready));
                }
            }
        }
    }

    /// What members do where epochs mint: those that are drawn for a peer that stands ready look
    /// how many of its slots are there, and say so.
    pub(super) fn look_at_capacity(&mut self, block: &Block) {
        if self.scene.federation.issuance != Source::Inflation || self.healed {
            return;
        }
        for event in &block.events {
            let Event::Issue(IssueEvent::StandsReady { peer, class }) = event else {
                continue;
            };
            let rows = &self.ledger.chain.rows;
            let drawn = rules::read::challengers(rows, *peer, *class);
            let known = self.stage.by_peer.get(peer);
            let Some((n, (epoch, drawn))) = known.copied().zip(drawn) else {
                continue;
            };
            let slots = self.stage.nodes.get(&n).map_or(0, Node::slots_there);
            for party in drawn {
                let report = CouncilRequest::ReportCapacity {
                    peer: *peer,
                    class: *class,
                    epoch,
                    slots,
                };
                let member = self.stage.keys.iter().position(|keys| keys.id == party);
                if let Some(member) = member {
                    self.ledger.put_own(member, Body::Council(report));
                }
            }
        }
    }

    fn submit(&mut self, stream: usize) {
        let work = &self.scene.work[stream];
        let n = self.stage.submitters[stream];
        self.jobs += 1;
        let fuel = Fuel::new(work.task_mfuel * 1_000_000);
        let shaky = work.crime == Crime::Nondeterministic;
        let (digest, job) = self.facts.job((stream, self.jobs), work.tasks, fuel, shaky);
        if work.even {
            self.facts.make_even(digest);
        }
        let share = self.stage.genesis.params.canary;
        let canaries = if work.canaries {
            canaries_most(work.tasks, share)
        } else {
            0
        };
        let request = Request::Submit {
            digest,
            choices: Choices {
                class: work.class,
                copies: work.copies,
                tasks_per_bundle: Some(work.bundle),
                per_gfuel: work.price.map(Credits::new),
                seal_window: None,
                budget: None,
                purse: None,
                canaries,
            },
            job: job.clone(),
        };
        let Some(node) = self.stage.nodes.get_mut(&n) else {
            return;
        };
        node.disk.extend(Facts::blobs(&job, digest));
        node.jobs_open += 1;
        node.stirred = self.now;
        self.tally.asked();
        let ticket = Ticket(self.jobs);
        self.tell(n, Input::Request { ticket, request });
    }

    pub(super) fn mishap(&mut self, index: usize, over: bool) {
        let mishap = &self.scene.faults[index];
        if over {
            let who = self.struck.remove(&index).unwrap_or_default();
            self.undo(mishap.kind, &who);
            return;
        }
        if self.healed {
            return;
        }
        let mut who = Vec::new();
        for (n, node) in &self.stage.nodes {
            let named = self.stage.bands[node.group].name == mishap.group;
            if named && node.up && self.chance.says(mishap.share_bps) {
                who.push(*n);
            }
        }
        self.pen.write(self.now, || {
            format!("{:?} of {} machines", mishap.kind, who.len())
        });
        match mishap.kind {
            MishapKind::Crash => {
                for n in &who {
                    if let Some(node) = self.stage.nodes.get_mut(n) {
                        node.crash();
                    }
                }
            }
            MishapKind::Cut => self.links.cut(&who, true),
        }
        self.struck.insert(index, who);
        if let Some(span) = mishap.for_s {
            let at = self.now.after(Millis::new(span * 1_000));
            self.at(at, Happening::Mishap { index, over: true });
        }
        if let Some(every) = mishap.every_s {
            let at = self.now.after(Millis::new(every * 1_000));
            self.at(at, Happening::Mishap { index, over: false });
        }
    }

    pub(super) fn undo(&mut self, kind: MishapKind, who: &[usize]) {
        match kind {
            MishapKind::Crash => {
                for n in who {
                    self.start(*n);
                }
            }
            MishapKind::Cut => {
                self.links.cut(who, false);
                self.greet(who);
            }
        }
    }
}
