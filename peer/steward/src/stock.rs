//! Which content is at home, which is on its way, and which could not be had.

use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::ids::{Digest, PeerId};
use protocol::job::Job;
use protocol::units::{Millis, Moment};

use crate::desk::backoff;
use crate::effect::{Effect, Outbox, Size};

/// So many fetches are under way at once.
pub const FETCHES_MAX: usize = 64;
/// A fetch is tried so often before its content counts as lost.
pub const FETCH_TRIES_MAX: u32 = 4;
/// A failed fetch is tried again after this, then after twice as long.
pub const FETCH_AGAIN_AFTER: Millis = Millis::new(500);
/// So many contents are remembered; then those at home and those lost are forgotten.
pub const STOCK_MAX: usize = 64 * 1_024;
/// So many jobs' written forms are held in memory; then they are read from home again.
pub const JOBS_HELD_MAX: usize = 64;
/// So many peers are named as sources of a fetch.
pub const SOURCES_MAX: usize = 8;

#[derive(Debug)]
enum Item {
    Coming { tries: u32 },
    Again { tries: u32, at: Moment },
    Home(Option<Arc<Job>>),
    Lost(String),
}

/// What can be said of a content now.
#[derive(Debug)]
pub(crate) enum Have<T> {
    Home(T),
    Coming,
    Lost(String),
}

#[derive(Debug, Default)]
pub(crate) struct Stock {
    items: BTreeMap<Digest, Item>,
    coming: usize,
}

impl Stock {
    /// Asks for a job's written form until it is here.
    pub(crate) fn job(
        &mut self,
        digest: Digest,
        from: &[PeerId],
        now: Moment,
        out: &mut Outbox,
    ) -> Have<Arc<Job>> {
        match self.items.get(&digest) {
            Some(Item::Home(Some(job))) => return Have::Home(job.clone()),
            Some(Item::Home(None)) => {
                self.items.remove(&digest);
            }
            _ => {}
        }
        let fetch = || Effect::FetchJob {
            digest,
            from: sources(from),
        };
        match self.content(digest, now, out, fetch) {
            Have::Lost(why) => Have::Lost(why),
            Have::Home(()) | Have::Coming => Have::Coming,
        }
    }

    /// Asks for a blob until it is here.
    pub(crate) fn blob(
        &mut self,
        digest: Digest,
        size: Size,
        from: &[PeerId],
        now: Moment,
        out: &mut Outbox,
    ) -> Have<()> {
        let fetch = || Effect::Fetch {
            digest,
            size,
            from: sources(from),
        };
        self.content(digest, now, out, fetch)
    }

    fn content(
        &mut self,
        digest: Digest,
        now: Moment,
        out: &mut Outbox,
        fetch: impl FnOnce() -> Effect,
    ) -> Have<()> {
        let tries = match self.items.get(&digest) {
            Some(Item::Home(_)) => return Have::Home(()),
            Some(Item::Lost(why)) => return Have::Lost(why.clone()),
            Some(Item::Coming { .. }) => return Have::Coming,
            Some(Item::Again { at, .. }) if *at > now => return Have::Coming,
            Some(Item::Again { tries, .. }) => *tries,
            None => 0,
        };
        if self.coming < FETCHES_MAX {
            if self.items.len() >= STOCK_MAX {
                self.items
                    .retain(|_, item| matches!(item, Item::Coming { .. }));
            }
            self.coming += 1;
            self.items.insert(digest, Item::Coming { tries: tries + 1 });
            out.push(fetch());
        }
        Have::Coming
    }

    /// A content is at home.
    pub(crate) fn arrived(&mut self, digest: Digest, job: Option<Arc<Job>>) {
        let is_job = |item: &Item| matches!(item, Item::Home(Some(_)));
        if job.is_some() && self.items.values().filter(|i| is_job(i)).count() >= JOBS_HELD_MAX {
            self.items.retain(|_, item| !is_job(item));
        }
        if let Some(Item::Coming { .. }) = self.items.insert(digest, Item::Home(job)) {
            self.coming -= 1;
        }
    }

    /// A fetch failed: it is tried again, until it has failed too often.
    pub(crate) fn failed(&mut self, digest: Digest, why: String, now: Moment) {
        let Some(item) = self.items.get_mut(&digest) else {
            return;
        };
        let Item::Coming { tries } = *item else {
            return;
        };
        self.coming -= 1;
        *item = if tries >= FETCH_TRIES_MAX {
            Item::Lost(why)
        } else {
            Item::Again {
                tries,
                at: now.after(backoff(FETCH_AGAIN_AFTER, tries - 1)),
            }
        };
    }

    /// A fetch was not even begun.
    pub(crate) fn busy(&mut self, digest: Digest, now: Moment) {
        let Some(item) = self.items.get_mut(&digest) else {
            return;
        };
        let Item::Coming { tries } = *item else {
            return;
        };
        self.coming -= 1;
        *item = Item::Again {
            tries: tries - 1,
            at: now.after(FETCH_AGAIN_AFTER),
        };
    }

    /// A content that was at home is gone.
    pub(crate) fn lost(&mut self, digest: &Digest) {
        if let Some(Item::Home(_)) = self.items.get(digest) {
            self.items.remove(digest);
        }
    }

    /// What was lost may be had now: somebody new is here, or somebody needs it anew.
    pub(crate) fn hope(&mut self) {
        self.items.retain(|_, item| !matches!(item, Item::Lost(_)));
    }

    pub(crate) fn wake_at(&self) -> Option<Moment> {
        let at = |item: &Item| {
            if let Item::Again { at, .. } = item {
                Some(*at)
            } else {
                None
            }
        };
        if self.coming >= FETCHES_MAX {
            return None;
        }
        self.items.values().filter_map(at).min()
    }

    /// After every room has said what it needs: forgets what nobody asked for when its time came.
    pub(crate) fn sweep(&mut self, now: Moment) {
        if self.coming < FETCHES_MAX {
            let overdue = |item: &Item| matches!(item, Item::Again { at, .. } if *at <= now);
            self.items.retain(|_, item| !overdue(item));
        }
    }
}

fn sources(from: &[PeerId]) -> Vec<PeerId> {
    from.iter().take(SOURCES_MAX).copied().collect()
}
