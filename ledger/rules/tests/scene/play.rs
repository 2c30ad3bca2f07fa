//! A play: anyone asks for anything, in whatever order.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each file of tests uses a part of the scene, and fails where it is not as it says"
)]

use std::collections::BTreeMap;

use proptest::prelude::*;
use protocol::entry::{Body, Canary, DisputedTask, Opening, chain};
use protocol::ids::{BundleId, JobId, PeerId};
use protocol::job::{Care, Class, Judge, Terms};
use protocol::outcome::prove;
use protocol::units::{Bps, Credits, Millis};
use rules::{apply_block, begin, read};

use super::canary_scene::*;
use super::job_scene::*;
use super::scene::*;

#[path = "further.rs"]
mod further;

/// Letters that outcomes are drawn from; few, so that peers agree and differ.
const LETTERS: [char; 3] = ['7', '7', '9'];

/// Something someone does; numbers are taken modulo what there is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    Pay(u8, u8, u64),
    Bond(u8, u64),
    Unbond(u8, u64),
    Withdraw(u8),
    Offer(u8, u16),
    TakeOffer(u8),
    Submit(u32, u32, u8),
    Start(u8),
    Decline(u8, u8, u8),
    Seal(u8, u8, u8, u8),
    SealAll(u8),
    Close(u8),
    ForceClose(u8),
    Open(u8, u8, u8, u8),
    OpenAll(u8),
    Dispute(u8, u8),
    JurorSeals(u8, u8, u8),
    JurorOpens(u8, u8, u8),
    Cancel(u8),
    Sweep(u8),
    Wait(u64),
    /// Whatever takes this job a step further, with a letter where it needs one.
    Further(u8, u8),
}

pub(crate) fn acts() -> impl Strategy<Value = Act> {
    let n = any::<u8>;
    prop_oneof![
        1 => (n(), n(), 0..300_000_000_000_u64).prop_map(|(a, b, c)| Act::Pay(a, b, c)),
        1 => (n(), 0..2_000_000_000_u64).prop_map(|(a, b)| Act::Bond(a, b)),
        1 => (n(), 0..2_000_000_000_u64).prop_map(|(a, b)| Act::Unbond(a, b)),
        1 => n().prop_map(Act::Withdraw),
        1 => (n(), 0..8_u16).prop_map(|(a, b)| Act::Offer(a, b)),
        1 => n().prop_map(Act::TakeOffer),
        4 => (1..6_u32, 1..4_u32, 2..4_u8).prop_map(|(a, b, c)| Act::Submit(a, b, c)),
        60 => (n(), n()).prop_map(|(a, b)| Act::Further(a, b)),
        2 => n().prop_map(Act::Start),
        2 => (n(), n(), n()).prop_map(|(a, b, c)| Act::Decline(a, b, c)),
        4 => (n(), n(), n(), n()).prop_map(|(a, b, c, d)| Act::Seal(a, b, c, d)),
        2 => n().prop_map(Act::SealAll),
        4 => n().prop_map(Act::Close),
        1 => n().prop_map(Act::ForceClose),
        4 => (n(), n(), n(), n()).prop_map(|(a, b, c, d)| Act::Open(a, b, c, d)),
        4 => n().prop_map(Act::OpenAll),
        2 => (n(), n()).prop_map(|(a, b)| Act::Dispute(a, b)),
        2 => (n(), n(), n()).prop_map(|(a, b, c)| Act::JurorSeals(a, b, c)),
        2 => (n(), n(), n()).prop_map(|(a, b, c)| Act::JurorOpens(a, b, c)),
        1 => n().prop_map(Act::Cancel),
        1 => n().prop_map(Act::Sweep),
        2 => (0..30_000_u64).prop_map(Act::Wait),
        1 => (0..3_000_000_u64).prop_map(Act::Wait),
    ]
}

/// A scene, its jobs, and the letter that each peer's run of a bundle will have.
pub(crate) struct Play {
    pub(crate) scene: Scene,
    pub(crate) jobs: Vec<JobId>,
}

impl Play {
    fn job(&self, n: u8) -> Option<JobId> {
        let place = usize::from(n).checked_rem(self.jobs.len())?;
        Some(self.jobs[place])
    }

    fn bundle_of(&self, job: u8, index: u8) -> Option<BundleId> {
        let job = self.job(job)?;
        let bundles = read::job(&self.scene.rows, job)?.terms.bundles();
        let index = u32::from(index) % bundles;
        Some(BundleId { job, index })
    }

    fn run(&self, bundle: BundleId, slot: u8) -> Option<PeerId> {
        let runs = read::bundle(&self.scene.rows, bundle)?.runs;
        Some(runs[usize::from(slot) % runs.len()].peer)
    }

    /// Every second job with one canary: true, or as liars have it. Some are nobody's to judge but
    /// the submitter's.
    fn wanted(&self, tasks: u32, per_bundle: u32, copies: u8) -> Terms {
        let care = Care {
            audit: Bps::new(u32::from(copies % 2) * 5_000),
            ..Care::default()
        };
        let terms = Terms {
            care,
            ..terms(tasks, per_bundle, copies)
        };
        match (tasks, copies) {
            (5, 2) => Terms {
                judge: Judge::Submitter,
                ..terms
            },
            (2 | 4, _) => with_canaries(terms, &self.canaries(tasks)),
            _ => terms,
        }
    }

    fn body(&self, act: Act) -> Option<(Who, Body)> {
        let of = |n: u8| (owner(n % WORKERS), worker(n % WORKERS));
        let class = Class::Grid;
        Some(match act {
            Act::Pay(from, to, amount) => {
                let moves = vec![(of(to).0.party(), Credits::new(amount))];
                (of(from).0, Body::Transfer { moves })
            }
            Act::Bond(n, amount) => {
                let ((who, peer), amount) = (of(n), Credits::new(amount));
                (who, Body::Bond { peer, amount })
            }
            Act::Unbond(n, amount) => {
                let ((who, peer), amount) = (of(n), Credits::new(amount));
                (who, Body::Unbond { peer, amount })
            }
            Act::Withdraw(n) => (of(n).0, Body::Withdraw { peer: of(n).1 }),
            Act::Offer(n, slots) => {
                let (who, peer) = of(n);
                let per_gfuel = cr(1);
                let offer = Body::PublishOffer {
                    peer,
                    class,
                    slots,
                    per_gfuel,
                };
                (who, offer)
            }
            Act::TakeOffer(n) => {
                let (who, peer) = of(n);
                (who, Body::WithdrawOffer { peer, class })
            }
            Act::Submit(tasks, per_bundle, copies) => {
                let terms = self.wanted(tasks, per_bundle, copies);
                let chain = chain(&chain(&secret()));
                let purse = None;
                let submit = Body::Submit {
                    terms,
                    chain,
                    purse,
                };
                (R, submit)
            }
            Act::Start(n) => {
                let (job, link) = (self.job(n)?, chain(&secret()));
                (R, Body::Start { job, link })
            }
            Act::Close(n) => {
                let (job, secret) = (self.job(n)?, secret());
                (R, Body::Close { job, secret })
            }
            Act::ForceClose(n) => (ANNA, Body::ForceClose { job: self.job(n)? }),
            Act::Cancel(n) => (R, Body::Cancel { job: self.job(n)? }),
            Act::Sweep(n) => (ANNA, Body::Sweep { job: self.job(n)? }),
            other => return self.work_body(other),
        })
    }

    fn work_body(&self, act: Act) -> Option<(Who, Body)> {
        Some(match act {
            Act::Decline(job, index, slot) => {
                let bundle = self.bundle_of(job, index)?;
                let peer = self.run(bundle, slot)?;
                let n = (0..WORKERS).find(|n| worker(*n) == peer)?;
                // Now and then it names a peer; none has the same owner but itself.
                let to = (slot % 5 == 4).then_some(peer);
                (owner(n), Body::Decline { bundle, peer, to })
            }
            Act::Seal(job, index, slot, letter) => {
                let bundle = self.bundle_of(job, index)?;
                let peer = self.run(bundle, slot)?;
                let letter = LETTERS[usize::from(letter) % 3];
                let seals = vec![self.scene.seal_of(bundle.job, bundle.index, peer, letter)];
                let job = bundle.job;
                (R, Body::SealBatch { job, seals })
            }
            Act::SealAll(n) => {
                let job = self.job(n)?;
                let seal = |(index, peer)| self.scene.seal_of(job, index, peer, '7');
                let seals = self.runs(job).into_iter().map(seal).collect();
                (R, Body::SealBatch { job, seals })
            }
            Act::Open(job, index, slot, letter) => {
                let bundle = self.bundle_of(job, index)?;
                let peer = self.run(bundle, slot)?;
                let letter = LETTERS[usize::from(letter) % 3];
                let openings = vec![self.opening(bundle.job, bundle.index, peer, letter)];
                let job = bundle.job;
                (R, Body::OpenBatch { job, openings })
            }
            Act::OpenAll(n) => {
                let job = self.job(n)?;
                let both =
                    |(index, peer)| ['7', '9'].map(|letter| self.opening(job, index, peer, letter));
                let openings = self.runs(job).into_iter().flat_map(both).collect();
                (R, Body::OpenBatch { job, openings })
            }
            Act::Dispute(job, index) => {
                let bundle = self.bundle_of(job, index)?;
                let tasks = self.difference(bundle)?;
                (ANNA, Body::Dispute { bundle, tasks })
            }
            Act::JurorSeals(n, job, letter) => {
                let (who, bundle) = (member(n % 4), self.bundle_of(job, n)?);
                let answer = answer(LETTERS[usize::from(letter) % 3]);
                let seal = answer.seal(&bundle, &who.party());
                (who, Body::PanelSeal { bundle, seal })
            }
            Act::JurorOpens(n, job, letter) => {
                let (who, bundle) = (member(n % 4), self.bundle_of(job, n)?);
                let answer = answer(LETTERS[usize::from(letter) % 3]);
                (who, Body::PanelOpen { bundle, answer })
            }
            _ => return None,
        })
    }

    /// The canary of a job of so many tasks: its last, which ends its bundle.
    fn canaries(&self, tasks: u32) -> [Canary; 1] {
        let letter = LETTERS[(tasks as usize / 2) % 3];
        [canary(tasks - 1, letter)]
    }

    fn runs(&self, job: JobId) -> Vec<(u32, PeerId)> {
        let row = read::job(&self.scene.rows, job).unwrap();
        let bundles = (0..row.terms.bundles()).filter_map(|index| {
            let name = BundleId { job, index };
            Some((index, read::bundle(&self.scene.rows, name)?))
        });
        bundles
            .flat_map(|(index, bundle)| bundle.runs.into_iter().map(move |run| (index, run.peer)))
            .collect()
    }

    fn opening(&self, job: JobId, index: u32, peer: PeerId, letter: char) -> Opening {
        opening(index, self.scene.tasks(job, index), peer, letter)
    }

    fn difference(&self, bundle: BundleId) -> Option<Vec<DisputedTask>> {
        let tasks = self.scene.tasks(bundle.job, bundle.index);
        let row = read::bundle(&self.scene.rows, bundle)?;
        let claim = |run: &rules::work::Run| {
            let root = run.root()?;
            let letter = LETTERS.into_iter().find(|l| root_of(tasks, *l) == root)?;
            Some((run.peer, prove(&outcomes(tasks, letter), tasks - 1)?))
        };
        let claims: Vec<_> = row.runs.iter().filter_map(claim).collect();
        (!claims.is_empty()).then(|| vec![DisputedTask { claims }])
    }

    pub(crate) fn act(&mut self, act: Act) {
        match act {
            Act::Wait(span) => self.scene.wait(Millis::new(span)),
            Act::Further(job, letter) => {
                for (who, body) in self.further(job, letter).unwrap_or_default() {
                    self.enter(who, body);
                }
            }
            other => {
                if let Some((who, body)) = self.body(other) {
                    self.enter(who, body);
                }
            }
        }
    }

    fn enter(&mut self, who: Who, body: Body) {
        let is_submit = matches!(body, Body::Submit { .. });
        let entry = self.scene.sign(who, body);
        let id = JobId::new(*entry.entry_id().bytes());
        let answer = self.scene.block(10, vec![entry]).remove(0);
        if is_submit && answer.is_ok() {
            self.jobs.push(id);
        }
    }
}

/// The rows that the blocks of a scene give when they are applied again.
pub(crate) fn replayed(scene: &Scene) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut rows = begin(&scene.genesis).unwrap();
    for (at, entries) in &scene.blocks {
        for (key, row) in apply_block(&rows, at, entries).updates {
            match row {
                Some(row) => rows.insert(key, row),
                None => rows.remove(&key),
            };
        }
    }
    rows
}
