//! Those who follow a job: each has a bounded channel, and one that does not keep up is let go.

use std::collections::BTreeMap;

use protocol::ids::JobId;
use protocol::units::{Millis, Moment};
use tokio::sync::mpsc;

use crate::api::door::NEWS_MAX;
use crate::api::types::News;

/// So many may follow jobs at a time.
pub const WATCHERS_MAX: usize = 256;
/// A job's changed tally is told at most this often.
pub const TALLY_EVERY: Millis = Millis::new(100);

/// Everyone who follows a job.
#[derive(Default)]
pub struct Watchers {
    of: BTreeMap<JobId, Job>,
}

#[derive(Default)]
struct Job {
    watchers: Vec<mpsc::Sender<News>>,
    told: Option<Moment>,
    changed: bool,
}

impl Watchers {
    /// Lets someone follow a job, beginning with `first`; `None` if too many follow already.
    pub fn add(&mut self, job: JobId, first: News) -> Option<mpsc::Receiver<News>> {
        if self
            .of
            .values()
            .map(|job| job.watchers.len())
            .sum::<usize>()
            >= WATCHERS_MAX
        {
            return None;
        }
        let (tell, news) = mpsc::channel(NEWS_MAX);
        tell.try_send(first).ok()?;
        self.of.entry(job).or_default().watchers.push(tell);
        Some(news)
    }

    /// Whether anybody follows this job.
    pub fn any(&self, job: JobId) -> bool {
        self.of.contains_key(&job)
    }

    /// Tells everyone who follows the job.
    pub fn tell(&mut self, job: JobId, news: &News) {
        let Some(followed) = self.of.get_mut(&job) else {
            return;
        };
        followed
            .watchers
            .retain(|watcher| watcher.try_send(news.clone()).is_ok());
        if followed.watchers.is_empty() {
            self.of.remove(&job);
        }
    }

    /// Tells the last news of a job and lets everyone who follows it go.
    pub fn end(&mut self, job: JobId, news: &News) {
        self.tell(job, news);
        self.of.remove(&job);
    }

    /// Notes that a job is no longer what was told last.
    pub fn changed(&mut self, job: JobId) {
        if let Some(followed) = self.of.get_mut(&job) {
            followed.changed = true;
        }
    }

    /// The jobs whose change is to be told now.
    pub fn due(&mut self, now: Moment) -> Vec<JobId> {
        let is_due =
            |job: &Job| job.changed && job.told.is_none_or(|told| now.since(told) >= TALLY_EVERY);
        let due = self.of.iter_mut().filter(|(_, job)| is_due(job));
        due.map(|(id, job)| {
            job.changed = false;
            job.told = Some(now);
            *id
        })
        .collect()
    }

    /// When [`Watchers::due`] next has something to tell.
    pub fn wake_at(&self) -> Option<Moment> {
        let changed = self.of.values().filter(|job| job.changed);
        changed
            .map(|job| {
                job.told
                    .map_or(Moment::new(0), |told| told.after(TALLY_EVERY))
            })
            .min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(words: &str) -> News {
        News::Note {
            words: words.to_owned(),
        }
    }

    #[test]
    fn who_does_not_keep_up_is_let_go_and_who_hangs_up_is_forgotten() {
        let (mut watchers, job) = (Watchers::default(), JobId::new([1; 32]));
        let slow = watchers.add(job, note("first")).expect("there is room");
        let quick = watchers.add(job, note("first")).expect("there is room");
        drop(quick);
        for _ in 1..NEWS_MAX {
            watchers.tell(job, &note("more"));
        }
        assert!(watchers.any(job));
        watchers.tell(job, &note("one too many"));
        assert!(!watchers.any(job));
        drop(slow);
    }

    #[test]
    fn a_tally_is_told_now_and_then_only() {
        let (mut watchers, job) = (Watchers::default(), JobId::new([1; 32]));
        let _news = watchers.add(job, note("first")).expect("there is room");
        let now = Moment::new(1_000);
        watchers.changed(job);
        assert_eq!(watchers.due(now), [job]);
        assert_eq!(watchers.due(now), []);
        watchers.changed(job);
        assert_eq!(watchers.due(now), []);
        assert_eq!(watchers.wake_at(), Some(now.after(TALLY_EVERY)));
        assert_eq!(watchers.due(now.after(TALLY_EVERY)), [job]);
    }
}
