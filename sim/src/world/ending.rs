//! How a play is healed, measured hour by hour, and ended.

use std::collections::BTreeMap;

use protocol::units::Millis;
use steward::Input;

use super::{BEGINS, EPOCH, World};
use crate::chain::Chain;
use crate::story::{Epoch, Story};

impl World<'_> {
    /// Starts a process again: it hears every block that was agreed, then acts.
    pub(super) fn start(&mut self, n: usize) {
        let now = self.now;
        let upto = self.blocks.len();
        let Some(node) = self.stage.nodes.get_mut(&n).filter(|node| !node.up) else {
            return;
        };
        node.up = true;
        for block in &self.blocks[..upto] {
            let input = Input::Agreed {
                height: block.height,
                time: block.now,
                events: block.events.clone(),
            };
            node.steward.handle(now, input);
        }
        node.told = upto;
        for (from, message) in node.heard.clone() {
            node.steward.handle(now, Input::Told { from, message });
        }
        self.tell_later(Millis::ZERO, n, Input::CaughtUp);
        self.greet(&[n]);
    }

    /// These machines and all others can reach each other again.
    pub(super) fn greet(&mut self, who: &[usize]) {
        let all: Vec<usize> = self.stage.nodes.keys().copied().collect();
        let upto = self.blocks.len();
        for n in who {
            self.at(self.now, super::Happening::Blocks { to: *n, upto });
            for other in all.iter().filter(|other| *other != n) {
                let (here, there) = (self.stage.keys[*n].peer, self.stage.keys[*other].peer);
                self.tell_later(Millis::new(1), *n, Input::PeerUp(there));
                self.tell_later(Millis::new(1), *other, Input::PeerUp(here));
            }
        }
    }

    /// No more work, no more faults: what is open must now end.
    pub(super) fn heal(&mut self) {
        self.healed = true;
        self.links.heal();
        let mut back = Vec::new();
        for (index, who) in std::mem::take(&mut self.struck) {
            let mishap = &self.scene.faults[index];
            if mishap.for_s.is_some() {
                back.push((mishap.kind, who));
            }
        }
        for (kind, who) in back {
            self.undo(kind, &who);
        }
        self.pen.write(self.now, || {
            "no more work comes, and all faults are healed".to_owned()
        });
    }

    /// An hour is over: it is measured, and the second books are compared with the rules' rows.
    pub(super) fn turn_epoch(&mut self) {
        self.compare();
        if let Some((genesis, hour)) = self.snapshots.take() {
            self.joins(hour);
            self.snapshots = Some((genesis, self.ledger.chain.clone()));
        }
        let measures = self.tally.hour(&self.ledger.chain.rows, &self.stage);
        self.tally.epochs.push(Epoch {
            number: self.now.since(BEGINS).get() / EPOCH.get() - 1,
            root: self.ledger.chain.root(),
            measures,
        });
    }

    fn compare(&mut self) {
        let rows = self.ledger.chain.rows.iter();
        let rows = rows.map(|(key, row)| (&key[..], &row[..]));
        if let Err(unbalanced) = rules::books::recount(rows) {
            self.tally
                .alarm(format!("the rules' own recount fails: {unbalanced}"));
        }
        for difference in self.auditor.compare(&self.ledger.chain.rows) {
            let at = self.now.since(BEGINS).get() / 1_000;
            self.tally.alarm(format!("after {at} s: {difference}"));
        }
    }

    /// Somebody who was away since then hears every block and must come to the same root.
    fn joins(&mut self, mut since: Chain) {
        let from = since.height;
        since.catch_up(self.blocks.iter().map(|block| &**block));
        if since.root() != self.ledger.chain.root() {
            self.tally
                .alarm(format!("who joins at {from} comes to another root"));
        }
    }

    /// Takes stock.
    pub(super) fn end(mut self) -> Story {
        self.compare();
        if let Some((genesis, hour)) = self.snapshots.take() {
            self.joins(genesis);
            self.joins(hour);
        }
        if self.tally.jobs_open() > 0 {
            let open = self.tally.jobs_open();
            self.tally.alarm(format!(
                "{open} jobs have not ended long after everything was healed"
            ));
        }
        let entries = self.blocks.iter().map(|block| block.entries.len() as u64);
        let (measures, attacks) = {
            let grant = i128::from(self.scene.federation.grant) * 1_000_000;
            let books = (&self.auditor, grant);
            self.tally.total(self.ledger.grave_wait, books, &self.stage)
        };
        let measures: BTreeMap<_, _> = measures;
        Story {
            scene: self.scene.name.clone(),
            seed: self.seed,
            root: self.ledger.chain.root(),
            lasted_ms: self.now.since(BEGINS).get(),
            blocks: self.blocks.len() as u64,
            entries: entries.sum(),
            measures,
            attacks,
            epochs: std::mem::take(&mut self.tally.epochs),
            alarms: std::mem::take(&mut self.tally.alarms),
            lines: self.pen.lines(),
        }
    }
}
