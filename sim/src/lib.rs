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
