//! The pages in `examples/` are run as they stand: each line after `$ ` is a command, which lines
//! after `> ` go on with, what follows is its output, and `…` stands for lines that differ from run
//! to run.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[allow(dead_code, unreachable_pub, reason = "other tests use the rest of it")]
mod scene;

use std::process::Command;

use scene::{PEER, Scene, examples};

struct Step {
    command: String,
    expected: Vec<String>,
}

/// The commands of a page's code blocks, in order.
fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut in_block = false;
    for line in page.lines() {
        if line.starts_with("```") {
            in_block = !in_block;
        } else if in_block && let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step {
                command: command.to_owned(),
                expected: Vec::new(),
            });
        } else if in_block && let Some((step, more)) = steps.last_mut().zip(line.strip_prefix("> "))
        {
            step.command += "\n";
            step.command += more;
        } else if in_block && let Some(step) = steps.last_mut() {
            step.expected.push(line.to_owned());
        }
    }
    steps
}

/// Whether the lines are as expected, where `…` stands for any number of them.
fn matches(expected: &[String], lines: &[&str]) -> bool {
    match expected.split_first() {
        None => lines.is_empty(),
        Some((first, rest)) if first == "…" => {
            (0..=lines.len()).any(|skipped| matches(rest, &lines[skipped..]))
        }
        Some((first, rest)) => lines.first() == Some(&first.as_str()) && matches(rest, &lines[1..]),
    }
}

#[test]
fn an_ellipsis_stands_for_any_lines() {
    let expected = ["a", "…", "c"].map(str::to_owned);
    assert!(matches(&expected, &["a", "c"]));
    assert!(matches(&expected, &["a", "b", "b", "c"]));
    assert!(!matches(&expected, &["a", "c", "d"]));
    assert!(!matches(&expected, &[]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_job_goes_as_its_page_says() {
    walk("first-job.md").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_council_decides_as_its_page_says() {
    walk("council.md").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vouchers_pay_as_their_page_says() {
    walk("channel.md").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leases_are_kept_as_their_page_says() {
    walk("lease.md").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_bonds_go_as_their_page_says() {
    walk("keys.md").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shaders_draw_as_their_page_says() {
    walk_in(Scene::with_gpu(None).await, "gpu-job.md").await;
}

/// Runs a page where a devnet lies in `grid/`; commands ask its researcher.
async fn walk(page: &str) {
    walk_in(Scene::start(None).await, page).await;
}

async fn walk_in(scene: Scene, page: &str) {
    std::os::unix::fs::symlink(examples().join("jobs"), scene.dir.path().join("jobs")).unwrap();
    let bin = std::path::Path::new(PEER).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let page = std::fs::read_to_string(examples().join(page)).unwrap();
    let steps = steps(&page);
    assert!(steps.len() >= 8, "the page has commands");
    for Step { command, expected } in steps {
        let mut shell = Command::new("sh");
        shell
            .arg("-c")
            .arg(&command)
            .current_dir(scene.dir.path())
            .env("PATH", &path);
        shell
            .env("PEER_HOME", "grid/researcher")
            .env("NO_COLOR", "1")
            .env_remove("PEER_API");
        let output = shell.output().unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout);
        let lines: Vec<&str> = stdout.lines().collect();
        assert!(
            matches(&expected, &lines),
            "$ {command}\nexpected {expected:?}\nfound {lines:?}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    scene.devnet.stop().await.unwrap();
}
