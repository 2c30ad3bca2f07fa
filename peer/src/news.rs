//! What the steward tells of our jobs, as those who follow them hear it.

use protocol::ids::{BundleId, JobId, PeerId};
use steward::News as Told;

use crate::api::types::News;
use crate::driver::now;
use crate::perform::Driver;

impl Driver {
    /// Passes on one piece of news.
    pub(crate) fn tell(&mut self, told: &Told) {
        let job = job_of(told);
        self.watchers.changed(job);
        match told {
            Told::Output { task, .. } => {
                let now = now();
                self.with_book(|book, from| book.note_outputs(from, job, now));
                if self.watchers.any(job) {
                    self.tell_task(job, *task);
                }
            }
            Told::Submitted(_) | Told::AllSealed(_) | Told::Closed(_) => {}
            Told::Drawn { bundle, peers } => {
                tracing::debug!(target: "peer::jobs", %bundle, ?peers, "drawn");
            }
            Told::Disputed { bundle, peers } => {
                let words = format!("{} returned different results", names(peers));
                let number = self.dispute_number(*bundle);
                self.watchers.tell(
                    job,
                    &News::Disputed {
                        number,
                        bundle: bundle.index,
                        words,
                    },
                );
            }
            Told::PanelCalled { bundle, round, .. } => self.tell_panel(*bundle, *round),
            Told::BundleEnded { bundle, ending } => {
                tracing::debug!(target: "peer::jobs", %bundle, ?ending, "a bundle ended");
                self.tell_bundle(*bundle);
            }
            Told::Ended { paid, refunded, .. } => {
                tracing::info!(target: "peer::jobs", %job, %paid, %refunded, "ended");
                if let Ok(view) = self.with_book(|book, from| book.view(from, job)) {
                    self.watchers.end(
                        job,
                        &News::Ended {
                            job: Box::new(view),
                        },
                    );
                }
            }
            Told::Replaced { .. }
            | Told::RunFailed { .. }
            | Told::Verdict { .. }
            | Told::Slashed { .. } => {
                let words = words(told);
                tracing::info!(target: "peer::jobs", %job, %words);
                self.watchers.tell(job, &News::Note { words });
            }
        }
    }

    fn tell_task(&mut self, job: JobId, task: u32) {
        let views = self.with_book(|book, from| book.tasks(from, job, task, 1));
        for view in views.into_iter().flatten() {
            self.watchers.tell(
                job,
                &News::Task {
                    task: Box::new(view),
                },
            );
        }
    }

    fn tell_bundle(&mut self, bundle: BundleId) {
        if !self.watchers.any(bundle.job) {
            return;
        }
        let Some(job) = self.steward.job(&bundle.job) else {
            return;
        };
        let tasks = job.terms.tasks_of(bundle.index);
        let (first, count) = (tasks.start, tasks.end - tasks.start);
        let views = self.with_book(|book, from| book.tasks(from, bundle.job, first, count));
        for view in views.into_iter().flatten() {
            self.watchers.tell(
                bundle.job,
                &News::Task {
                    task: Box::new(view),
                },
            );
        }
    }

    /// The dispute's number as people count, from 1; 0 while the ledger has not numbered it.
    fn dispute_number(&self, bundle: BundleId) -> u64 {
        let row = rules::read::bundle(&self.ledger.ask(), bundle);
        row.and_then(|row| row.dispute)
            .map_or(0, |number| number + 1)
    }

    fn tell_panel(&mut self, bundle: BundleId, round: u8) {
        let number = self.dispute_number(bundle);
        let row = number.checked_sub(1);
        let dispute = row.and_then(|row| rules::read::dispute(&self.ledger.ask(), row));
        let jurors = dispute.map(|dispute| dispute.jurors).unwrap_or_default();
        let panel = jurors.iter().map(|juror| juror.member.into()).collect();
        self.watchers.tell(
            bundle.job,
            &News::Panel {
                number,
                panel,
                round,
            },
        );
    }
}

const fn job_of(told: &Told) -> JobId {
    match told {
        Told::Submitted(job)
        | Told::AllSealed(job)
        | Told::Closed(job)
        | Told::Output { job, .. }
        | Told::Ended { job, .. } => *job,
        Told::Drawn { bundle, .. }
        | Told::Replaced { bundle, .. }
        | Told::RunFailed { bundle, .. }
        | Told::Disputed { bundle, .. }
        | Told::PanelCalled { bundle, .. }
        | Told::Verdict { bundle, .. }
        | Told::Slashed { bundle, .. }
        | Told::BundleEnded { bundle, .. } => bundle.job,
    }
}

fn words(told: &Told) -> String {
    match told {
        Told::Replaced {
            bundle,
            out,
            next: Some(next),
        } => {
            format!("bundle {}: {next} takes the run of {out}", bundle.index)
        }
        Told::Replaced {
            bundle,
            out,
            next: None,
        } => {
            format!(
                "bundle {}: nobody is left to take the run of {out}",
                bundle.index
            )
        }
        Told::RunFailed { bundle, peer, why } => {
            format!("bundle {}: {peer} cannot run it: {why}", bundle.index)
        }
        Told::Verdict {
            bundle,
            upheld,
            convicted,
        } => format!(
            "bundle {}: the panel found {} right and {} wrong",
            bundle.index,
            names(upheld),
            names(convicted)
        ),
        Told::Slashed {
            peer,
            fault,
            amount,
            ..
        } => {
            format!(
                "{peer} slashed {amount}: {} ({})",
                fault.words(),
                fault.code()
            )
        }
        _ => String::new(),
    }
}

fn names(peers: &[PeerId]) -> String {
    if peers.is_empty() {
        return "nobody".to_owned();
    }
    peers
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(" and ")
}
