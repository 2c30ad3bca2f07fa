//! What lies between peers: delay, loss, repetition, and partitions that heal.

use std::collections::BTreeSet;

use protocol::units::Millis;

use crate::chance::Chance;
use crate::scene::Wires;

/// The wires of a federation.
#[derive(Debug)]
pub(crate) struct Links {
    wires: Wires,
    cut: BTreeSet<usize>,
}

impl Links {
    pub(crate) const fn new(wires: Wires) -> Self {
        Self {
            wires,
            cut: BTreeSet::new(),
        }
    }

    /// Cuts these players off from everyone else, or lets them back in.
    pub(crate) fn cut(&mut self, who: &[usize], off: bool) {
        for n in who {
            if off {
                self.cut.insert(*n);
            } else {
                self.cut.remove(n);
            }
        }
    }

    /// Whether the ledger can be reached from here.
    pub(crate) fn is_cut(&self, n: usize) -> bool {
        self.cut.contains(&n)
    }

    /// From now on nothing is lost, repeated or cut.
    pub(crate) fn heal(&mut self) {
        self.cut.clear();
        self.wires.loss_bps = 0;
        self.wires.repeat_bps = 0;
    }

    /// How long one word takes.
    pub(crate) fn delay(&self, chance: &mut Chance) -> Millis {
        let [least, most] = self.wires.delay_ms;
        Millis::new(chance.between(least, most))
    }

    /// When a word arrives, from now on: never, once, or twice.
    pub(crate) fn carry(&self, from: usize, to: usize, chance: &mut Chance) -> Vec<Millis> {
        if self.cut.contains(&from) != self.cut.contains(&to) || chance.says(self.wires.loss_bps) {
            return Vec::new();
        }
        let times = 1 + u32::from(chance.says(self.wires.repeat_bps));
        (0..times).map(|_| self.delay(chance)).collect()
    }
}
