//! Signing seals, once what they promise is safe on the disk.
//!
//! A seal says "I have these outputs, and they stay". The disk is told to keep them first, off the
//! loop and for all seals that wait at that moment together.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use protocol::entry::Seal;
use steward::Input;
use tokio::sync::mpsc;

use crate::blobs::Blobs;
use crate::keys::Keys;

/// So many seals wait for the disk; what comes then is signed at once.
pub const SEALS_MAX: usize = 1_024;

/// What nobody waits for is settled this often at most.
const REST: Duration = Duration::from_millis(500);

/// Where seals are signed.
pub struct Sealing {
    wanted: SyncSender<Option<Seal>>,
    keys: Arc<Keys>,
}

impl Sealing {
    /// Begins to sign. Each signature is told through `signed`.
    pub fn start(keys: Arc<Keys>, blobs: Arc<Blobs>, signed: mpsc::Sender<Input>) -> Self {
        let (wanted, asked) = sync_channel(SEALS_MAX);
        let signer = Arc::clone(&keys);
        std::thread::spawn(move || work(&asked, &signer, &blobs, &signed));
        Self { wanted, keys }
    }

    /// Has a seal signed once all that is kept now is safe; returns it signed where too many wait.
    pub fn seal(&self, seal: Seal) -> Option<Input> {
        let refused = self.wanted.try_send(Some(seal)).err()?;
        let (TrySendError::Full(seal) | TrySendError::Disconnected(seal)) = refused;
        seal.map(|seal| sign(&self.keys, seal))
    }

    /// Has all that is kept now made safe soon.
    pub fn settle(&self) {
        // Where much waits, it is settled with that.
        let _ = self.wanted.try_send(None);
    }
}

fn work(asked: &Receiver<Option<Seal>>, keys: &Keys, blobs: &Blobs, signed: &mpsc::Sender<Input>) {
    while let Ok(first) = asked.recv() {
        let mut seals: Vec<Seal> = first.into_iter().collect();
        let end = Instant::now() + REST;
        while seals.is_empty() {
            match asked.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(wanted) => seals.extend(wanted),
                Err(_) => break,
            }
        }
        seals.extend(asked.try_iter().flatten());
        if let Err(error) = blobs.settle() {
            tracing::error!(%error, "outputs may be lost in a power cut");
        }
        for seal in seals {
            if signed.blocking_send(sign(keys, seal)).is_err() {
                return;
            }
        }
    }
}

fn sign(keys: &Keys, seal: Seal) -> Input {
    let bundle = seal.bundle;
    let signature = keys.sign_seal(seal).signature();
    Input::SealSigned { bundle, signature }
}
