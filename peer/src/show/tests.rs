//! What people, `cut` and programs see.

use anstream::adapter::strip_str;
use protocol::outcome::{Limit, Status, Trap};

use super::{Face, Format, Look, samples};
use crate::api::types::{CanariesView, JobState, List};

fn shown<T: Face>(answer: &T, format: Format, terminal: bool) -> String {
    let look = Look {
        format,
        terminal,
        ascii: false,
    };
    strip_str(&look.write(answer)).to_string()
}

#[test]
fn jobs_as_a_table() {
    let mut failed = samples::job(2);
    failed.tally.done = 9;
    failed.tally.failed = 1;
    failed.name = "evil\x1b[2J\tname".to_owned();
    let table = shown(
        &List::from(vec![samples::job(1), failed]),
        Format::Auto,
        true,
    );
    let when = "2026-11-18T11:06:40.000Z";
    let expected = format!(
        "\
JOB                   NAME           STATE           TASKS  DONE  FAILED  PAID     SUBMITTED
job_aeaqcaibaeaqcaib  sample         ✓ done          10     10    0       0.41 cr  {when}
job_aibaeaqcaibaeaqc  evil [2J name  ✗ failed tasks  10     9     1       0.41 cr  {when}
"
    );
    assert_eq!(table, expected);
}

#[test]
fn a_job_says_what_its_canaries_showed() {
    let seen = |opened, differ: &[u64]| {
        let differ = differ.to_vec();
        Some(CanariesView { opened, differ })
    };
    let stories = [
        (JobState::Ended, None, "-"),
        (JobState::Running, seen(0, &[]), "planted"),
        (JobState::Ended, seen(0, &[]), "planted, never opened"),
        (JobState::Ended, seen(3, &[]), "3 opened, none differs"),
        (
            JobState::Judging,
            seen(3, &[4, 7]),
            "3 opened, other results at 4, 7",
        ),
    ];
    for (state, canaries, words) in stories {
        let mut job = samples::job(1);
        (job.state, job.canaries) = (state, canaries);
        let shown = shown(&job, Format::Auto, true);
        let line = shown.lines().find(|line| line.contains("canaries"));
        assert!(line.is_some_and(|line| line.ends_with(words)), "{shown}");
    }
}

#[test]
fn tasks_for_cut_have_no_heading_no_marks_and_whole_ids() {
    let ends = [
        Status::Exited(0),
        Status::Exited(3),
        Status::Trapped(Trap::BadArithmetic),
        Status::OutOf(Limit::Fuel),
    ];
    let tasks = (0..)
        .zip(ends)
        .map(|(index, end)| samples::task(index, end));
    let text = shown(&List::from(tasks.collect::<Vec<_>>()), Format::Auto, false);
    let cut: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split('\t').collect())
        .collect();
    let states: Vec<&str> = cut.iter().map(|row| row[2]).collect();
    let trapped = "trapped: division by zero or overflow";
    assert_eq!(states, ["done", "exit code 3", trapped, "out of fuel"]);
    assert!(
        cut.iter()
            .all(|row| row.len() == 6 && row[5].len() == 2 * 57 + 1),
        "{text}"
    );
}

#[test]
fn json_says_its_kind_and_one_line_is_one_item() {
    let jobs = List::from(vec![samples::job(1), samples::job(2)]);
    let json: serde_json::Value = serde_json::from_str(&shown(&jobs, Format::Json, true)).unwrap();
    assert_eq!(json["kind"], "peer.v1.JobList");
    assert_eq!(json["items"][1]["escrow"], "3000000");
    assert_eq!(json["items"][0]["ended"], "2026-11-18T11:06:41.250Z");
    let lines = shown(&jobs, Format::Jsonl, true);
    assert_eq!(lines.lines().count(), 2);
    assert!(
        lines
            .lines()
            .all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok())
    );
    assert_eq!(
        shown(&jobs, Format::Id, true).lines().next().unwrap().len(),
        4 + 52
    );
    assert_eq!(
        shown(&samples::job(1), Format::Jsonl, true).lines().count(),
        1
    );
}

#[test]
fn a_dispute_says_who_claimed_what_and_who_paid() {
    let text = shown(&samples::dispute(), Format::Table, true);
    for part in [
        "✓ judged",
        "✓ right",
        "✗ wrong",
        "lost 5 cr: returned a wrong result (F1)",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    let look = Look {
        format: Format::Table,
        terminal: true,
        ascii: true,
    };
    assert!(look.write(&samples::dispute()).is_ascii());
}
