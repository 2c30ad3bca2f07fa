//! Tasks that run in steps: `init`, then `step` again and again, with a root after each.
//!
//! ```text
//! init ──▶ root 0 ──step──▶ root 1 ──step──▶ … ──step says 0──▶ end
//!             └── snapshot ──▶ another process, another machine ──▶ the same root 1
//! ```
//!
//! Between two steps no frame of the guest is on any stack, so its state is its memory, its globals
//! and its host, and nothing else: a module in which it could be more is refused. A root is over
//! all of it, and a snapshot holds all of it. Reading the state costs the task fuel for each byte,
//! about as much as it costs the machine.

mod expose;
pub(crate) mod kept;
mod replay;
pub(crate) mod serving;
mod snapshot;
mod state;
#[cfg(test)]
mod tests;

pub(crate) use expose::expose;
pub use replay::Replayed;
#[cfg(test)]
pub(crate) use replay::{replay, snapshot_at};

use std::io;

use protocol::ids::Digest;
use protocol::outcome::Limit;
use protocol::steps::STEPS_MAX;
use protocol::units::Fuel;
use wasmtime::{Error, Global, Instance, Memory, Result, Store, Trap, TypedFunc};

use crate::task::{Ran, Runner, initialize};
use crate::wasi::{End, Host};

/// What one more step came to.
pub(crate) enum Advanced {
    /// The guest goes on, from the state with this root.
    Root(Digest),
    /// The guest is done, with this exit code.
    Ended(i32),
}

/// A step module's guest in its place.
struct Guest {
    instance: Instance,
    step: TypedFunc<(), i32>,
    memory: Memory,
    /// Every global that can change, in the module's order.
    globals: Vec<Global>,
}

/// One step task between two of its steps.
pub(crate) struct Stepper<'a> {
    runner: &'a Runner,
    store: Store<Host>,
    guest: Option<Guest>,
    /// How many steps were taken; `None` before `init`.
    taken: Option<u32>,
}

impl<'a> Stepper<'a> {
    /// The task before its `init`.
    pub(crate) fn new(runner: &'a Runner, task: u32) -> Self {
        Self {
            runner,
            store: runner.store(task),
            guest: None,
            taken: None,
        }
    }

    fn guest(&mut self) -> Result<&mut Guest> {
        if self.guest.is_none() {
            let instance = self.runner.instantiate(&mut self.store)?;
            let exports = instance.exports(&mut self.store);
            let exposed = exports.filter(|export| expose::is_exposed(export.name()));
            let globals = exposed.filter_map(wasmtime::Export::into_global).collect();
            let memory = self.store.data().memory;
            self.guest = Some(Guest {
                instance,
                step: instance.get_typed_func(&mut self.store, "step")?,
                memory: memory.ok_or_else(|| Error::msg("a step module has a memory"))?,
                globals,
            });
        }
        Ok(self.guest.as_mut().expect("it was put there"))
    }

    /// Takes the next step (the first is `init`), and what is left of the fuel for its root.
    ///
    /// # Errors
    /// How the task ends.
    pub(crate) fn advance(&mut self) -> Result<Advanced> {
        let guest = self.guest()?;
        let (instance, step) = (guest.instance, guest.step.clone());
        let taken = match self.taken {
            None => {
                initialize(&mut self.store, &instance)?;
                let init = instance.get_typed_func::<(), ()>(&mut self.store, "init")?;
                init.call(&mut self.store, ())?;
                0
            }
            Some(taken) if taken as usize >= STEPS_MAX => {
                return Err(Error::new(End::Limit(Limit::Steps)));
            }
            Some(taken) => {
                let more = step.call(&mut self.store, ())?;
                if more <= 0 {
                    return Ok(Advanced::Ended(more));
                }
                taken + 1
            }
        };
        self.taken = Some(taken);
        self.root().map(Advanced::Root)
    }

    /// The root of the state as it is now, paid for.
    fn root(&mut self) -> Result<Digest> {
        let parts = self.parts()?;
        let left = self
            .left()
            .and_then(|left| left.checked_sub(parts.cost.get()));
        self.set_left(left.ok_or(Trap::OutOfFuel)?)?;
        Ok(parts.root(self.taken.unwrap_or(0), self.used()))
    }

    fn left(&mut self) -> Option<u64> {
        let gauge = self.store.data().gauge?;
        gauge.left(&mut self.store)
    }

    fn set_left(&mut self, left: u64) -> Result<()> {
        let gauge = self.store.data().gauge;
        let gauge = gauge.ok_or_else(|| Error::msg("the guest is not in its place"))?;
        gauge.set(&mut self.store, left)
    }

    /// How much fuel the task has used; none before its `init`.
    pub(crate) fn used(&mut self) -> Fuel {
        if self.taken.is_none() {
            return Fuel::new(0);
        }
        let left = self.left().unwrap_or(0);
        Fuel::new(self.runner.limits().fuel.get().saturating_sub(left))
    }

    /// The task's end: an exit code, or what stopped it, after steps with these roots.
    pub(crate) fn end(self, result: Result<i32>, roots: Vec<Digest>) -> Ran {
        self.runner.finish(self.store, result, Some(roots))
    }
}

/// What becomes of a step task's states while it runs.
pub(crate) trait Keep {
    /// Hears of a state that the guest goes on from; `roots` ends with its root.
    ///
    /// # Errors
    /// If it cannot be kept and the task is to end for that.
    fn passed(&mut self, state: &mut Stepper<'_>, roots: &[Digest]) -> io::Result<()>;
}

/// Keeps nothing.
pub(crate) struct KeepNothing;

impl Keep for KeepNothing {
    fn passed(&mut self, _: &mut Stepper<'_>, _: &[Digest]) -> io::Result<()> {
        Ok(())
    }
}

/// Takes all the steps there are after those with these roots.
pub(crate) fn go_on(mut state: Stepper<'_>, mut roots: Vec<Digest>, keep: &mut dyn Keep) -> Ran {
    loop {
        match state.advance() {
            Ok(Advanced::Root(root)) => roots.push(root),
            Ok(Advanced::Ended(code)) => return state.end(Ok(code), roots),
            Err(error) => return state.end(Err(error), roots),
        }
        if let Err(error) = keep.passed(&mut state, &roots) {
            let failed = End::Host(format!("a snapshot cannot be kept: {error}"));
            return state.end(Err(Error::new(failed)), roots);
        }
    }
}
