//! Fuel: a module is rewritten before it is compiled, so that it counts its own work.
//!
//! ```text
//! loop                                      loop
//!   …                                         left < 0 ? note it, unreachable
//!   br_if 0          ──meter──▶               …
//! end                                         left = left - 12
//!                                             br_if 0
//! ```
//!
//! Each instruction costs one unit, but for those that only say where blocks begin and end; those
//! that work on many bytes or elements cost one more for each ([`cost`]). The work of a stretch
//! without branches and calls is taken off at its end. A function and a loop look at their
//! beginning whether anything is left. So a task that ends has used exactly what it has run, on
//! every machine, and a task without end is ended.
//!
//! Those are the weights and the counts of wasmtime's own fuel, which `tests` hold against it.
//! What differs is the price: wasmtime asks its host when fuel runs out, and a call that may come
//! back, within every loop, takes the registers that floats live in. Here that place is a trap.
//!
//! What is left lives in a global that the module cannot name, and in a local of each function with
//! a loop.

mod cost;
mod function;
#[cfg(test)]
mod tests;

use wasmparser::{CompositeInnerType, Import, Imports, Parser, Payload, TypeRef};
use wasmtime::{AsContextMut, Error, Global, Instance, Result, Val};

use crate::passes::{self, Code, EXPORT_SECTION, NotRewritten, number, section, signed};

/// What the names of the added exports begin with.
const PREFIX: &str = "tallygrid fuel ";
const LEFT: &str = "tallygrid fuel left";
const OUT: &str = "tallygrid fuel out";

const TYPE_SECTION: u8 = 1;
const MEMORY_SECTION: u8 = 5;
const GLOBAL_SECTION: u8 = 6;
const TAG_SECTION: u8 = 13;

const I32: u8 = 0x7f;
const I64: u8 = 0x7e;
const MUTABLE: u8 = 1;
const I32_CONST: u8 = 0x41;
const I64_CONST: u8 = 0x42;
const END: u8 = 0x0b;

/// The globals that are added, by their numbers.
#[derive(Clone, Copy, Debug)]
struct Globals {
    /// What is left, an `i64`.
    left: u32,
    /// Not zero once a check found that nothing is left.
    out: u32,
}

/// What the pass must know of a module.
#[derive(Debug, Default)]
struct Module {
    /// How many parameters each type has, if it is a function's.
    params: Vec<u32>,
    /// The type of each function that has a body.
    bodies: Vec<u32>,
    globals: u32,
    /// Whether the added globals were declared.
    declared: bool,
    /// Whether they were exported.
    exported: bool,
}

/// The same module, counting its work. It must be valid, with the profile's instructions; custom
/// sections are left out.
///
/// Takes time and memory in proportion to the bytes; the result depends on nothing else.
///
/// # Errors
/// [`NotRewritten`], the same on every machine.
pub(crate) fn rewrite(wasm: &[u8]) -> Result<Vec<u8>, NotRewritten> {
    rewrite_with(wasm, true)
}

/// The same; or, for benchmarks, a module that only has the globals and counts nothing.
///
/// # Errors
/// [`NotRewritten`], the same on every machine.
pub(crate) fn rewrite_with(wasm: &[u8], counts: bool) -> Result<Vec<u8>, NotRewritten> {
    let mut module = Module::default();
    let mut out = Vec::with_capacity(wasm.len() * 2);
    let mut code = Code::default();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        module.read(&payload)?;
        match &payload {
            Payload::Version { range, .. } => out.extend(&wasm[range.clone()]),
            Payload::CustomSection(_) => {}
            Payload::CodeSectionStart { count, .. } => {
                module.before_code(&mut out)?;
                code.start(*count, &mut out)?;
            }
            Payload::CodeSectionEntry(body) if !counts => code.add(body.as_bytes(), &mut out)?,
            Payload::CodeSectionEntry(body) => {
                let params = module.params_of(code.written());
                let body = function::body(body, params, module.added())?;
                code.add(&body, &mut out)?;
            }
            Payload::GlobalSection(globals) => {
                let first = globals.clone().into_iter_with_offsets().next();
                let first = first.transpose()?.map_or(globals.range().end, |(at, _)| at);
                module.declare(globals.count(), &wasm[first..globals.range().end], &mut out)?;
            }
            Payload::ExportSection(old) => {
                module.before_exports(&mut out)?;
                let content = passes::exports(wasm, old, PREFIX, &module.names())?;
                section(&mut out, EXPORT_SECTION, &content)?;
                module.exported = true;
            }
            other => {
                if let Some((id, range)) = other.as_section() {
                    module.before(id, &mut out)?;
                    section(&mut out, id, &wasm[range])?;
                }
            }
        }
    }
    Ok(out)
}

impl Module {
    fn read(&mut self, payload: &Payload<'_>) -> Result<(), NotRewritten> {
        match payload {
            Payload::TypeSection(types) => {
                for group in types.clone() {
                    for one in group?.into_types() {
                        self.params.push(match one.composite_type.inner {
                            CompositeInnerType::Func(function) => {
                                u32::try_from(function.params().len()).unwrap_or(u32::MAX)
                            }
                            _ => 0,
                        });
                    }
                }
            }
            Payload::ImportSection(imports) => {
                for group in imports.clone() {
                    if let Imports::Single(_, Import { ty, .. }) = group? {
                        self.globals += u32::from(matches!(ty, TypeRef::Global(_)));
                    }
                }
            }
            Payload::FunctionSection(functions) => {
                for function in functions.clone() {
                    self.bodies.push(function?);
                }
            }
            Payload::GlobalSection(globals) => self.globals += globals.count(),
            _ => {}
        }
        Ok(())
    }

    /// How many parameters the function with the module's `place`-th body has.
    fn params_of(&self, place: usize) -> u32 {
        let kind = self.bodies.get(place).copied().unwrap_or(0);
        self.params.get(kind as usize).copied().unwrap_or(0)
    }

    fn added(&self) -> Globals {
        Globals {
            left: self.globals,
            out: self.globals + 1,
        }
    }

    fn names(&self) -> [(String, u32); 2] {
        let Globals { left, out } = self.added();
        [(LEFT.to_owned(), left), (OUT.to_owned(), out)]
    }

    /// Writes the globals, the module's own first.
    fn declare(&mut self, count: u32, own: &[u8], out: &mut Vec<u8>) -> Result<(), NotRewritten> {
        let mut content = Vec::with_capacity(own.len() + 16);
        number(&mut content, count + 2);
        content.extend(own);
        content.extend([I64, MUTABLE, I64_CONST]);
        signed(&mut content, 0);
        content.extend([END, I32, MUTABLE, I32_CONST, 0, END]);
        self.declared = true;
        section(out, GLOBAL_SECTION, &content)
    }

    /// Adds what a module without globals or exports lacks, before a section that comes later.
    fn before(&mut self, id: u8, out: &mut Vec<u8>) -> Result<(), NotRewritten> {
        match id {
            TYPE_SECTION..=MEMORY_SECTION | TAG_SECTION => Ok(()),
            _ => self.before_code(out),
        }
    }

    fn before_exports(&mut self, out: &mut Vec<u8>) -> Result<(), NotRewritten> {
        match self.declared {
            true => Ok(()),
            false => self.declare(0, &[], out),
        }
    }

    fn before_code(&mut self, out: &mut Vec<u8>) -> Result<(), NotRewritten> {
        self.before_exports(out)?;
        if !self.exported {
            self.exported = true;
            let mut content = vec![2];
            for (name, global) in self.names() {
                passes::export(&mut content, &name, global);
            }
            section(out, EXPORT_SECTION, &content)?;
        }
        Ok(())
    }
}

/// How a host reads and changes what a running guest has left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gauge {
    left: Global,
    out: Global,
}

impl Gauge {
    /// That of an instance of a module that counts its work.
    ///
    /// # Errors
    /// If the module does not.
    pub(crate) fn of(mut store: impl AsContextMut, instance: &Instance) -> Result<Self> {
        let mut global = |name| {
            let found = instance.get_global(&mut store, name);
            found.ok_or_else(|| Error::msg("the module does not count its work"))
        };
        Ok(Self {
            left: global(LEFT)?,
            out: global(OUT)?,
        })
    }

    /// What is left; `None` if the guest has used more than it had.
    pub(crate) fn left(&self, mut store: impl AsContextMut) -> Option<u64> {
        match self.left.get(&mut store) {
            Val::I64(left) => u64::try_from(left).ok(),
            _ => None,
        }
    }

    /// Gives the guest so much, and no more than 2^63 - 1.
    ///
    /// # Errors
    /// None that a store of this instance has.
    pub(crate) fn set(&self, mut store: impl AsContextMut, left: u64) -> Result<()> {
        let left = i64::try_from(left).unwrap_or(i64::MAX);
        self.left.set(&mut store, Val::I64(left))
    }

    /// Whether the guest was stopped because nothing was left: it has met `unreachable` then.
    pub(crate) fn stopped(&self, mut store: impl AsContextMut) -> bool {
        !matches!(self.out.get(&mut store), Val::I32(0))
    }
}
