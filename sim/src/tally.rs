//! What a play is measured by: counted from events, and from what the world knows and the ledger
//! cannot: who lied where, and what the truth was.

use std::collections::{BTreeMap, BTreeSet};

use protocol::event::{Ending, Event, Fault, IssueEvent};
use protocol::ids::{BundleId, JobId, PeerId};
use protocol::job::{Class, Terms};
use protocol::units::Credits;
use steward::Why;

use crate::auditor::Auditor;
use crate::cast::Crime;
use crate::facts::Facts;
use crate::sequencer::Block;
use crate::stage::{Band, Stage};
use crate::story::Epoch;

mod checks;
mod sums;
mod words;

pub(crate) use words::words;

/// What is counted of a group.
#[derive(Clone, Debug, Default)]
struct Count {
    peers: u64,
    /// Micro-credits earned by runs, and of that, by tasks that were lied about.
    paid: i128,
    paid_for_lies: i128,
    /// What of that jobs of its own crime paid.
    paid_by_kin: i128,
    /// Micro-credits that epochs minted for it.
    rewarded: i128,
    /// Micro-credits taken from bonds, by fault, and what of slashes came back to the group.
    slashed: BTreeMap<Fault, i128>,
    won_back: i128,
    /// Tasks lied about, and bundles with such tasks that ended in agreement.
    lied: u64,
    fuel: u128,
    convicted: BTreeSet<PeerId>,
    /// Convictions that cost less than the lock.
    short_slashes: u64,
    lied_peers: BTreeSet<PeerId>,
}

/// What a drawn peer claims of its bundle.
#[derive(Clone, Copy, Debug)]
struct Claimed {
    lies: u32,
    opened: bool,
}

/// The running sums of a play.
#[derive(Debug)]
pub(crate) struct Tally {
    bands: Vec<Band>,
    classes: BTreeSet<Class>,
    counts: Vec<Count>,
    jobs: BTreeMap<JobId, Terms>,
    /// How many bundles of an open job have settled.
    bundles: BTreeMap<JobId, u32>,
    /// What the jobs of each submitter's machine have cost.
    spent: BTreeMap<PeerId, i128>,
    /// How many tasks of a run were lied about.
    claims: BTreeMap<(BundleId, PeerId), Claimed>,
    /// What the peers of each sponsor earned.
    sponsors: BTreeMap<String, i128>,
    asked: u64,
    turned_away: u64,
    submitted: u64,
    ended: u64,
    jobs_settled: u64,
    settled: u64,
    accepted: u64,
    wrong: u64,
    wrong_verdicts: u64,
    disputes: u64,
    fuel: BTreeMap<&'static str, u128>,
    /// Fuel of one true run of every accepted task.
    useful: u128,
    /// What had been spent when honest peers had shown their work.
    shown: Option<[i128; 3]>,
    endings: BTreeMap<&'static str, u64>,
    before: BTreeMap<String, i128>,
    /// How many hours were over when the last hoarded capacity was free again.
    hoarded: usize,
    pub(crate) epochs: Vec<Epoch>,
    pub(crate) alarms: Vec<String>,
}

/// Alarms that are kept; one is enough to turn a play red.
const ALARMS_MAX: usize = 64;

impl Tally {
    pub(crate) fn new(stage: &Stage) -> Self {
        let mut counts = vec![Count::default(); stage.bands.len()];
        for node in stage.nodes.values() {
            counts[node.group].peers += 1;
        }
        let classes = stage.nodes.values().flat_map(|node| &node.me.classes);
        Self {
            bands: stage.bands.clone(),
            classes: classes.copied().collect(),
            counts,
            jobs: BTreeMap::new(),
            bundles: BTreeMap::new(),
            spent: BTreeMap::new(),
            claims: BTreeMap::new(),
            sponsors: BTreeMap::new(),
            asked: 0,
            turned_away: 0,
            submitted: 0,
            ended: 0,
            jobs_settled: 0,
            settled: 0,
            accepted: 0,
            wrong: 0,
            wrong_verdicts: 0,
            disputes: 0,
            fuel: BTreeMap::new(),
            useful: 0,
            shown: None,
            endings: BTreeMap::new(),
            before: BTreeMap::new(),
            hoarded: 0,
            epochs: Vec::new(),
            alarms: Vec::new(),
        }
    }

    /// Something that must never be.
    pub(crate) fn alarm(&mut self, what: String) {
        if self.alarms.len() < ALARMS_MAX {
            self.alarms.push(what);
        }
    }

    /// A job was asked for.
    pub(crate) const fn asked(&mut self) {
        self.asked += 1;
    }

    /// A job was refused at its own door.
    pub(crate) const fn turned_away(&mut self) {
        self.turned_away += 1;
    }

    /// Jobs that were asked for and have neither ended nor been turned away.
    pub(crate) const fn jobs_open(&self) -> u64 {
        self.asked.saturating_sub(self.turned_away + self.ended)
    }

    /// How many tasks the bundles of an open job have.
    pub(crate) fn bundle_size(&self, job: &JobId) -> u32 {
        let terms = self.jobs.get(job);
        terms.map_or(1, |terms| terms.tasks_per_bundle)
    }

    /// A machine spent fuel.
    pub(crate) fn ran(&mut self, group: usize, why: Why, fuel: u64) {
        let what = if why == Why::Work { "work" } else { "checks" };
        *self.fuel.entry(what).or_insert(0) += u128::from(fuel);
        self.counts[group].fuel += u128::from(fuel);
    }

    /// A drawn peer claims to have run a bundle, and lies about so many of its tasks.
    pub(crate) fn claimed(&mut self, bundle: BundleId, peer: PeerId, lies: u32) {
        let opened = false;
        self.claims.insert((bundle, peer), Claimed { lies, opened });
    }

    /// Counts a block.
    pub(crate) fn hear(&mut self, block: &Block, stage: &Stage, facts: &Facts, auditor: &Auditor) {
        for event in &block.events {
            self.event(event, stage, facts);
        }
        for share in &auditor.shares {
            let Some(from) = band_of(stage, &share.from) else {
                continue;
            };
            let crime = self.bands[from].crime;
            let kin = stage.kin.get(&crime);
            let back =
                kin.is_some_and(|kin| kin.iter().any(|peer| auditor.owner(peer) == Some(share.to)));
            if back {
                self.counts[from].won_back += share.amount;
            }
        }
    }

    fn event(&mut self, event: &Event, stage: &Stage, facts: &Facts) {
        match event {
            Event::Submitted { job, terms, .. } => {
                self.submitted += 1;
                self.jobs.insert(*job, terms.clone());
            }
            Event::Disputed { .. } => self.disputes += 1,
            Event::Opened { bundle, peer, .. } => {
                if let Some(claimed) = self.claims.get_mut(&(*bundle, *peer)) {
                    claimed.opened = true;
                }
            }
            Event::Paid {
                bundle,
                peer,
                amount,
                ..
            } => self.paid(*bundle, peer, i128::from(amount.get()), stage),
            Event::Slashed {
                bundle,
                peer,
                fault,
                amount,
            } => self.slashed(bundle.job, peer, *fault, *amount, stage),
            Event::Verdict { bundle, right, .. } => {
                let terms = self.jobs.get(&bundle.job);
                let false_one = terms.is_some_and(|terms| {
                    !facts.is_shaky(&terms.job)
                        && right.iter().flatten().any(|outcome| {
                            let mut tasks = terms.tasks_of(bundle.index);
                            tasks.all(|task| facts.truth(&terms.job, task) != outcome.digest)
                        })
                });
                self.wrong_verdicts += u64::from(false_one);
            }
            Event::BundleEnded { bundle, ending } => {
                self.bundle_ended(*bundle, *ending, facts, stage)
            }
            Event::JobEnded { job, paid, .. } => {
                self.ended += 1;
                let settled = self.bundles.remove(job);
                if let Some(terms) = self.jobs.remove(job) {
                    self.jobs_settled += u64::from(settled == Some(terms.bundles()));
                    let band = band_of(stage, &terms.peer);
                    if band.is_some_and(|band| self.bands[band].crime == Crime::Hoarder) {
                        self.hoarded = self.epochs.len();
                    }
                    *self.spent.entry(terms.peer).or_insert(0) += i128::from(paid.get());
                }
            }
            Event::Issue(IssueEvent::Rewarded { peer, amount, .. }) => {
                if let Some(band) = band_of(stage, peer) {
                    self.counts[band].rewarded += i128::from(amount.get());
                }
            }
            _ => {}
        }
    }

    fn slashed(&mut self, job: JobId, peer: &PeerId, fault: Fault, amount: Credits, stage: &Stage) {
        let terms = self.jobs.get(&job);
        let lock = terms.and_then(|terms| lock_of(stage, terms));
        if let Some(band) = band_of(stage, peer) {
            let count = &mut self.counts[band];
            *count.slashed.entry(fault).or_insert(0) += i128::from(amount.get());
            if fault == Fault::WrongOutcome {
                count.convicted.insert(*peer);
                count.short_slashes += u64::from(lock.is_none_or(|lock| amount < lock));
            }
        }
    }

    fn paid(&mut self, bundle: BundleId, peer: &PeerId, amount: i128, stage: &Stage) {
        let (Some(band), Some(terms)) = (band_of(stage, peer), self.jobs.get(&bundle.job)) else {
            return;
        };
        let tasks = i128::from(count_of(terms, bundle));
        let lies = self.claims.get(&(bundle, *peer)).map_or(0, |c| c.lies);
        self.counts[band].paid += amount;
        let payer = band_of(stage, &terms.peer).map(|band| self.bands[band].crime);
        if payer == Some(self.bands[band].crime) {
            self.counts[band].paid_by_kin += amount;
        }
        if let Some(sponsor) = stage.sponsor_of(peer) {
            *self.sponsors.entry(sponsor).or_insert(0) += amount;
        }
        self.counts[band].paid_for_lies += amount * i128::from(lies) / tasks.max(1);
    }

    fn bundle_ended(&mut self, bundle: BundleId, ending: Ending, facts: &Facts, stage: &Stage) {
        *self.endings.entry(words::ending(ending)).or_insert(0) += 1;
        let Some(terms) = self.jobs.get(&bundle.job) else {
            return;
        };
        let runs = (bundle, PeerId::new([0; 32]))..=(bundle, PeerId::new([255; 32]));
        let claims: Vec<(PeerId, Claimed)> = self
            .claims
            .range(runs)
            .map(|((_, peer), claimed)| (*peer, *claimed))
            .collect();
        for (peer, Claimed { lies, .. }) in claims.iter().filter(|(_, claimed)| claimed.opened) {
            if let Some(band) = band_of(stage, peer).filter(|_| *lies > 0) {
                self.counts[band].lied += u64::from(*lies);
                self.counts[band].lied_peers.insert(*peer);
            }
        }
        for (peer, _) in &claims {
            self.claims.remove(&(bundle, *peer));
        }
        if matches!(ending, Ending::Agreed | Ending::Judged) {
            self.settled += 1;
            *self.bundles.entry(bundle.job).or_insert(0) += 1;
            self.accepted += u64::from(count_of(terms, bundle));
            let fuel = terms
                .tasks_of(bundle.index)
                .map(|task| facts.fuel(&terms.job, task).get());
            self.useful += fuel.map(u128::from).sum::<u128>();
            if ending == Ending::Agreed {
                let opened = claims.iter().filter(|(_, claimed)| claimed.opened);
                let lies = opened.map(|(_, claimed)| claimed.lies).max().unwrap_or(0);
                self.wrong += u64::from(lies);
            }
        }
    }
}

fn count_of(terms: &Terms, bundle: BundleId) -> u32 {
    u32::try_from(terms.tasks_of(bundle.index).len()).unwrap_or(u32::MAX)
}

/// What a conviction in a job costs whoever covered it.
fn lock_of(stage: &Stage, terms: &Terms) -> Option<Credits> {
    let times = rules::params::slash_mult(&stage.genesis.params, terms.class);
    terms.task_price_max()?.times(times)
}

fn band_of(stage: &Stage, peer: &PeerId) -> Option<usize> {
    let n = stage.by_peer.get(peer)?;
    stage.nodes.get(n).map(|node| node.group)
}
