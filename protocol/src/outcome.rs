//! What a task gave: the bytes that all honest machines agree on, their digest, what they cost, and
//! the tree that stands for the outcomes of a whole bundle.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::bytes::{self, Limited, Malformed, at_most};
use crate::ids::Digest;
use crate::job::{OUTPUT_BYTES_MAX, OUTPUT_FILES_MAX, Profile, TASKS_PER_BUNDLE_MAX};
use crate::steps::StepList;
use crate::units::Fuel;

/// A task's output in written form may take so many bytes: its content, and room for names.
pub const TASK_OUTPUT_BYTES_MAX: usize = OUTPUT_BYTES_MAX + (8 << 20);
/// A path in a bundle's tree has at most so many steps: 2^10 tasks.
pub const PATH_STEPS_MAX: usize = 10;

const LEAF: &str = "tallygrid outcome leaf v1";
const NODE: &str = "tallygrid outcome node v1";

/// How a task ended, as far as every honest machine sees it the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub enum Status {
    /// The guest ended by itself with this exit code; 0 is success.
    Exited(i32),
    /// The guest did something impossible.
    Trapped(Trap),
    /// The guest asked for more than a limit.
    OutOf(Limit),
}

impl Status {
    /// Whether the task did what it was meant to do.
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Exited(0))
    }
}

/// Why a guest could not go on. Stack overflow is missing on purpose: how deep a stack is differs
/// between machines, so such a run has no outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub enum Trap {
    /// It executed `unreachable`: an abort or a failed assertion.
    Unreachable,
    /// It read or wrote outside its memory.
    MemoryOutOfBounds,
    /// It used a table outside its bounds, or an empty or ill-typed entry.
    BadTableUse,
    /// It divided by zero, or overflowed a division or conversion.
    BadArithmetic,
    /// Any other trap that all machines share.
    Other,
}

/// Which limit ended a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub enum Limit {
    /// [`crate::job::Limits::fuel`].
    Fuel,
    /// [`crate::job::Limits::memory`].
    Memory,
    /// [`crate::job::Limits::output`] or `output_files`.
    Output,
    /// [`crate::steps::STEPS_MAX`].
    Steps,
}

/// Everything a task left behind, in canonical form. The outcome's digest is the BLAKE3 of this
/// value's bytes, so whoever fetches the output by that digest has checked it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TaskOutput {
    /// The guest's world.
    pub profile: Profile,
    /// How it ended.
    pub status: Status,
    /// What it wrote to standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error.
    pub stderr: Vec<u8>,
    /// Its output folder: path and content, sorted by path.
    pub files: Vec<(String, Vec<u8>)>,
    /// What came of each step; `None` for a task that does not run in steps.
    pub steps: Option<StepList>,
}

impl TaskOutput {
    /// The canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        bytes::write(self)
    }
}

impl Limited for TaskOutput {
    fn within_limits(&self) -> Result<(), Malformed> {
        at_most("output files", self.files.len(), OUTPUT_FILES_MAX as usize)?;
        if !self
            .files
            .iter()
            .all(|(path, _)| crate::job::is_plain_path(path))
        {
            return Err(Malformed::Senseless("an output path leaves its folder"));
        }
        if !self.files.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(Malformed::Senseless(
                "output files are sorted by path, each path once",
            ));
        }
        match &self.steps {
            Some(_) if self.profile.needs_gpu() => {
                Err(Malformed::Senseless("what runs on a GPU has no steps"))
            }
            Some(steps) => steps.within_limits(),
            None => Ok(()),
        }
    }
}

/// What a task gave and cost: one leaf of its bundle's tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Outcome {
    /// Digest of the canonical output ([`TaskOutput`]).
    pub digest: Digest,
    /// Work done; a task that ended by a trap or a limit is billed at its whole fuel limit.
    pub fuel: Fuel,
}

/// A node of a bundle's tree; the root stands for all its outcomes. It sums the fuel below it, so
/// that the bill cannot differ from the outcomes (a Merkle sum tree).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Root {
    /// Hash over both children, fuel included.
    pub digest: Digest,
    /// The fuel of all outcomes below.
    pub fuel: Fuel,
}

/// Shows that an outcome is the one at `place` below a [`Root`].
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct LeafProof {
    /// The task's place in its bundle, from 0.
    pub place: u32,
    /// What the task gave.
    pub outcome: Outcome,
    /// The neighbours on the way up, lowest first; `None` where a level has an odd end.
    pub path: Vec<Option<Root>>,
}

impl Limited for LeafProof {
    fn within_limits(&self) -> Result<(), Malformed> {
        at_most(
            "place",
            self.place as usize,
            TASKS_PER_BUNDLE_MAX as usize - 1,
        )?;
        at_most("path", self.path.len(), PATH_STEPS_MAX)
    }
}

fn leaf(place: u32, outcome: &Outcome) -> Root {
    let fuel = outcome.fuel.get().to_le_bytes();
    let digest = Digest::derive(LEAF, &[&place.to_le_bytes(), outcome.digest.bytes(), &fuel]);
    Root {
        digest,
        fuel: outcome.fuel,
    }
}

fn join(left: Root, right: Root) -> Root {
    let (left_fuel, right_fuel) = (
        left.fuel.get().to_le_bytes(),
        right.fuel.get().to_le_bytes(),
    );
    let parts: [&[u8]; 4] = [
        left.digest.bytes(),
        &left_fuel,
        right.digest.bytes(),
        &right_fuel,
    ];
    Root {
        digest: Digest::derive(NODE, &parts),
        fuel: left.fuel + right.fuel,
    }
}

fn levels(outcomes: &[Outcome]) -> Vec<Vec<Root>> {
    let lowest: Vec<Root> = (0..)
        .zip(outcomes)
        .map(|(place, o)| leaf(place, o))
        .collect();
    let mut levels = vec![lowest];
    while let Some(below) = levels.last().filter(|level| level.len() > 1) {
        let above = below
            .chunks(2)
            .map(|pair| {
                if let [left, right] = pair {
                    join(*left, *right)
                } else {
                    pair[0]
                }
            })
            .collect();
        levels.push(above);
    }
    levels
}

/// The root of a bundle's outcomes in task order; `None` if there are none.
pub fn root(outcomes: &[Outcome]) -> Option<Root> {
    levels(outcomes).last()?.first().copied()
}

/// The proof for the outcome at `place`; `None` if there is none there.
pub fn prove(outcomes: &[Outcome], place: u32) -> Option<LeafProof> {
    let outcome = *outcomes.get(place as usize)?;
    let levels = levels(outcomes);
    let below_root = &levels[..levels.len() - 1];
    let path = below_root
        .iter()
        .enumerate()
        .map(|(height, level)| level.get((place as usize >> height) ^ 1).copied())
        .collect();
    Some(LeafProof {
        place,
        outcome,
        path,
    })
}

impl LeafProof {
    /// The root this proof leads to, in a bundle of `tasks` tasks; `None` if the place or the shape
    /// of the path does not fit such a bundle.
    pub fn root(&self, tasks: u32) -> Option<Root> {
        if self.place >= tasks {
            return None;
        }
        let (mut at, mut width) = (self.place, tasks);
        let mut node = leaf(self.place, &self.outcome);
        for step in &self.path {
            if width <= 1 || step.is_some() != ((at ^ 1) < width) {
                return None;
            }
            node = match step {
                Some(right) if at.is_multiple_of(2) => join(node, *right),
                Some(left) => join(*left, node),
                None => node,
            };
            (at, width) = (at / 2, width.div_ceil(2));
        }
        (width == 1).then_some(node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(n: u32) -> Vec<Outcome> {
        (0..n)
            .map(|i| Outcome {
                digest: Digest::of(&i.to_le_bytes()),
                fuel: Fuel::new(i.into()),
            })
            .collect()
    }

    #[test]
    fn every_leaf_is_proved_and_no_other_leaf_is() {
        for n in 1..=33 {
            let outcomes = outcomes(n);
            let root = root(&outcomes).expect("there are outcomes");
            assert_eq!(root.fuel, Fuel::new(u64::from(n) * u64::from(n - 1) / 2));
            for place in 0..n {
                let proof = prove(&outcomes, place).expect("the place is there");
                assert_eq!(proof.root(n), Some(root));
                let mut lie = proof.clone();
                lie.outcome.fuel += Fuel::new(1);
                assert_ne!(lie.root(n), Some(root));
                let moved = LeafProof {
                    place: (place + 1) % n,
                    ..proof.clone()
                };
                assert!(n == 1 || moved.root(n) != Some(root));
                let mut longer = proof;
                longer.path.push(None);
                assert_eq!(longer.root(n), None);
            }
        }
        assert_eq!(root(&[]), None);
        assert_eq!(prove(&outcomes(3), 3), None);
    }
}
