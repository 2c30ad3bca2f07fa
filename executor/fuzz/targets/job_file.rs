//! Whatever is written as a `job.toml`: it is refused in words, or becomes a form that reaches a
//! peer as it was written and a job that every peer reads alike.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use peer::api::types::{BlobForm, CheckerForm, Id, InputForm, JobForm, KernelForm};
use peer::cli::form::{self, Kept};
use peer::cli::job_file;
use protocol::bytes;
use protocol::ids::Digest;
use protocol::job::{JOB_BYTES_MAX, Job};

/// What a file of this name is taken to hold: its name.
fn content(path: &Path) -> BlobForm {
    let name = path.as_os_str().as_encoded_bytes();
    BlobForm {
        digest: Id(Digest::of(name)),
        size: name.len() as u64,
    }
}

fuzz_target!(|given: &[u8]| {
    let work = match job_file::read_bytes(given, Path::new("job")) {
        Ok(work) => work,
        Err(why) => {
            assert!(!why.is_empty());
            return;
        }
    };
    let checker = match work.gpu.as_ref().and_then(KernelForm::checker) {
        Some(CheckerForm::File(path)) => Some(content(path)),
        _ => None,
    };
    let inputs = work.inputs.iter().map(|(name, path)| InputForm {
        path: name.clone(),
        blob: content(path),
    });
    let kept = Kept {
        module: content(&work.module),
        checker,
        stdin: work.stdin.as_deref().map(content),
        inputs: inputs.collect(),
    };
    let form = form::written(work, kept);
    let sent = serde_json::to_vec(&form).expect("a form is JSON");
    let Ok((job, wish)) = form.clone().read() else {
        return;
    };
    let heard: JobForm = serde_json::from_slice(&sent).expect("a peer reads what was sent");
    assert_eq!(heard, form);
    assert_eq!(heard.read(), Ok((job.clone(), wish)));
    let written = bytes::write(&job);
    match bytes::read::<Job>(&written, JOB_BYTES_MAX) {
        Ok(read) => assert_eq!(read, job),
        // What the peer's own door says of it, too.
        Err(_) => assert!(written.len() > JOB_BYTES_MAX),
    }
});
