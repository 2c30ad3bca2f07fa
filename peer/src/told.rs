//! What peers told of our own jobs, on this disk, so that a peer that is gone for ever need not
//! repeat it.
//!
//! ```text
//! told/job_ab…     one job each, written behind: │ length │ who │ message │ length │ who │ …
//! ```
//!
//! Nothing here is believed: at the next start the steward hears it as it heard it first, and
//! checks it against the ledger. A record that is cut short or damaged ends its file. It is not
//! synced: after a power cut the peers are asked again.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use protocol::bytes;
use protocol::ids::{JobId, PeerId};
use protocol::message::{MESSAGE_BYTES_MAX, Message};

use crate::home::{HomeError, make_private};

/// So many files are held open; past that, all are closed.
const OPEN_MAX: usize = 64;
/// Of one job so many bytes are kept: its peers are asked again for what is beyond.
pub const JOB_BYTES_MAX: u64 = 1 << 30;
const PEER_BYTES: usize = 32;

/// What was told, in one folder.
#[derive(Debug)]
pub struct Told {
    root: PathBuf,
    open: BTreeMap<JobId, (File, u64)>,
}

impl Told {
    /// The folder, which is made if missing.
    ///
    /// # Errors
    /// [`HomeError`].
    pub fn open(root: &Path) -> Result<Self, HomeError> {
        make_private(root)?;
        Ok(Self {
            root: root.to_owned(),
            open: BTreeMap::new(),
        })
    }

    /// Adds what a peer told of a job.
    ///
    /// # Errors
    /// The disk's; then this is not kept, and what was kept before is as it was.
    pub fn keep(&mut self, job: JobId, from: PeerId, message: &Message) -> io::Result<()> {
        let message = bytes::write(message);
        let mut record = Vec::with_capacity(4 + PEER_BYTES + message.len());
        let len = u32::try_from(message.len()).map_err(io::Error::other)?;
        record.extend(len.to_le_bytes());
        record.extend(from.bytes());
        record.extend(message);
        let (file, size) = self.file(job)?;
        let after = *size + record.len() as u64;
        if after > JOB_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let written = file.write_all(&record);
        if written.is_err() {
            file.set_len(*size)?;
        } else {
            *size = after;
        }
        written
    }

    /// The jobs of which something is kept.
    ///
    /// # Errors
    /// The disk's.
    pub fn jobs(&self) -> io::Result<Vec<JobId>> {
        let mut jobs = Vec::new();
        for entry in fs::read_dir(&self.root)? {
            let name = entry?.file_name();
            jobs.extend(name.to_str().and_then(|name| name.parse::<JobId>().ok()));
        }
        jobs.sort_unstable();
        Ok(jobs)
    }

    /// What was told of a job, in order, handed on piece by piece. A damaged end is cut off.
    ///
    /// # Errors
    /// The disk's.
    pub fn recall(&mut self, job: JobId, mut hear: impl FnMut(PeerId, Message)) -> io::Result<()> {
        self.open.remove(&job);
        let path = self.path(job);
        let mut from = BufReader::new(File::open(&path)?);
        let mut whole = 0;
        while let Some((peer, message, size)) = read(&mut from)? {
            whole += size;
            hear(peer, message);
        }
        let file = OpenOptions::new().write(true).open(&path)?;
        if file.metadata()?.len() != whole {
            tracing::warn!(%job, whole, "what peers told is damaged; they are asked again");
            file.set_len(whole)?;
        }
        Ok(())
    }

    /// Lets go of what was told of a job; nothing happens if there is nothing.
    pub fn forget(&mut self, job: JobId) {
        self.open.remove(&job);
        // What cannot be removed now is found at the next start.
        let _ = fs::remove_file(self.path(job));
    }

    fn path(&self, job: JobId) -> PathBuf {
        self.root.join(job.full())
    }

    fn file(&mut self, job: JobId) -> io::Result<&mut (File, u64)> {
        if !self.open.contains_key(&job) && self.open.len() >= OPEN_MAX {
            self.open.clear();
        }
        let path = self.path(job);
        match self.open.entry(job) {
            std::collections::btree_map::Entry::Occupied(held) => Ok(held.into_mut()),
            std::collections::btree_map::Entry::Vacant(free) => {
                let file = OpenOptions::new().create(true).append(true).open(path)?;
                let size = file.metadata()?.len();
                Ok(free.insert((file, size)))
            }
        }
    }
}

/// The next record and its size; `None` at the end, or where no whole record follows.
fn read(from: &mut impl Read) -> io::Result<Option<(PeerId, Message, u64)>> {
    let (mut len, mut peer) = ([0; 4], [0; PEER_BYTES]);
    if !fill(from, &mut len)? || !fill(from, &mut peer)? {
        return Ok(None);
    }
    let len = u32::from_le_bytes(len) as usize;
    if len > MESSAGE_BYTES_MAX {
        return Ok(None);
    }
    let mut message = vec![0; len];
    if !fill(from, &mut message)? {
        return Ok(None);
    }
    let message = bytes::read::<Message>(&message, MESSAGE_BYTES_MAX).ok();
    let size = (4 + PEER_BYTES + len) as u64;
    Ok(message.map(|message| (PeerId::new(peer), message, size)))
}

/// Fills the whole of `piece`; `false` if the file ends before.
fn fill(from: &mut impl Read, piece: &mut [u8]) -> io::Result<bool> {
    match from.read_exact(piece) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use protocol::ids::BundleId;

    use super::*;

    const JOB: JobId = JobId::new([1; 32]);

    fn said(n: u32) -> (PeerId, Message) {
        let bundle = BundleId { job: JOB, index: n };
        (PeerId::new([2; 32]), Message::AskOutcomes { bundle })
    }

    fn recalled(told: &mut Told) -> Vec<(PeerId, Message)> {
        let mut all = Vec::new();
        told.recall(JOB, |from, message| all.push((from, message)))
            .unwrap();
        all
    }

    #[test]
    fn what_was_told_is_there_again_until_it_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let mut told = Told::open(dir.path()).unwrap();
        for n in 0..3 {
            let (from, message) = said(n);
            told.keep(JOB, from, &message).unwrap();
        }
        let mut told = Told::open(dir.path()).unwrap();
        assert_eq!(told.jobs().unwrap(), [JOB]);
        assert_eq!(recalled(&mut told), [said(0), said(1), said(2)]);
        told.forget(JOB);
        assert_eq!(told.jobs().unwrap(), []);
    }

    #[test]
    fn a_damaged_end_is_cut_off_and_what_follows_is_kept_behind_what_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(JOB.full());
        for damage in [&[7][..], &[0xff; 100], &[0; 36], &[9; 60]] {
            let mut told = Told::open(dir.path()).unwrap();
            told.forget(JOB);
            let (from, message) = said(0);
            told.keep(JOB, from, &message).unwrap();
            let mut file = OpenOptions::new().append(true).open(&path).unwrap();
            file.write_all(damage).unwrap();
            assert_eq!(recalled(&mut told), [said(0)], "{damage:?}");
            let (from, message) = said(1);
            told.keep(JOB, from, &message).unwrap();
            assert_eq!(recalled(&mut told), [said(0), said(1)], "{damage:?}");
        }
    }
}
