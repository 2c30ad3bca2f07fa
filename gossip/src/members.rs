//! Who the members are now: asked at every door, changed by the swarm's loop alone.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use protocol::ids::PeerId;

/// The members of now; safe to share.
#[derive(Debug, Default)]
pub(crate) struct Members(RwLock<Arc<HashSet<PeerId>>>);

impl Members {
    pub(crate) fn new(members: impl IntoIterator<Item = PeerId>) -> Self {
        Self(RwLock::new(Arc::new(members.into_iter().collect())))
    }

    /// Whether a peer is one of them.
    pub(crate) fn has(&self, peer: &PeerId) -> bool {
        self.all().contains(peer)
    }

    /// All of them, as of now.
    pub(crate) fn all(&self) -> Arc<HashSet<PeerId>> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&all)
    }

    /// From now on these are the members.
    pub(crate) fn set(&self, members: HashSet<PeerId>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(members);
    }
}
