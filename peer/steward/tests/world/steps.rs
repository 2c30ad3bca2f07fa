//! Tasks that run in steps, in a world of digests: each has the same number of entries, and those
//! of a liar are others from the middle on.

use std::sync::Arc;

use protocol::ids::{BundleId, Digest};
use protocol::job::Blob;
use protocol::outcome::Outcome;
use protocol::steps::StepEntries;
use steward::{Claimed, Input, Listed, RunToken};

use super::World;
use crate::scene::wrong;

const ENTRIES: usize = 12;

/// The entries of a task that gave this.
fn entries(task: u32, outcome: Outcome) -> StepEntries {
    let lies = outcome == wrong(task);
    let entry = |place: usize| {
        let lie = if lies && place >= ENTRIES / 2 {
            "lie"
        } else {
            ""
        };
        Digest::of(format!("{lie} {task} {place}").as_bytes())
    };
    StepEntries::new((0..ENTRIES).map(entry).collect()).expect("a few entries")
}

fn honest(task: u32) -> StepEntries {
    entries(task, crate::scene::right(task))
}

fn state(task: u32, steps: u32) -> Blob {
    Blob::of(format!("state {task} {steps}").as_bytes())
}

impl World {
    pub(super) fn read_lists(&mut self, n: u8, bundle: BundleId, claimed: &[Claimed]) {
        let list = |claim: &Claimed| Listed::Steps(Arc::new(entries(claim.task, claim.outcome)));
        let lists = self.in_steps.then(|| claimed.iter().map(list).collect());
        self.coming
            .push_back((n, Input::ListsRead { bundle, lists }));
    }

    /// Takes the state of a task after so many steps, which only its executor can.
    pub(super) fn take_state(&mut self, n: u8, token: RunToken, tasks: &[u32], steps: u32) {
        let input = if self.silent_on_states.contains(&n) {
            let why = "it would rather not".to_owned();
            Input::RunFailed { token, why }
        } else {
            let state = state(tasks[0], steps);
            self.disk(n).insert(state.digest);
            Input::StateTaken { token, state }
        };
        self.coming.push_back((n, input));
    }

    /// Runs the step after a state again.
    pub(super) fn replay(
        &mut self,
        n: u8,
        token: RunToken,
        tasks: &[u32],
        from: Option<(Digest, Blob)>,
    ) {
        let (root, given) = from.expect("lists part in the middle");
        assert!(
            self.disk(n).contains(&given.digest),
            "what is run is at home"
        );
        let entries = honest(tasks[0]);
        let at = entries.all().iter().position(|entry| *entry == root);
        let at = at.expect("both agree on what is true");
        assert_eq!(given, state(tasks[0], u32::try_from(at).expect("a few")));
        self.judged.0 += 1;
        let entry = entries.all()[at + 1];
        self.coming.push_back((n, Input::Replayed { token, entry }));
    }
}
