//! What happened in a play: its lines, its measures by epoch and at its end, its state roots.

use std::collections::BTreeMap;

use protocol::ids::Digest;
use protocol::units::Moment;

use crate::figure::Figure;

/// A line of a story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When, in milliseconds after the beginning.
    pub at_ms: u64,
    /// What.
    pub what: String,
}

/// One agreed hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Its number.
    pub number: u64,
    /// The digest of all rows at its end.
    pub root: Digest,
    /// Its measures: of this hour alone or at its end, as their names say.
    pub measures: BTreeMap<String, Figure>,
}

/// What crime brought a group, and what it cost it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attack {
    /// The group.
    pub group: String,
    /// What it does.
    pub crime: String,
    /// Micro-credits that only the crime brought.
    pub gain: i128,
    /// Micro-credits that only the crime cost.
    pub cost: i128,
}

impl Attack {
    /// Cost for each credit of gain.
    pub fn ratio(&self) -> Figure {
        Figure::ratio(self.cost, self.gain)
    }
}

/// A play, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// Its scene.
    pub scene: String,
    /// Its seed.
    pub seed: u64,
    /// The digest of all rows at its end.
    pub root: Digest,
    /// How long it lasted, in milliseconds of agreed time.
    pub lasted_ms: u64,
    /// How many blocks there were, and entries in them.
    pub blocks: u64,
    /// See `blocks`.
    pub entries: u64,
    /// Everything that was measured, by name.
    pub measures: BTreeMap<String, Figure>,
    /// Hour by hour.
    pub epochs: Vec<Epoch>,
    /// What each crime brought and cost.
    pub attacks: Vec<Attack>,
    /// Where the second set of books and the rules' rows part, and what else must never be.
    pub alarms: Vec<String>,
    /// What happened, line by line; empty unless it was asked for.
    pub lines: Vec<Line>,
}

impl Story {
    /// Lays a second play of the same scene and seed beside this one; an alarm says where they
    /// part.
    pub(crate) fn must_be(&mut self, again: &Self) {
        if self == again {
            return;
        }
        let mut epochs = self.epochs.iter().zip(&again.epochs);
        let parted = epochs.find(|(one, other)| one != other);
        let from = parted.map_or_else(
            || "at the end".to_owned(),
            |(one, _)| format!("in hour {}", one.number),
        );
        let (seed, root, other) = (self.seed, self.root.full(), again.root.full());
        self.alarms.push(format!(
            "seed {seed} played twice is two stories, which part {from} and end in the roots \
             {root} and {other}"
        ));
    }
}

/// Writes lines, where anyone wants them.
#[derive(Debug)]
pub(crate) struct Pen {
    begins: Moment,
    lines: Option<Vec<Line>>,
}

impl Pen {
    pub(crate) fn new(begins: Moment, wanted: bool) -> Self {
        let lines = wanted.then(Vec::new);
        Self { begins, lines }
    }

    /// Writes a line.
    pub(crate) fn write(&mut self, now: Moment, what: impl FnOnce() -> String) {
        let at_ms = now.since(self.begins).get();
        if let Some(lines) = &mut self.lines {
            let what = what();
            lines.push(Line { at_ms, what });
        }
    }

    pub(crate) fn lines(self) -> Vec<Line> {
        self.lines.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn story(root: &[u8], hours: &[u64]) -> Story {
        let epoch = |ended: &u64| Epoch {
            number: 7,
            root: Digest::of(b"an hour"),
            measures: BTreeMap::from([("jobs_ended".to_owned(), Figure::whole(*ended))]),
        };
        Story {
            scene: "one".to_owned(),
            seed: 51,
            root: Digest::of(root),
            lasted_ms: 1,
            blocks: 1,
            entries: 1,
            measures: BTreeMap::new(),
            epochs: hours.iter().map(epoch).collect(),
            attacks: Vec::new(),
            alarms: Vec::new(),
            lines: Vec::new(),
        }
    }

    #[test]
    fn a_second_play_that_parts_from_the_first_is_an_alarm() {
        for (root, hours, says) in [
            (b"a", [1, 2], None),
            (b"b", [1, 2], Some("at the end")),
            (b"a", [1, 3], Some("in hour 7")),
        ] {
            let mut first = story(b"a", &[1, 2]);
            first.must_be(&story(root, &hours));
            let told = first.alarms.first();
            assert_eq!(told.is_some(), says.is_some(), "{told:?}");
            assert!(told.is_none_or(|told| told.contains(says.unwrap_or_default())));
        }
    }
}
