//! A federation of real processes for one test, and the binary to ask it with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use peer::api::Client;
use peer::api::types::{Done, JobState, JobView, LedgerView, List, VerifyView};
use peer::config::Config;
use peer::devnet::{Devnet, Kind, Place, Plan};
use peer::home::Home;
use protocol::units::Bps;
use serde::de::DeserializeOwned;
use tempfile::TempDir;

/// The binary under test.
pub const PEER: &str = env!("CARGO_BIN_EXE_peer");
/// Nothing in these tests takes so long unless it hangs; the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(240);

/// Steps of half a thousand million turns each: a state is kept after the thirteenth.
pub const LONG: &str = r#"(module
  (memory (export "memory") 1)
  (global $taken (mut i32) (i32.const 0))
  (func (export "init"))
  (func (export "step") (result i32) (local $turns i32)
    (loop $again
      (local.set $turns (i32.add (local.get $turns) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $turns) (i32.const 500000000))))
    (i32.store (i32.mul (global.get $taken) (i32.const 4)) (local.get $turns))
    (global.set $taken (i32.add (global.get $taken) (i32.const 1)))
    (i32.lt_u (global.get $taken) (i32.const 24))))"#;

/// A devnet in a folder of its own.
pub struct Scene {
    pub dir: TempDir,
    pub devnet: Devnet,
}

impl Scene {
    /// Four members, two workers, a researcher; the last worker may be a liar.
    pub async fn start(liar: Option<Bps>) -> Self {
        Self::start_with(liar, |_, _| {}).await
    }

    /// The same, with every peer on this machine's graphics adapter.
    pub async fn with_gpu(liar: Option<Bps>) -> Self {
        Self::start_with(liar, |_, config| config.gpu = true).await
    }

    /// The same, with these changes to every peer's settings.
    pub async fn start_changed(change: impl Fn(&Place, &mut Config)) -> Self {
        Self::start_with(None, change).await
    }

    async fn start_with(liar: Option<Bps>, change: impl Fn(&Place, &mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let plan = Plan::make(&dir.path().join("grid"), 4, 2).unwrap();
        for place in &plan.places {
            let path = place.home.config();
            let mut config = Config::read(&path).unwrap();
            change(place, &mut config);
            config.write(&path).unwrap();
        }
        let devnet = Devnet::start(plan, Path::new(PEER), liar, false).await;
        let devnet = devnet.unwrap_or_else(|problem| panic!("no devnet: {problem:?}"));
        Self { dir, devnet }
    }

    /// The binary, asking the researcher's peer.
    pub fn peer(&self, args: &[&str]) -> Command {
        self.asking(self.devnet.api(), args)
    }

    /// Runs the binary to its end, asking the peer of this name.
    pub fn run_at(&self, name: &str, args: &[&str]) -> Output {
        let place = self.devnet.plan.place(name).unwrap();
        let api = place.home.api().unwrap();
        self.asking(&api, args).output().unwrap()
    }

    fn asking(&self, api: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(PEER);
        command
            .arg("--api")
            .arg(api)
            .args(args)
            .current_dir(self.dir.path());
        command
            .env("NO_COLOR", "1")
            .env_remove("PEER_HOME")
            .env_remove("PEER_API");
        command
    }

    /// Runs the binary to its end.
    pub fn run(&self, args: &[&str]) -> Output {
        self.peer(args).output().unwrap()
    }

    /// Runs the binary and reads the JSON document it prints.
    pub fn json<T: DeserializeOwned>(&self, args: &[&str]) -> T {
        let output = self.run(&[args, &["-o", "json"]].concat());
        assert!(output.status.success(), "{args:?}: {}", told(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Hands in the orchids job and returns its id.
    pub fn submit_orchids(&self) -> String {
        let job = examples().join("jobs/orchids/job.toml");
        let output = self.run(&["submit", job.to_str().unwrap(), "-o", "id"]);
        assert!(output.status.success(), "{}", told(&output));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// A job as its submitter sees it.
    pub fn job(&self, id: &str) -> JobView {
        self.json(&["job", "show", id])
    }

    /// Waits until `holds` says so.
    pub fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !holds() {
            assert!(Instant::now() < end, "never: {what}\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until a job of 94 tasks has ended with a judged result of every task.
    pub fn until_settled(&self, job: &str) {
        self.until("the job's end", || self.job(job).state == JobState::Ended);
        let ended = self.job(job);
        assert_eq!(ended.tally.done, 94, "{:?}\n{}", ended.tally, self.logs());
    }

    /// The last lines of every peer's log.
    pub fn logs(&self) -> String {
        let tails = self.devnet.plan.places.iter().map(|place| {
            let log = fs::read_to_string(place.home.log()).unwrap_or_default();
            let lines: Vec<&str> = log.lines().rev().take(12).collect();
            let tail: Vec<&str> = lines.into_iter().rev().collect();
            format!("== {}\n{}\n", place.name, tail.join("\n"))
        });
        tails.collect()
    }

    /// A client of the peer of this name.
    pub fn client(&self, name: &str) -> Client {
        let place = self
            .devnet
            .plan
            .place(name)
            .expect("the devnet has this peer");
        Client::new(&place.home.api().unwrap())
    }

    /// The names of the members.
    pub fn members(&self) -> Vec<String> {
        let members = self
            .devnet
            .plan
            .places
            .iter()
            .filter(|place| place.kind == Kind::Member);
        members.map(|place| place.name.clone()).collect()
    }

    /// Every member replays its ledger from genesis to the state root it holds.
    pub async fn verify_everywhere(&self) {
        for name in self.members() {
            let view: VerifyView = self
                .client(&name)
                .post("/ledger/verify", &Done {})
                .await
                .unwrap();
            assert!(view.roots_equal && view.conserved, "{name}: {view:?}");
        }
    }

    /// All members come to hold the same state at some height; panics if they never do.
    pub async fn roots_agree(&self, within: Duration) {
        let end = Instant::now() + within;
        let mut seen: Vec<std::collections::BTreeMap<u64, String>> = vec![Default::default(); 16];
        loop {
            for (known, name) in seen.iter_mut().zip(self.members()) {
                if let Ok(view) = self.client(&name).get::<LedgerView>("/ledger").await {
                    known.insert(view.height, view.root.full());
                }
            }
            let (first, others) = seen[..self.members().len()].split_first().unwrap();
            let newest = first
                .iter()
                .rev()
                .find(|(height, _)| others.iter().all(|known| known.contains_key(height)));
            if let Some((height, root)) = newest {
                for known in others {
                    assert_eq!(&known[height], root, "roots differ at height {height}");
                }
                return;
            }
            assert!(
                Instant::now() < end,
                "members never met at one height\n{}",
                self.logs()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Every dispute.
    pub fn disputes(&self) -> List<peer::api::types::DisputeView> {
        self.json(&["dispute", "ls"])
    }
}

/// The examples of this repository.
pub fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

/// What a command said, for a failed assertion.
pub fn told(output: &Output) -> String {
    let words = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!(
        "{}\n{}\n{}",
        output.status,
        words(&output.stdout),
        words(&output.stderr)
    )
}

/// The scores of a fetched orchids job equal those that another program found.
pub fn scores_are_right(folder: &Path) -> u32 {
    let reference = include_str!("../../../examples/jobs/orchids/reference.tsv");
    let mut checked = 0;
    for line in reference
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
    {
        let row = line.split('\t').next().unwrap();
        let rows = fs::read_to_string(folder.join(row).join("out/row.tsv")).unwrap();
        assert!(
            rows.lines().any(|found| found == line),
            "{line} is not in row {row}"
        );
        checked += 1;
    }
    assert!(checked >= 200, "the reference has at least 200 pairs");
    checked
}

/// Whether a task's state lies in this home.
pub fn keeps_a_state(home: &Home) -> bool {
    let files = fs::read_dir(home.root().join("steps"))
        .into_iter()
        .flatten();
    let mut paths = files.flatten().map(|file| file.path());
    paths.any(|path| path.extension().is_some_and(|end| end == "step"))
}

/// Lets a machine whose system's files lie here have a battery of this status.
pub fn battery(machine: &Path, status: &str) {
    let folder = machine.join("sys/class/power_supply/BAT0");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("type"), "Battery\n").unwrap();
    fs::write(folder.join("status"), format!("{status}\n")).unwrap();
}
