//! The simulator: the whole federation in one thread. Pure.
//!
//! ```text
//! scene, seed ──play──▶ story
//!
//!   cast ──bends──▶ steward ──effect──▶ world ──entry──▶ sequencer ──block──▶ rules
//!                      ▲                  │                              │
//!                      └──────input───────┘◀─────────────events──────────┴──▶ auditor, tally
//! ```
//!
//! The rules are the real [`rules::apply_block`], the peers the real [`steward::Steward`]; only
//! executors, disks, wires and the agreement on blocks are stood in for by their facts. There is
//! one queue, one stream of chance, and no clock: the same scene and seed give the same state root
//! on every machine and in every build. A failure is a seed, and a seed is a bug report.

#![forbid(unsafe_code)]

mod auditor;
pub mod bounds;
mod cast;
mod chain;
mod chance;
mod facts;
mod figure;
mod keys;
mod links;
mod node;
pub mod report;
pub mod scene;
mod sequencer;
mod stage;
mod story;
mod tally;
mod world;

pub use cast::Crime;
pub use figure::{Figure, NoFigure};
pub use scene::{NoScene, Scene};
pub use stage::Unplayable;
pub use story::{Attack, Epoch, Line, Story};

/// Of so many seeds, one is played twice and compared.
const TWICE_EVERY: u64 = 50;

/// Plays a scene.
///
/// # Errors
/// [`Unplayable`] if the federation it describes cannot begin.
pub fn play(seed: u64, scene: &Scene) -> Result<Story, Unplayable> {
    Ok(world::World::new(seed, scene, false)?.play())
}

/// Plays a scene and writes down every line of what happens.
///
/// # Errors
/// As [`play`].
pub fn tell(seed: u64, scene: &Scene) -> Result<Story, Unplayable> {
    Ok(world::World::new(seed, scene, true)?.play())
}

/// Whether [`play_surely`] plays this seed twice: every 50th, beginning with the first.
pub const fn is_played_twice(seed: u64) -> bool {
    seed % TWICE_EVERY == 1
}

/// Plays a scene as reports do: some seeds are played twice, and an alarm says where the second
/// play was another story.
///
/// # Errors
/// As [`play`].
pub fn play_surely(seed: u64, scene: &Scene) -> Result<Story, Unplayable> {
    let mut story = play(seed, scene)?;
    if is_played_twice(seed) {
        let again = play(seed, scene)?;
        story.must_be(&again);
    }
    Ok(story)
}
