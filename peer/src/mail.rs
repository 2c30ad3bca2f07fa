//! Messages to other peers: a bounded queue and a sender for each, so that one that is away holds
//! nobody up, and what is said to one arrives in the order it was said.

use std::collections::BTreeMap;

use gossip::Handle;
use protocol::bytes;
use protocol::ids::PeerId;
use protocol::message::{MESSAGE_BYTES_MAX, Message};
use tokio::sync::mpsc;

/// So many messages wait for one peer.
pub const LETTERS_MAX: usize = 512;
/// So many peers are written to at a time.
pub const CORRESPONDENTS_MAX: usize = 4_096;

/// The senders, by peer.
pub struct Mail {
    handle: Handle,
    to: BTreeMap<PeerId, mpsc::Sender<Vec<u8>>>,
}

impl Mail {
    /// Nobody is written to yet.
    pub const fn new(handle: Handle) -> Self {
        Self {
            handle,
            to: BTreeMap::new(),
        }
    }

    /// Sends a message in its turn; `false` if too much waits for that peer or it is too large.
    pub fn post(&mut self, to: PeerId, message: &Message) -> bool {
        let written = bytes::write(message);
        if written.len() > MESSAGE_BYTES_MAX {
            tracing::error!(%to, bytes = written.len(), "a message is too large");
            return false;
        }
        self.sender(to)
            .is_some_and(|sender| sender.try_send(written).is_ok())
    }

    fn sender(&mut self, to: PeerId) -> Option<&mpsc::Sender<Vec<u8>>> {
        if !self.to.contains_key(&to) && self.to.len() >= CORRESPONDENTS_MAX {
            self.to.retain(|_, sender| sender.capacity() < LETTERS_MAX);
            if self.to.len() >= CORRESPONDENTS_MAX {
                return None;
            }
        }
        let handle = &self.handle;
        Some(self.to.entry(to).or_insert_with(|| {
            let (sender, letters) = mpsc::channel(LETTERS_MAX);
            tokio::spawn(deliver(handle.clone(), to, letters));
            sender
        }))
    }
}

async fn deliver(handle: Handle, to: PeerId, mut letters: mpsc::Receiver<Vec<u8>>) {
    while let Some(letter) = letters.recv().await {
        if let Err(error) = handle.send(to, letter).await {
            tracing::debug!(%to, %error, "a message was not delivered");
        }
    }
}
