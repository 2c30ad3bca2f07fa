//! A job's bytes: reading is total, and what is let in keeps every limit.
#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::bytes::{self, Limited};
use protocol::job::{JOB_BYTES_MAX, Job, Terms, is_plain_path};

fuzz_target!(|given: &[u8]| {
    if let Ok(job) = bytes::read::<Job>(given, JOB_BYTES_MAX) {
        assert_eq!(bytes::write(&job), given);
        let inside = |path: &str| is_plain_path(path.strip_prefix('/').unwrap_or(path));
        assert!(job.inputs.iter().all(|input| inside(&input.path)));
        // The last task's number can be asked for without running over.
        job.array.index(job.array.count - 1);
    }
    if let Ok(terms) = bytes::read::<Terms>(given, JOB_BYTES_MAX) {
        assert_eq!(bytes::write(&terms), given);
        terms.task_price_max();
        assert!(terms.within_limits().is_ok());
    }
});
