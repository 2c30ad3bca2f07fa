//! Following a job to its end: news from the peer, a line or a bar on stderr, and what a finished
//! job means for the exit code.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use protocol::ids::JobId;
use protocol::units::Millis;
use tokio::time::{sleep, sleep_until};

use super::asking::Desk;
use crate::api::problem::{Code, Problem};
use crate::api::types::{JobState, JobView, News};

/// Without a terminal, progress is one line in so long.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// A peer that does not answer while we follow is asked again after this.
const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// And given up after so long.
const AGAIN_FOR: Duration = Duration::from_secs(20);

/// Waits until nothing about the job will change any more.
///
/// # Errors
/// [`Code::Interrupted`] on Ctrl-C and [`Code::TimedOut`] when patience ends: the job goes on.
/// [`Code::Unreachable`] if the peer stops for longer than we ask again.
pub async fn to_the_end(
    desk: &Desk,
    job: &JobId,
    patience: Option<Millis>,
) -> Result<JobView, Problem> {
    let mut screen = Screen::new(desk);
    let followed = tokio::select! {
        followed = follow(desk, job, &mut screen) => followed,
        _ = tokio::signal::ctrl_c() => Err(detached(job, Code::Interrupted, "you stopped waiting")),
        () = over(patience) => Err(detached(job, Code::TimedOut, "the time to wait is over")),
    };
    screen.end();
    followed
}

async fn over(patience: Option<Millis>) {
    match patience {
        Some(span) => sleep(Duration::from_millis(span.get())).await,
        None => std::future::pending().await,
    }
}

fn detached(job: &JobId, code: Code, why: &str) -> Problem {
    Problem::new(code, format!("{why}; {} goes on", job.full())).try_this(format!(
        "`peer job wait {0}`, then `peer job get {0}`",
        job.full()
    ))
}

async fn follow(desk: &Desk, job: &JobId, screen: &mut Screen<'_>) -> Result<JobView, Problem> {
    let mut silent_since: Option<tokio::time::Instant> = None;
    loop {
        match listen(desk, job, screen, &mut silent_since).await {
            Ok(Some(ended)) => return Ok(ended),
            // The peer let go of a slow listener: ask again.
            Ok(None) => {}
            Err(problem) if matches!(problem.code, Code::Unreachable | Code::Busy) => {
                let since = *silent_since.get_or_insert_with(tokio::time::Instant::now);
                if since.elapsed() > AGAIN_FOR {
                    let full = job.full();
                    return Err(problem.try_this(format!("`peer job wait {full}` when it is back")));
                }
            }
            Err(problem) => return Err(problem),
        }
        sleep_until(tokio::time::Instant::now() + AGAIN_AFTER).await;
    }
}

async fn listen(
    desk: &Desk,
    job: &JobId,
    screen: &mut Screen<'_>,
    silent_since: &mut Option<tokio::time::Instant>,
) -> Result<Option<JobView>, Problem> {
    let mut news = desk.client.watch(job).await?;
    while let Some(news) = news.next().await? {
        *silent_since = None;
        match news {
            News::Ended { job } => return Ok(Some(*job)),
            News::Job { job } if job.state.is_final() => return Ok(Some(*job)),
            News::Job { job } => screen.job(&job),
            News::Task { .. } => {}
            News::Disputed { number, words, .. } => {
                screen.line(&format!("! {words} (peer dispute show {number})"));
            }
            News::Panel {
                number,
                panel,
                round,
            } => {
                let round = if round > 1 { ", all members" } else { "" };
                let judges = panel.len();
                screen.line(&format!(
                    "  dispute {number}: {judges} members run it{round}"
                ));
            }
            News::Note { words } => screen.line(&format!("  {words}")),
        }
    }
    Ok(None)
}

/// What a finished job means.
///
/// # Errors
/// The [`Problem`] whose code the command ends with: refused, not judged, or with failed tasks.
pub fn verdict(job: &JobView) -> Result<(), Problem> {
    let id = job.id.full();
    let wrong = job.tally.failed + job.tally.lost;
    match job.state {
        JobState::Refused => {
            let why = job.why.as_deref().unwrap_or("the ledger gave no reason");
            Err(
                Problem::new(Code::Failed, format!("{} was refused", job.id))
                    .because(why)
                    .try_this(format!("`peer job explain {id}`")),
            )
        }
        JobState::Cancelled => {
            let title = format!("{} was cancelled, and its escrow came back", job.id);
            Err(Problem::new(Code::Failed, title).try_this(format!("`peer job explain {id}`")))
        }
        JobState::Ended if job.unjudged > 0 => {
            let title = format!("{} ended, but not all of it could be judged", job.id);
            Err(Problem::new(Code::Disputed, title)
                .because(format!(
                    "{} of {} bundles have no verdict",
                    job.unjudged, job.bundles
                ))
                .try_this("`peer dispute ls`"))
        }
        JobState::Ended if wrong > 0 => {
            let title = format!("{wrong} of {} tasks of {} failed", job.tasks, job.id);
            Err(Problem::new(Code::TasksFailed, title).try_this(format!(
                "`peer job show --tasks {id}`, `peer job logs --stderr {id}`"
            )))
        }
        JobState::Ended => Ok(()),
        JobState::Proposed | JobState::Locked | JobState::Running | JobState::Judging => {
            Err(super::submit::too_early(job))
        }
    }
}

struct Screen<'a> {
    desk: &'a Desk,
    bar: Option<ProgressBar>,
    last_line: Instant,
}

impl<'a> Screen<'a> {
    fn new(desk: &'a Desk) -> Self {
        let bar = desk.progress.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self {
            desk,
            bar,
            last_line: Instant::now(),
        }
    }

    fn job(&mut self, job: &JobView) {
        let tally = &job.tally;
        let judged = tally.done + tally.failed + tally.lost;
        let here = judged + tally.provisional;
        let state = match job.state {
            JobState::Proposed => "proposed",
            JobState::Locked => "waits for peers",
            JobState::Running => "running",
            JobState::Judging => "judging",
            JobState::Ended | JobState::Cancelled | JobState::Refused => "ended",
        };
        let words = format!(
            "{state}  {here}/{} results  {judged} judged  {} failed  {} paid",
            job.tasks,
            tally.failed + tally.lost,
            job.paid
        );
        if let Some(bar) = &self.bar {
            if bar.length() != Some(job.tasks.into()) {
                bar.set_length(job.tasks.into());
                let shape = match self.desk.look.ascii {
                    true => ("  [{bar:28}] {msg}  {elapsed}", "#>-"),
                    false => ("  {bar:28} {msg}  {elapsed}", "━╸─"),
                };
                let style = ProgressStyle::with_template(shape.0)
                    .expect("the template names fields that indicatif has");
                bar.set_style(style.progress_chars(shape.1));
            }
            bar.set_position(here.into());
            bar.set_message(words);
        } else if self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            self.desk.say(&format!("  {words}"));
        }
    }

    fn line(&self, words: &str) {
        let words = crate::show::plain(words);
        match &self.bar {
            Some(bar) => bar.println(words),
            None => self.desk.say(&words),
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
