//! The same blocks give the same state on every machine, in debug and in release builds: a fixed
//! play is summed up, and the sum is kept. Rules that change what is true change it too, on
//! purpose: `BLESS=1` writes it anew. `./x roots` asks both builds.
#![allow(
    clippy::unwrap_used,
    reason = "where a scene is not as a test says, the test has failed"
)]

#[path = "scene/audit.rs"]
mod audit_scene;
#[path = "scene/canary.rs"]
mod canary_scene;
#[path = "scene/job.rs"]
mod job_scene;
#[path = "scene/play.rs"]
mod play;
mod scene;

use play::{Play, acts};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use protocol::ids::Digest;
use rules::read;
use scene::*;

/// Acts of the play: enough that bundles agree, differ, are audited, judged and slashed.
const ACTS: usize = 2_000;

/// One digest of every row of a state.
fn sum(scene: &Scene) -> Digest {
    let rows = scene.rows.iter();
    let parts: Vec<&[u8]> = rows.flat_map(|(key, row)| [&key[..], &row[..]]).collect();
    Digest::derive("tallygrid rows of a test", &parts)
}

#[test]
fn a_fixed_play_ends_in_the_state_that_is_kept() {
    let seed = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut chance = TestRunner::new_with_rng(Config::default(), seed);
    let acts = acts();
    let mut play = Play {
        scene: Scene::with(|params| params.replacements_max = 1).ready(cr(2_000), cr(1)),
        jobs: Vec::new(),
    };
    let mut told = String::new();
    for number in 1..=ACTS {
        let act = acts.new_tree(&mut chance).unwrap().current();
        play.act(act);
        if number % (ACTS / 4) == 0 {
            told += &format!("{number} {}\n", sum(&play.scene));
        }
    }
    let counts = read::counts(&play.scene.rows);
    assert!(
        counts.jobs > 5 && counts.disputes > 0 && counts.slashes > 5,
        "{counts:?}"
    );
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/rows.txt");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &told).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(told, kept, "on purpose? then write it anew with BLESS=1");
}
