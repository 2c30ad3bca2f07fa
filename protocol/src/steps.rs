//! The steps of a step task: one entry after each, by which two runs that part can be judged by
//! running a single step again.
//!
//! ```text
//! entries:   0           1               n               n + 1
//!         after init   after step 1 …  after step n    the end: the whole output, and what it cost
//! ```
//!
//! An entry before the last is a *root*: it stands for everything that the next step depends on.
//! What it is made of is told in `docs/decisions/0014-*.md`; here it is only a digest. A task that
//! ends within `init` has the end as its only entry. Equal lists mean equal outcomes, and so do
//! equal ends.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::bytes::{self, Limited, Malformed, at_most};
use crate::ids::Digest;
use crate::job::Blob;
use crate::outcome::{Outcome, TaskOutput};
use crate::units::{Bytes, Fuel};

/// A task may take so many steps; one that wants more ends as *out of steps*.
pub const STEPS_MAX: usize = 65_536;
/// So many entries a task may have: one after `init`, one after each step, and the end.
pub const ENTRIES_MAX: usize = STEPS_MAX + 2;
/// A written list of entries may take so many bytes: its length, and 32 for each.
pub const ENTRIES_BYTES_MAX: usize = 4 + 32 * ENTRIES_MAX;

/// A written snapshot may take so many bytes; a task with a larger state is begun anew where others
/// are gone on with.
pub const STATE_BYTES_MAX: u64 = 1 << 30;

const END: &str = "tallygrid step end v1";

/// What an outcome says of its steps: how many entries there are, and the root of the tree of them,
/// which is BLAKE3's own over their written form. Whoever knows it can have the list as a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct StepList {
    /// How many entries; at least 1, the end.
    pub count: u32,
    /// Digest of the written list.
    pub root: Digest,
}

impl StepList {
    /// The written list, as a blob.
    pub fn blob(&self) -> Blob {
        Blob {
            digest: self.root,
            size: Bytes::new(4 + 32 * u64::from(self.count)),
        }
    }
}

impl Limited for StepList {
    fn within_limits(&self) -> Result<(), Malformed> {
        at_most("step entries", self.count as usize, ENTRIES_MAX)?;
        match self.count {
            0 => Err(Malformed::Senseless("a step task has an end")),
            _ => Ok(()),
        }
    }
}

/// Every entry of one task, in order; never empty.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StepEntries(Vec<Digest>);

impl Limited for StepEntries {
    fn within_limits(&self) -> Result<(), Malformed> {
        at_most("step entries", self.0.len(), ENTRIES_MAX)?;
        match self.0.is_empty() {
            true => Err(Malformed::Senseless("a step task has an end")),
            false => Ok(()),
        }
    }
}

/// The entry for a task's end: over its output without the list, and its fuel.
pub fn end(output: &TaskOutput, fuel: Fuel) -> Digest {
    assert_eq!(output.steps, None, "the end is what the list is made of");
    Digest::derive(END, &[&output.to_bytes(), &fuel.get().to_le_bytes()])
}

/// The place at which two runs of one task part, and what they agree on before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parting {
    /// The first place whose entries differ.
    pub place: u32,
    /// The root that both have before it; `None` if they part at their first entry, before which
    /// there is only the job.
    pub agreed: Option<Digest>,
    entries: (Option<Digest>, Option<Digest>),
}

/// Which of two runs gave the entry that a third run of the same step gave. It clears nobody: who
/// was right here may be wrong later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// The first; the second is wrong.
    First,
    /// The second; the first is wrong.
    Second,
    /// Neither; both are wrong.
    Neither,
}

impl Parting {
    /// Judges both by the entry that re-running the step from [`Parting::agreed`] gave.
    pub fn judge(&self, found: Digest) -> Right {
        match self.entries {
            (Some(first), _) if first == found => Right::First,
            (_, Some(second)) if second == found => Right::Second,
            _ => Right::Neither,
        }
    }
}

impl StepEntries {
    /// These entries; `None` if there are none, or more than [`ENTRIES_MAX`].
    pub fn new(entries: Vec<Digest>) -> Option<Self> {
        let entries = Self(entries);
        entries.within_limits().is_ok().then_some(entries)
    }

    /// The entries, in order.
    pub fn all(&self) -> &[Digest] {
        &self.0
    }

    /// What an outcome says of them.
    pub fn list(&self) -> StepList {
        StepList {
            count: u32::try_from(self.0.len()).unwrap_or(u32::MAX),
            root: Digest::of(&bytes::write(self)),
        }
    }

    /// Whether these are the entries of an outcome with this output. Where a list says something
    /// else than the output beside it, no step was run to that: whoever claims both lies.
    pub fn are_of(&self, outcome: Outcome, output: &TaskOutput) -> bool {
        let without = TaskOutput {
            steps: None,
            ..output.clone()
        };
        output.steps == Some(self.list()) && self.0.last() == Some(&end(&without, outcome.fuel))
    }

    /// Where this run and another of the same task part; `None` if they do not.
    pub fn part(&self, other: &Self) -> Option<Parting> {
        let longest = self.0.len().max(other.0.len());
        let entries = |place| (self.0.get(place).copied(), other.0.get(place).copied());
        let place = (0..longest).find(|place| entries(*place).0 != entries(*place).1)?;
        Some(Parting {
            place: u32::try_from(place).ok()?,
            agreed: place.checked_sub(1).map(|before| self.0[before]),
            entries: entries(place),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Profile;
    use crate::outcome::Status;

    fn entries(words: &str) -> StepEntries {
        let words = words.bytes().map(|word| Digest::of(&[word])).collect();
        StepEntries::new(words).expect("a few words")
    }

    #[test]
    fn a_list_names_its_entries_in_their_order_and_number() {
        let all = ["a", "b", "ab", "ba", "abc", "aab", "abcd", "abcde", "aaaaa"];
        for one in all {
            for other in all {
                let same = entries(one).list() == entries(other).list();
                assert_eq!(same, one == other, "{one} and {other}");
            }
        }
        let list = entries("abc").list();
        let written = bytes::write(&entries("abc"));
        assert_eq!(list.blob().digest, Digest::of(&written));
        assert_eq!(list.blob().size, Bytes::new(written.len() as u64));
    }

    #[test]
    fn the_first_entry_that_differs_is_judged_by_a_third_run() {
        let digest = |word: &str| Digest::of(word.as_bytes());
        for (first, second, place, found, right) in [
            ("abcde", "abxyz", 2, "c", Right::First),
            ("abcde", "abxyz", 2, "x", Right::Second),
            ("abcde", "abxyz", 2, "q", Right::Neither),
            ("abc", "abcd", 3, "d", Right::Second),
            ("abc", "abcd", 3, "c", Right::Neither),
            ("abd", "abcd", 2, "d", Right::First),
            ("x", "abcd", 0, "a", Right::Second),
        ] {
            let parting = entries(first).part(&entries(second)).expect("they part");
            assert_eq!(parting.place, place, "{first} and {second}");
            let before = place.checked_sub(1).map(|at| &first[at as usize..][..1]);
            assert_eq!(parting.agreed, before.map(digest));
            assert_eq!(parting.judge(digest(found)), right, "{first} and {second}");
        }
        assert_eq!(entries("abc").part(&entries("abc")), None);
    }

    #[test]
    fn a_list_beside_another_output_is_a_lie() {
        let mut output = TaskOutput {
            profile: Profile::WASM_3,
            status: Status::Exited(0),
            stdout: b"7".to_vec(),
            stderr: Vec::new(),
            files: Vec::new(),
            steps: None,
        };
        let fuel = Fuel::new(9);
        let mut all = entries("ab").all().to_vec();
        all.push(end(&output, fuel));
        let entries = StepEntries::new(all).expect("three entries");
        output.steps = Some(entries.list());
        let digest = Digest::of(&output.to_bytes());
        let outcome = |fuel| Outcome { digest, fuel };
        assert!(entries.are_of(outcome(fuel), &output));
        assert!(!entries.are_of(outcome(Fuel::new(8)), &output));
        let other = TaskOutput {
            stdout: b"8".to_vec(),
            ..output.clone()
        };
        assert!(!entries.are_of(outcome(fuel), &other));
        let listless = TaskOutput {
            steps: None,
            ..output.clone()
        };
        assert!(!entries.are_of(outcome(fuel), &listless));
    }

    #[test]
    fn no_list_is_empty_or_without_end() {
        assert_eq!(StepEntries::new(Vec::new()), None);
        let most = vec![Digest::of(b""); ENTRIES_MAX];
        let written = crate::bytes::write(&most);
        assert_eq!(written.len(), ENTRIES_BYTES_MAX);
        let read = crate::bytes::read::<StepEntries>(&written, ENTRIES_BYTES_MAX);
        assert_eq!(read.map(|read| read.list().count), Ok(65_538));
        let more = crate::bytes::write(&vec![Digest::of(b""); ENTRIES_MAX + 1]);
        assert!(crate::bytes::read::<StepEntries>(&more, usize::MAX).is_err());
        let root = Digest::of(b"");
        for (count, fits) in [(0, false), (1, true), (65_538, true), (65_539, false)] {
            let list = StepList { count, root };
            assert_eq!(list.within_limits().is_ok(), fits, "{count}");
        }
    }
}
