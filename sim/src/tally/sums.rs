//! The sums of a tally, by name, for tables and promises.

use std::collections::{BTreeMap, BTreeSet};

use protocol::event::Fault;
use protocol::ids::PeerId;
use protocol::job::Class;
use rules::read;

use super::{Count, Tally, band_of};
use crate::auditor::Auditor;
use crate::cast::Crime;
use crate::figure::Figure;
use crate::stage::Stage;
use crate::story::Attack;

pub(super) type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

impl Count {
    fn slashed(&self) -> i128 {
        self.slashed.values().sum()
    }
}

impl Tally {
    /// What an hour was like: running sums as differences to the hour before, states as they are.
    pub(crate) fn hour(&mut self, rows: &Rows, stage: &Stage) -> BTreeMap<String, Figure> {
        self.look_for_shown(rows, stage);
        let mut sums: BTreeMap<String, i128> = BTreeMap::new();
        let mut sum = |name: &str, value: i128| {
            sums.insert(name.to_owned(), value);
        };
        sum("jobs_ended", self.ended.into());
        sum("tasks_accepted", self.accepted.into());
        sum("wrong_accepted", self.wrong.into());
        sum("disputes", self.disputes.into());
        for (fault, amount) in self.slashed_by_fault() {
            sum(&format!("slashed_{}", fault.code()), amount);
        }
        for (sponsor, paid) in &self.sponsors {
            sum(&format!("income_{sponsor}"), *paid);
        }
        let supply = read::supply(rows);
        sum("burned", supply.burned.get().into());
        let mut measures: BTreeMap<String, Figure> = sums
            .iter()
            .map(|(name, now)| {
                let before = self.before.get(name).copied().unwrap_or(0);
                (name.clone(), Figure::whole(now - before))
            })
            .collect();
        self.before = sums;
        for (name, value) in [
            ("supply", supply.circulating.get()),
            ("treasury", supply.treasury.get()),
            ("jobs_open", self.jobs_open()),
        ] {
            measures.insert(name.to_owned(), Figure::whole(value));
        }
        for class in Class::ALL {
            if let Some(index) = read::index(rows, class).filter(|_| self.has_class(class)) {
                let price = Figure::whole(index.price.get());
                measures.insert(format!("index_{}", class.name()), price);
            }
        }
        let locked = stage
            .nodes
            .values()
            .filter_map(|node| read::peer(rows, node.me.peer));
        let (mut lock, mut bond) = (0_i128, 0_i128);
        for peer in locked {
            lock += i128::from(peer.peer.locked.get());
            bond += i128::from(peer.bond.get());
        }
        measures.insert("locked_share".to_owned(), Figure::ratio(lock, bond));
        measures
    }

    /// Whether some peer of the scene works in a class.
    fn has_class(&self, class: Class) -> bool {
        self.classes.contains(&class)
    }

    fn slashed_by_fault(&self) -> BTreeMap<Fault, i128> {
        let mut all = BTreeMap::new();
        for (fault, amount) in self.counts.iter().flat_map(|count| &count.slashed) {
            *all.entry(*fault).or_insert(0) += amount;
        }
        all
    }

    /// Everything at the end.
    pub(crate) fn total(
        &self,
        grave_wait: u64,
        (auditor, grant): (&Auditor, i128),
        stage: &Stage,
    ) -> (BTreeMap<String, Figure>, Vec<Attack>) {
        let mut all: BTreeMap<String, Figure> = BTreeMap::new();
        let mut put = |name: &str, value: Figure| {
            all.insert(name.to_owned(), value);
        };
        put("jobs_asked", Figure::whole(self.asked));
        put("jobs_ended", Figure::whole(self.ended));
        put("jobs_open", Figure::whole(self.jobs_open()));
        put("jobs_turned_away", Figure::whole(self.turned_away));
        let bundles: u64 = self.endings.values().sum();
        put(
            "settled_share",
            Figure::ratio(self.settled.into(), bundles.into()),
        );
        for (ending, count) in &self.endings {
            put(&format!("bundles_{ending}"), Figure::whole(*count));
        }
        let (settled, asked) = (self.jobs_settled.into(), self.asked.into());
        put("jobs_settled_share", Figure::ratio(settled, asked));
        put("tasks_accepted", Figure::whole(self.accepted));
        put("wrong_accepted", Figure::whole(self.wrong));
        put(
            "wrong_share",
            Figure::ratio(self.wrong.into(), self.accepted.into()),
        );
        put("wrong_verdicts", Figure::whole(self.wrong_verdicts));
        put("disputes", Figure::whole(self.disputes));
        put("grave_wait_blocks", Figure::whole(grave_wait));
        put("alarms", Figure::whole(self.alarms.len() as u64));
        self.by_fuel(&mut put);
        self.by_honesty(&mut put);
        let attacks = self.by_band((auditor, grant), stage, &mut put);
        self.by_index(&mut put);
        (all, attacks)
    }

    /// Band by band; returns what crimes brought and cost.
    fn by_band(
        &self,
        (auditor, grant): (&Auditor, i128),
        stage: &Stage,
        put: &mut impl FnMut(&str, Figure),
    ) -> Vec<Attack> {
        let mut attacks = Vec::new();
        for (band, count) in self.bands.iter().zip(&self.counts) {
            let name = &band.name;
            put(&format!("{name}.peers"), Figure::whole(count.peers));
            put(&format!("{name}.paid"), Figure::whole(count.paid));
            put(&format!("{name}.slashed"), Figure::whole(count.slashed()));
            put(&format!("{name}.rewarded"), Figure::whole(count.rewarded));
            let each = Figure::ratio(count.paid - count.slashed(), count.peers.into());
            put(&format!("{name}.income_each"), each);
            let spent = self.spent_by(stage, name);
            let parties: BTreeSet<_> = stage
                .nodes
                .values()
                .filter(|node| self.bands[node.group].name == *name)
                .map(|node| node.me.party)
                .collect();
            let wealth = parties.iter().map(|party| auditor.wealth(*party) - grant);
            put(
                &format!("{name}.wealth_change"),
                Figure::whole(wealth.sum::<i128>()),
            );
            put(&format!("{name}.spent"), Figure::whole(spent));
            let peers = stage.nodes.values();
            let peers = peers.filter(|node| self.bands[node.group].name == *name);
            let withdrawn = peers.map(|node| auditor.withdrawn(&node.me.peer));
            put(
                &format!("{name}.withdrawn"),
                Figure::whole(withdrawn.sum::<i128>()),
            );
            put(
                &format!("{name}.short_slashes"),
                Figure::whole(count.short_slashes),
            );
            put(&format!("{name}.lied"), Figure::whole(count.lied));
            put(
                &format!("{name}.convicted"),
                Figure::whole(count.convicted.len() as u64),
            );
            if band.crime != Crime::None {
                let (gain, cost) = self.gain_and_cost(band.crime, count, stage);
                let attack = Attack {
                    group: name.clone(),
                    crime: band.crime.name().to_owned(),
                    gain,
                    cost,
                };
                put(&format!("{name}.gain"), Figure::whole(attack.gain));
                put(&format!("{name}.cost"), Figure::whole(attack.cost));
                put(&format!("{name}.ratio"), attack.ratio());
                let surplus = 2 * attack.gain - attack.cost;
                put(&format!("{name}.surplus"), Figure::whole(surplus));
                attacks.push(attack);
            }
        }
        attacks
    }

    /// What a crime brought, and what it cost. Most bring pay for work that was not done, and cost
    /// bonds. A hoarder could ask more from others by as much as it moved the index, and paid
    /// others for nothing.
    fn gain_and_cost(&self, crime: Crime, count: &Count, stage: &Stage) -> (i128, i128) {
        if crime != Crime::Hoarder {
            return (count.paid_for_lies, count.slashed() - count.won_back);
        }
        let rise = self.index_moves().1.in_milli();
        let gain = (count.paid - count.paid_by_kin) * rise / 1_000;
        let hoards = self.bands.iter().filter(|band| band.crime == crime);
        let spent: i128 = hoards.map(|band| self.spent_by(stage, &band.name)).sum();
        (gain, spent - count.paid_by_kin)
    }

    /// What the jobs of a band's machines have cost.
    fn spent_by(&self, stage: &Stage, name: &str) -> i128 {
        let of_band =
            |peer: &PeerId| band_of(stage, peer).is_some_and(|band| self.bands[band].name == name);
        let spent = self.spent.iter().filter(|(peer, _)| of_band(peer));
        spent.map(|(_, amount)| amount).sum()
    }

    /// How price indexes moved: the largest step of an hour, and how far they rose above where they
    /// began, in shares.
    fn index_moves(&self) -> (Figure, Figure) {
        let (mut step, mut rise) = (Figure::ZERO, Figure::ZERO);
        for class in Class::ALL {
            let prices = self.prices(class);
            for pair in prices.windows(2) {
                step = step.max(Figure::ratio((pair[1] - pair[0]).abs(), pair[0].max(1)));
            }
            let first = prices.first().copied().unwrap_or(0);
            for price in &prices {
                rise = rise.max(Figure::ratio(price - first, first.max(1)));
            }
        }
        (step, rise)
    }

    fn prices(&self, class: Class) -> Vec<i128> {
        let name = format!("index_{}", class.name());
        let hours = self.epochs.iter().map(|epoch| epoch.measures.get(&name));
        hours.flatten().map(|price| price.in_milli()).collect()
    }

    fn by_index(&self, put: &mut impl FnMut(&str, Figure)) {
        let (step, rise) = self.index_moves();
        put("index_step_max", step);
        put("index_rise_max", rise);
        let spread = Class::ALL
            .into_iter()
            .map(|class| deviation(&self.prices(class)));
        put("index_sd", spread.max().unwrap_or_default());
        // Hours after the end of hoarding in which an index was still an eighth above its start.
        let late = Class::ALL.into_iter().map(|class| {
            let prices = self.prices(class);
            let first = prices.first().copied().unwrap_or(0);
            let high = |price: &&i128| **price * 8 > first * 9;
            prices.iter().skip(self.hoarded).filter(high).count()
        });
        put(
            "index_high_after",
            Figure::whole(late.max().unwrap_or(0) as u64),
        );
    }

    fn by_honesty(&self, put: &mut impl FnMut(&str, Figure)) {
        let (mut paid, mut slashed, mut wronged) = (0, 0, 0);
        let (mut lied, mut found) = (0_u64, 0_u64);
        for (band, count) in self.bands.iter().zip(&self.counts) {
            if band.crime == Crime::None {
                paid += count.paid;
                slashed += count.slashed();
                let grave = [Fault::WrongOutcome, Fault::TwoSeals, Fault::WrongJudgement];
                wronged += grave
                    .iter()
                    .filter(|fault| count.slashed.contains_key(fault))
                    .count();
            } else {
                lied += count.lied_peers.len() as u64;
                found += count.lied_peers.intersection(&count.convicted).count() as u64;
            }
        }
        put("honest_wronged", Figure::whole(wronged as u64));
        put("honest_slashed", Figure::whole(slashed));
        put("honest_slash_share", Figure::ratio(slashed, paid));
        put("liars", Figure::whole(lied));
        put("liars_found", Figure::whole(found));
        put("liars_missed", Figure::whole(lied - found));
    }
}

/// The standard deviation of hourly steps, each as a share of the price before it.
fn deviation(prices: &[i128]) -> Figure {
    let step = |pair: &[i128]| (pair[1] - pair[0]) * 1_000_000 / pair[0].max(1);
    let steps: Vec<i128> = prices.windows(2).map(step).collect();
    let n = steps.len().max(1) as i128;
    let mean = steps.iter().sum::<i128>() / n;
    let squares = steps.iter().map(|step| (step - mean) * (step - mean));
    Figure::ratio((squares.sum::<i128>() / n).isqrt(), 1_000_000)
}

pub(super) fn wide(fuel: u128) -> i128 {
    i128::try_from(fuel).unwrap_or(i128::MAX)
}
