//! A second set of books, kept by other code: from entries and events alone, never from a row.
//! After every hour it is laid beside the rules' rows; where they part, one of the two is wrong.

use std::collections::BTreeMap;

use protocol::entry::{AuditRequest, Body};
use protocol::event::{Ending, Event, FaultEvent, IssueEvent};
use protocol::genesis::{Genesis, Issuance, Params};
use protocol::ids::{BundleId, JobId, PartyId, PeerId};
use protocol::job::Terms;
use protocol::outcome::Root;
use protocol::units::{Credits, Moment};
use rules::{Account, read};

use crate::sequencer::Block;

mod bonds;
mod panels;
mod quotas;
mod slashes;

use panels::Panels;
use quotas::Quotas;

/// A year of 365 days.
const YEAR_MS: i128 = 365 * 24 * 3_600_000;

/// Where credits are, as the auditor sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Purse {
    Minted,
    Burned,
    Treasury,
    Wallet(PartyId),
    Bond(PeerId),
    Leaving(PeerId),
    Judge(PartyId),
    Job(JobId),
    Redress(u64),
}

/// What somebody got out of somebody's slash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    /// Whose bond it was.
    pub(crate) from: PeerId,
    /// Who got it.
    pub(crate) to: PartyId,
    /// Micro-credits.
    pub(crate) amount: i128,
}

/// A slash in its appeal window.
#[derive(Debug)]
struct Held {
    peer: PeerId,
    shares: Vec<(Purse, i128)>,
}

#[derive(Debug)]
struct JobBook {
    sender: PartyId,
    terms: Terms,
}

/// The second books.
#[derive(Debug)]
pub(crate) struct Auditor {
    params: Params,
    issuance: Issuance,
    /// Members and their power.
    members: Vec<(PartyId, i128)>,
    purses: BTreeMap<Purse, i128>,
    quotas: Quotas,
    owners: BTreeMap<PeerId, (PartyId, PartyId)>,
    leaving: BTreeMap<PeerId, Vec<(i128, Moment)>>,
    /// What came back from bonds, by peer.
    withdrawn: BTreeMap<PeerId, i128>,
    jobs: BTreeMap<JobId, JobBook>,
    roots: BTreeMap<BundleId, BTreeMap<PeerId, Root>>,
    finders: BTreeMap<BundleId, PartyId>,
    /// What peers whose pay was lost had back of it.
    met: BTreeMap<(BundleId, PeerId), i128>,
    panels: Panels,
    ended: BTreeMap<BundleId, Ending>,
    /// Slashes that wait, by number, and how many there ever were.
    held: BTreeMap<u64, Held>,
    slashes: u64,
    /// What was shared out in the last block.
    pub(crate) shares: Vec<Share>,
}

impl Auditor {
    /// Books that begin with a genesis.
    pub(crate) fn new(genesis: &Genesis) -> Self {
        let mut purses = BTreeMap::new();
        for grant in &genesis.grants {
            let wallet = Purse::Wallet(PartyId::of(&grant.party));
            *purses.entry(wallet).or_insert(0) += i128::from(grant.amount.get());
            *purses.entry(Purse::Minted).or_insert(0) -= i128::from(grant.amount.get());
        }
        let mut owners = BTreeMap::new();
        for member in &genesis.members {
            let party = PartyId::of(&member.party);
            let bond = i128::from(member.bond.get());
            *purses.entry(Purse::Wallet(party)).or_insert(0) -= bond;
            purses.insert(Purse::Judge(party), bond);
            owners.insert(member.peer, (party, party));
        }
        Self {
            params: genesis.params.clone(),
            issuance: genesis.issuance.clone(),
            members: genesis
                .members
                .iter()
                .map(|member| (PartyId::of(&member.party), i128::from(member.power)))
                .collect(),
            purses,
            quotas: Quotas::new(genesis),
            owners,
            leaving: BTreeMap::new(),
            withdrawn: BTreeMap::new(),
            jobs: BTreeMap::new(),
            roots: BTreeMap::new(),
            finders: BTreeMap::new(),
            met: BTreeMap::new(),
            panels: Panels::default(),
            ended: BTreeMap::new(),
            held: BTreeMap::new(),
            slashes: 0,
            shares: Vec::new(),
        }
    }

    /// Who owns a peer.
    pub(crate) fn owner(&self, peer: &PeerId) -> Option<PartyId> {
        self.owners.get(peer).map(|(owner, _)| *owner)
    }

    /// What a party holds, wherever it lies, in micro-credits.
    pub(crate) fn wealth(&self, party: PartyId) -> i128 {
        let held = |purse| self.purses.get(&purse).copied().unwrap_or(0);
        let owned = self.owners.iter().filter(|(_, (owner, _))| *owner == party);
        let bonds = owned.map(|(peer, _)| held(Purse::Bond(*peer)) + held(Purse::Leaving(*peer)));
        held(Purse::Wallet(party)) + held(Purse::Judge(party)) + bonds.sum::<i128>()
    }

    fn turn(&mut self, purse: Purse, by: i128) {
        *self.purses.entry(purse).or_insert(0) += by;
    }

    fn pay(&mut self, from: Purse, to: Purse, amount: i128) {
        self.turn(from, -amount);
        self.turn(to, amount);
    }

    /// Where credits end: with mutual credit in the treasury, elsewhere for good.
    fn end_of_credits(&self) -> Purse {
        match self.issuance {
            Issuance::MutualCredit => Purse::Treasury,
            _ => Purse::Burned,
        }
    }

    /// Writes down a block.
    pub(crate) fn hear(&mut self, block: &Block) {
        self.shares.clear();
        for (entry, answer) in block.entries.iter().zip(&block.answers) {
            let (sender, Ok(())) = (entry.value().sender, answer) else {
                continue;
            };
            match &entry.value().body {
                Body::Dispute { bundle, .. }
                | Body::Audit(AuditRequest::Contest { bundle, .. }) => {
                    self.finders.insert(*bundle, sender);
                }
                Body::Audit(AuditRequest::TwoSeals { job, seals }) => {
                    let (job, index) = (*job, seals[0].bundle);
                    self.finders.insert(BundleId { job, index }, sender);
                }
                Body::PanelOpen { bundle, answer } => {
                    self.panels
                        .answered(*bundle, sender, answer.outcomes.clone());
                }
                _ => {}
            }
        }
        for event in &block.events {
            if let Event::BundleEnded { bundle, ending } = event {
                self.ended.insert(*bundle, *ending);
            }
        }
        let mut over: Vec<BundleId> = Vec::new();
        for (at, event) in block.events.iter().enumerate() {
            if !is_of_slash(event, &block.events[at + 1..]) {
                self.event(event, block.now);
            }
            if let Event::BundleEnded { bundle, .. } = event {
                over.push(*bundle);
            }
        }
        self.fees(block);
        for bundle in over {
            self.roots.remove(&bundle);
            self.finders.remove(&bundle);
            self.met.retain(|(of, _), _| *of != bundle);
            self.panels.over(&bundle);
            self.ended.remove(&bundle);
        }
    }

    fn fees(&mut self, block: &Block) {
        let mut all = 0;
        for (entry, answer) in block.entries.iter().zip(&block.answers) {
            if answer.as_ref().is_err_and(rules::Refusal::left_no_trace) {
                continue;
            }
            let bytes = protocol::bytes::write(entry.value()).len() as i128 + 96;
            let sender = &entry.value().sender;
            if self.quotas.cover(sender, bytes, block.now, &self.params) {
                continue;
            }
            let fee = i128::from(self.params.entry_fee.get())
                + i128::from(self.params.byte_fee.get()) * bytes;
            self.turn(Purse::Wallet(entry.value().sender), -fee);
            all += fee;
        }
        let burned = part(all, self.params.fee_burned.get());
        self.turn(self.end_of_credits(), burned);
        self.turn(Purse::Treasury, all - burned);
    }

    fn event(&mut self, event: &Event, now: Moment) {
        let size = |job: &JobId| {
            self.jobs
                .get(job)
                .map_or(1, |book| book.terms.tasks_per_bundle)
        };
        self.panels.hear(event, size);
        match event {
            Event::Transferred { from, to, amount } => {
                self.pay(Purse::Wallet(*from), Purse::Wallet(*to), micro(*amount));
            }
            Event::PeerAdmitted {
                peer,
                owner,
                sponsor,
            } => {
                self.owners.insert(*peer, (*owner, *sponsor));
                let (fee, end) = (self.params.admission_fee, self.end_of_credits());
                self.pay(Purse::Wallet(*sponsor), end, micro(fee));
            }
            Event::BondChanged { peer, bond, .. } => self.bond(*peer, micro(*bond), now),
            Event::Submitted {
                job,
                sender,
                terms,
                escrow,
                ..
            } => {
                self.pay(Purse::Wallet(*sender), Purse::Job(*job), micro(*escrow));
                let book = JobBook {
                    sender: *sender,
                    terms: terms.clone(),
                };
                self.jobs.insert(*job, book);
            }
            Event::Opened { bundle, peer, root } => {
                self.roots.entry(*bundle).or_default().insert(*peer, *root);
            }
            Event::Paid {
                bundle,
                owner,
                amount,
                ..
            } => self.pay(
                Purse::Job(bundle.job),
                Purse::Wallet(*owner),
                micro(*amount),
            ),
            Event::Fault(event) => self.fault(event),
            Event::Slashed {
                bundle,
                peer,
                fault,
                amount,
            } => {
                self.slashed(*bundle, *peer, *fault, micro(*amount));
            }
            Event::JobEnded { job, refunded, .. } => {
                if let Some(book) = self.jobs.remove(job) {
                    self.pay(
                        Purse::Job(*job),
                        Purse::Wallet(book.sender),
                        micro(*refunded),
                    );
                }
            }
            Event::Issue(event) => self.issued(event),
            _ => {}
        }
    }

    /// What epochs mint: by these books' own circulation, never by the rules' rows.
    fn issued(&mut self, event: &IssueEvent) {
        match event {
            IssueEvent::EpochClosed { .. } if self.issuance == Issuance::Inflation => {
                let held = |purse| self.purses.get(&purse).copied().unwrap_or(0);
                let circulating = -held(Purse::Minted) - held(Purse::Burned);
                let yearly = circulating * i128::from(self.params.inflation_cap.get());
                let cap = yearly * i128::from(self.params.epoch.get()) / (YEAR_MS * 10_000);
                let [demand, ready, members, supply, _] =
                    self.params.epoch_split.map(|share| part(cap, share.get()));
                let treasury = cap - demand - ready - members - supply;
                let power: i128 = self.members.iter().map(|(_, power)| power).sum();
                let mut rest = members;
                for (member, power_of) in self.members.clone() {
                    let part = members * power_of / power.max(1);
                    rest -= part;
                    self.pay(Purse::Minted, Purse::Wallet(member), part);
                }
                self.pay(Purse::Minted, Purse::Treasury, demand + treasury + rest);
            }
            IssueEvent::Minted { to, amount } => {
                self.pay(Purse::Minted, Purse::Wallet(*to), micro(*amount));
            }
            IssueEvent::WorkFee { job, burned, kept } => {
                self.pay(Purse::Job(*job), Purse::Burned, micro(*burned));
                self.pay(Purse::Job(*job), Purse::Treasury, micro(*kept));
            }
            IssueEvent::Rewarded { owner, amount, .. } => {
                self.pay(Purse::Minted, Purse::Wallet(*owner), micro(*amount));
            }
            _ => {}
        }
    }

    /// Every purse in which the rules' rows hold something else than these books.
    pub(crate) fn compare(&self, rows: &BTreeMap<Vec<u8>, Vec<u8>>) -> Vec<String> {
        let mut parts = Vec::new();
        for (purse, ours) in &self.purses {
            let owed = match purse {
                Purse::Wallet(party) => micro(read::owed(rows, *party)),
                _ => 0,
            };
            let theirs = micro(match purse {
                Purse::Minted => continue,
                Purse::Burned => read::account(rows, Account::Burn).amount(),
                Purse::Treasury => read::account(rows, Account::Treasury).amount(),
                Purse::Wallet(party) => read::wallet(rows, *party).available,
                Purse::Bond(peer) => read::account(rows, Account::Bond(*peer)).amount(),
                Purse::Leaving(peer) => read::account(rows, Account::Unbonding(*peer)).amount(),
                Purse::Judge(party) => read::member_bond(rows, *party),
                Purse::Job(job) => read::account(rows, Account::Escrow(*job)).amount(),
                Purse::Redress(slash) => read::account(rows, Account::Redress(*slash)).amount(),
            }) - owed;
            if theirs != *ours {
                parts.push(format!(
                    "{purse:?} has {theirs} by the rules and {ours} by the auditor"
                ));
            }
        }
        parts
    }
}

/// Whether a payment is a judge's share of a slash: it is told just before the slash is given.
fn is_of_slash(event: &Event, then: &[Event]) -> bool {
    let Event::Paid { bundle, .. } = event else {
        return false;
    };
    let of = *bundle;
    let also = |event: &&Event| matches!(event, Event::Paid { bundle, .. } if *bundle == of);
    let next = then.iter().find(|event| !also(event));
    matches!(next, Some(Event::Fault(FaultEvent::SlashGiven { bundle, .. })) if *bundle == of)
}

fn micro(amount: Credits) -> i128 {
    i128::from(amount.get())
}

fn part(amount: i128, bps: u32) -> i128 {
    amount * i128::from(bps) / 10_000
}
