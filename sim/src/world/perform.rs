//! What the world does for a steward: words, blobs, runs, wishes. A villain may bend each first.

use protocol::ids::{BundleId, Digest, PeerId};
use protocol::message::Message;
use protocol::units::{Bytes, Millis};
use steward::{Answer, Effect, Input, RunToken, Why};

use super::{Happening, World};
use crate::cast::{Case, Claim};
use crate::facts::TRUTH;

/// Every output has so many bytes.
const OUTPUT_SIZE: Bytes = Bytes::new(44);
/// A blob of another machine takes so long.
const FETCH: Millis = Millis::new(20);

impl World<'_> {
    pub(super) fn perform(&mut self, n: usize, effect: Effect) {
        let (life, bent) = self.bend(n, effect);
        match bent {
            None => {}
            Some(Effect::Propose { token, body }) => {
                let wish = (n, life, token);
                for wait in self.links.carry(n, usize::MAX, &mut self.chance) {
                    let body = body.clone();
                    self.at(self.now.after(wait), Happening::Arrive { wish, body });
                }
            }
            Some(Effect::SignSeal(seal)) => {
                let bundle = seal.bundle;
                let signature = self.stage.keys[n].seal(seal);
                self.tell_later(Millis::ZERO, n, Input::SealSigned { bundle, signature });
            }
            Some(Effect::Send { to, message }) => self.say(n, to, &message),
            Some(Effect::SendOutcomes {
                to,
                bundle,
                outcomes,
                inline,
                seal,
            }) => {
                let inline = inline
                    .iter()
                    .filter_map(|digest| self.facts.bytes(digest))
                    .collect();
                let outcomes = outcomes.to_vec();
                self.say(
                    n,
                    to,
                    &Message::Outcomes {
                        bundle,
                        outcomes,
                        inline,
                        seal,
                    },
                );
            }
            Some(
                errand @ (Effect::FetchJob { .. } | Effect::Fetch { .. } | Effect::Run { .. }),
            ) => self.errand(n, errand),
            Some(Effect::KeepOutput { digest, .. }) => self.keep(n, digest),
            Some(Effect::KeepTold { from, message, .. }) => {
                if let Some(node) = self.stage.nodes.get_mut(&n) {
                    node.heard.push((from, message));
                }
            }
            Some(Effect::Reply {
                answer: Answer::Refused { trouble, .. },
                ..
            }) => {
                self.turned_away(n, &trouble.why);
            }
            Some(Effect::Report(report)) => {
                self.pen
                    .write(self.now, || format!("p{n} reports {report:?}"));
            }
            Some(Effect::ReadLists { bundle, .. }) => self.no_steps(n, bundle),
            // No job of a scene is its submitter's to judge.
            Some(
                Effect::Compare { .. }
                | Effect::CancelRun(_)
                | Effect::ReadKept { .. }
                | Effect::Announce(_)
                | Effect::Reply { .. }
                | Effect::Tell(_),
            ) => {}
        }
    }

    /// No job of a scene runs in steps.
    fn no_steps(&mut self, n: usize, bundle: BundleId) {
        let lists = None;
        self.tell_later(Millis::ZERO, n, Input::ListsRead { bundle, lists });
    }

    /// What becomes of an effect where its peer may bend it, and which life of it this is.
    fn bend(&mut self, n: usize, effect: Effect) -> (u32, Option<Effect>) {
        let (now, healed) = (self.now, self.healed);
        match self.stage.nodes.get_mut(&n) {
            None => (0, None),
            Some(node) if now < node.from || healed => (node.life, Some(effect)),
            Some(node) => (node.life, node.role.bend(effect)),
        }
    }

    /// What a disk or an executor is asked for.
    fn errand(&mut self, n: usize, effect: Effect) {
        match effect {
            Effect::FetchJob { digest, from } => {
                let job = self.facts.job_of(&digest).cloned();
                let there = job.map(|job| Input::JobFetched { digest, job });
                self.fetch(n, digest, &from, there);
            }
            Effect::Fetch { digest, from, .. } => {
                self.fetch(n, digest, &from, Some(Input::Fetched(digest)));
            }
            Effect::Run {
                token,
                bundle,
                job,
                tasks,
                why,
                ..
            } => {
                self.run(n, token, (bundle, job), &tasks, why);
            }
            _ => {}
        }
    }

    fn turned_away(&mut self, n: usize, why: &str) {
        if let Some(node) = self.stage.nodes.get_mut(&n) {
            node.jobs_open = node.jobs_open.saturating_sub(1);
        }
        self.tally.turned_away();
        self.pen
            .write(self.now, || format!("a job of p{n} is turned away: {why}"));
    }

    fn keep(&mut self, n: usize, digest: Digest) {
        if let Some(node) = self.stage.nodes.get_mut(&n) {
            node.disk.insert(digest);
        }
    }

    fn say(&mut self, from: usize, to: PeerId, message: &Message) {
        let Some(to) = self.stage.by_peer.get(&to).copied() else {
            return;
        };
        let sender = self.stage.keys[from].peer;
        for wait in self.links.carry(from, to, &mut self.chance) {
            let message = message.clone();
            let from = sender;
            self.tell_later(wait, to, Input::Heard { from, message });
        }
    }

    /// Brings a blob to a disk from any machine that has it and can be reached, and says so.
    fn fetch(&mut self, n: usize, digest: Digest, from: &[PeerId], there: Option<Input>) {
        let has = |m: usize| {
            let node = self.stage.nodes.get(&m);
            node.is_some_and(|node| node.up && node.disk.contains(&digest))
        };
        let near = has(n);
        let sources = from
            .iter()
            .filter_map(|peer| self.stage.by_peer.get(peer).copied());
        let mut reached = sources.filter(|m| self.links.is_cut(*m) == self.links.is_cut(n));
        let found = near || reached.any(has);
        let wait = if near { Millis::ZERO } else { FETCH };
        if let Some(there) = there.filter(|_| found) {
            self.keep(n, digest);
            self.tell_later(wait, n, there);
        } else {
            let why = "nobody who has it can be reached".to_owned();
            self.tell_later(wait, n, Input::FetchFailed { digest, why });
        }
    }

    /// Runs tasks: what each is claimed to have given, and when it is done.
    fn run(
        &mut self,
        n: usize,
        token: RunToken,
        (bundle, job): (BundleId, Digest),
        tasks: &[u32],
        why: Why,
    ) {
        let mut lies = 0;
        for task in tasks.iter().copied() {
            let claim = self.claim(n, (bundle, job), task, why);
            let voice = match claim {
                Claim::Truth if self.facts.is_shaky(&job) => n as u64 + 1,
                Claim::Truth | Claim::Nothing => TRUTH,
                Claim::Lie(voice) | Claim::Guess(voice) => voice,
            };
            let ran = matches!(claim, Claim::Truth | Claim::Lie(_));
            lies += u32::from(claim != Claim::Truth);
            let outcome = self.facts.say(job, task, voice);
            let fuel = if ran { outcome.fuel.get() } else { 0 };
            let Some(node) = self.stage.nodes.get_mut(&n) else {
                return;
            };
            node.disk.insert(outcome.digest);
            self.tally.ran(node.group, why, fuel);
            let (at, life) = (node.work(self.now, fuel), node.life);
            let input = if claim == Claim::Nothing {
                let why = "this machine would rather not".to_owned();
                Input::TaskFailed { token, task, why }
            } else {
                let size = OUTPUT_SIZE;
                Input::TaskDone {
                    token,
                    task,
                    outcome,
                    size,
                }
            };
            self.at(at, Happening::Tell { to: n, life, input });
        }
        if why == Why::Work {
            self.tally.claimed(bundle, self.stage.keys[n].peer, lies);
        }
    }

    fn claim(&mut self, n: usize, (bundle, job): (BundleId, Digest), task: u32, why: Why) -> Claim {
        let seed = self.seed.to_le_bytes();
        let parts: [&[u8]; 3] = [&seed, job.bytes(), &task.to_le_bytes()];
        let word = Digest::derive("tallygrid sim temptation v1", &parts);
        let [first, second, ..] = word.bytes();
        let number = u32::from(u16::from_le_bytes([*first, *second])) * 10_000 / 65_536;
        // An audit names one bundle and runs tasks of many.
        let index = task / self.tally.bundle_size(&bundle.job);
        let bundle = BundleId { index, ..bundle };
        let Some(node) = self.stage.nodes.get_mut(&n) else {
            return Claim::Truth;
        };
        let crime = self.stage.bands[node.group].crime;
        node.role.claim(&Case {
            number: n as u64,
            why,
            seats: self.seats.get(&bundle).map_or(&[], Vec::as_slice),
            kin: self.stage.kin.get(&crime).unwrap_or(&self.nobody),
            tempted: self.now >= node.from && !self.healed && number < node.rate_bps,
        })
    }
}
