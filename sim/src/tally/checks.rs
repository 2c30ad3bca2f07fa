//! What checking costs in fuel, from when honest peers have shown their work.

use rules::read;

use super::Tally;
use super::sums::{Rows, wide};
use crate::cast::Crime;
use crate::figure::Figure;
use crate::stage::Stage;

/// With so many verified results in the mean, honest peers have shown their work.
const SHOWN: u64 = 50;

impl Tally {
    /// Takes note of the first hour at whose end honest peers have shown their work.
    pub(super) fn look_for_shown(&mut self, rows: &Rows, stage: &Stage) {
        if self.shown.is_some() {
            return;
        }
        let honest = |group: usize| self.bands[group].crime == Crime::None;
        let (mut peers, mut verified) = (0_u64, 0_u64);
        for node in stage.nodes.values().filter(|node| honest(node.group)) {
            for class in &node.me.classes {
                let trust = read::trust(rows, node.me.peer, *class);
                verified += trust.map_or(0, |trust| trust.reputation.verified);
                peers += 1;
            }
        }
        if peers > 0 && verified >= SHOWN * peers {
            self.shown = Some(self.fuels());
        }
    }

    /// Fuel so far: of work, of checks, and of one run of every accepted task.
    fn fuels(&self) -> [i128; 3] {
        let fuel = |what| wide(self.fuel.get(what).copied().unwrap_or(0));
        [fuel("work"), fuel("checks"), wide(self.useful)]
    }

    /// Work and checks for each task: of all time, and from when peers had shown their work.
    pub(super) fn by_fuel(&self, put: &mut impl FnMut(&str, Figure)) {
        let all = self.fuels();
        for (prefix, since) in [("", Some([0; 3])), ("shown_", self.shown)] {
            let Some(since) = since else { continue };
            let useful = all[2] - since[2];
            for (at, what) in ["work", "checks"].iter().enumerate() {
                let fuel = all[at] - since[at];
                put(
                    &format!("{prefix}{what}_per_task"),
                    Figure::ratio(fuel, useful),
                );
            }
        }
    }
}
