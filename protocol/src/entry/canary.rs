//! Canaries: tasks whose outcome the submitter knows, because it ran them at home. It commits to
//! them with the job's terms, when nobody can tell which they are, and opens them once every peer
//! has opened.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::bytes;
use crate::ids::Digest;
use crate::outcome::Outcome;
use crate::units::Bps;

/// A job has so many canaries at most, whatever its share of them.
pub const CANARIES_MAX: u32 = 1_024;

/// A task of a job, and what it gave at the submitter's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Canary {
    /// The task's number in the job.
    pub task: u32,
    /// What it gave there.
    pub outcome: Outcome,
}

/// What a submitter commits to ([`crate::job::Care::canaries`]): bound to the job's content, and
/// told apart from no other list by whoever lacks the salt.
pub fn canaries_digest(job: &Digest, salt: &Digest, canaries: &[Canary]) -> Digest {
    let written: Vec<u8> = canaries.iter().flat_map(bytes::write).collect();
    let parts: [&[u8]; 3] = [job.bytes(), salt.bytes(), &written];
    Digest::derive("tallygrid canaries v1", &parts)
}

/// How many canaries a job of so many tasks may have at this share: rounded up, so that the
/// smallest job may have one, and never more than [`CANARIES_MAX`]. None where the share is zero.
pub fn canaries_most(tasks: u32, share: Bps) -> u32 {
    let share = u64::from(tasks).saturating_mul(share.get().into());
    let share = u32::try_from(share.div_ceil(10_000)).unwrap_or(u32::MAX);
    share.min(CANARIES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Fuel;

    fn canary(task: u32, letter: u8) -> Canary {
        let outcome = Outcome {
            digest: Digest::of(&[letter]),
            fuel: Fuel::new(1),
        };
        Canary { task, outcome }
    }

    #[test]
    fn the_smallest_job_may_have_one_and_the_largest_no_more_than_fit_an_entry() {
        for (tasks, share, expected) in [
            (1, 100, 1),
            (100, 100, 1),
            (101, 100, 2),
            (100, 0, 0),
            (1_000_000, 1_000, 1_024),
        ] {
            assert_eq!(
                canaries_most(tasks, Bps::new(share)),
                expected,
                "{tasks} {share}"
            );
        }
    }

    #[test]
    fn a_commitment_is_to_the_job_the_salt_and_every_canary() {
        let (job, salt) = (Digest::of(b"job"), Digest::of(b"salt"));
        let list = [canary(1, b'7'), canary(2, b'7')];
        let one = canaries_digest(&job, &salt, &list);
        let others = [
            canaries_digest(&salt, &salt, &list),
            canaries_digest(&job, &job, &list),
            canaries_digest(&job, &salt, &list[..1]),
            canaries_digest(&job, &salt, &[canary(1, b'7'), canary(3, b'7')]),
            canaries_digest(&job, &salt, &[canary(1, b'7'), canary(2, b'9')]),
        ];
        assert!(!others.contains(&one));
    }
}
