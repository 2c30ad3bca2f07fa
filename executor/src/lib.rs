//! Doing the work: deterministic WASM in a killable child process.
//!
//! ```text
//! run(work) ──▶ queue ──▶ slot ──▶ compile in a child ──▶ worker: a jailed child ──▶ Event::Done
//!                          └─ one thread each, at most `slots`, one worker of one job at a time
//! ```
//!
//! A task's outcome is the same on every machine or there is none: [`TaskResult::Inconclusive`] is
//! the answer wherever two honest machines could differ (stack depth, wall time, a lost process).
//! A stranger's module is compiled and run only in children that can open no file, reach no
//! network, start no process, and use no more than their job's limits. The executor does not know
//! who pays.

mod aot;
pub mod bare;
mod cache;
mod child;
pub mod devices;
mod engine;
mod executor;
mod facts;
mod frame;
mod gpu;
mod jail;
mod limiter;
mod meter;
mod nan;
mod pace;
mod passes;
mod queue;
mod referee;
mod slot;
mod steps;
mod task;
mod wait;
mod wasi;
mod work;
mod worker;

pub use cache::CACHE_BYTES_MAX;
pub use executor::{Config, Executor, KEEP_EVERY, StartError, look_at_jail};
pub use facts::{Entry, ModuleFacts, ModuleRefused, check_module};
pub use gpu::{
    GpuFacts, GpuFigures, Place, ShaderRefused, are_alike, check_program, check_shader,
    find as find_gpus,
};
pub use jail::{Demand, Hold, Jail, WALLS, Wall, Way};
pub use pace::Pace;
pub use referee::NoStep;
pub use steps::Replayed;
pub use steps::kept::STATES_BYTES_MAX;
pub use work::{Event, Inconclusive, Refused, TaskResult, Token, WORKS_MAX, Work};
pub use worker::worker_main;
