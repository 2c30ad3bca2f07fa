//! One NaN for all machines: a module is rewritten before it is compiled, so that its results are
//! those of a machine on which arithmetic knows one NaN only.
//!
//! WebAssembly leaves open which NaN arithmetic gives. The profile does not: it is the canonical
//! one (positive, `7fc00000` or `7ff8000000000000`). Moving or reading a NaN keeps every bit, as
//! WebAssembly says. Replacing it after every operation makes float code two to four times as slow;
//! here that is done only where the bits can be seen, with the very same results.
//!
//! ```text
//! f64.load ▶ f64.mul ▶ f64.add ▶ f64.store        nothing sees the bits before the store
//!                             └▶ local.tee, f64.const nan, local.get ×2, f64.ge, select
//! ```
//!
//! The rewriting is part of the profile: which instructions it adds depends on the module's bytes
//! alone, and they cost fuel like all others. A module is known by its own digest, not by this
//! one's.

mod class;
mod effect;
mod emit;
mod plan;
#[cfg(test)]
mod programs;
mod shape;

use protocol::job::MODULE_MAX;
use thiserror::Error;
use wasmparser::{BinaryReaderError, FunctionBody, Parser, Payload};

use class::Mark;
pub(crate) use emit::number;
use plan::Marks;
use shape::{Locals, Shape};

/// A rewritten module may have so many bytes.
const REWRITTEN_MAX: u64 = 2 * MODULE_MAX.get();

const CODE_SECTION: u8 = 10;

/// Why a valid module cannot be rewritten, on any machine.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum NotRewritten {
    /// An instruction that the pass was not written for.
    #[error("the instruction at byte {at} is not one of the profile's")]
    Instruction {
        /// Where it is.
        at: usize,
    },
    /// A function that would have more locals or bytes than a function may have.
    #[error("the function at byte {at} is too large once its NaNs are made the same everywhere")]
    Function {
        /// Where its body is.
        at: usize,
    },
    /// A module that would be too large.
    #[error("the module has more than {REWRITTEN_MAX} bytes once its NaNs are the same everywhere")]
    Module,
    /// A module that would run in steps, with a state that cannot be read from outside.
    #[error("a module that runs in steps shows all of its state, but {0}")]
    Hidden(String),
    /// Bytes that are not a module's.
    #[error("{0}")]
    Invalid(String),
}

impl From<BinaryReaderError> for NotRewritten {
    fn from(error: BinaryReaderError) -> Self {
        Self::Invalid(error.to_string())
    }
}

/// What a module is compiled from. It must be valid, with the profile's instructions; names and
/// other custom sections are left out.
///
/// Takes time and memory in proportion to the bytes; the result depends on nothing else.
///
/// # Errors
/// [`NotRewritten`], the same on every machine.
pub(crate) fn rewrite(wasm: &[u8]) -> Result<Vec<u8>, NotRewritten> {
    rewrite_with(wasm, false)
}

/// The same on the worst machine there may be: with `noise`, each arithmetic instruction leaves a
/// NaN of its own, which nothing may show.
///
/// # Errors
/// [`NotRewritten`], the same on every machine.
pub(crate) fn rewrite_with(wasm: &[u8], noise: bool) -> Result<Vec<u8>, NotRewritten> {
    let mut shape = Shape::default();
    let mut out = Vec::with_capacity(wasm.len());
    let mut code = Vec::new();
    let mut bodies = (0, 0);
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        shape.read(&payload)?;
        match &payload {
            Payload::Version { range, .. } => out.extend(&wasm[range.clone()]),
            Payload::CodeSectionStart { count, .. } => {
                bodies = (0, *count);
                emit::number(&mut code, *count);
                if *count == 0 {
                    section(&mut out, CODE_SECTION, &code)?;
                }
            }
            Payload::CodeSectionEntry(body) => {
                let body = function(&shape, body, bodies.0, noise)?;
                emit::number(&mut code, length(&body)?);
                code.extend(body);
                bodies.0 += 1;
                if code.len() as u64 > REWRITTEN_MAX {
                    return Err(NotRewritten::Module);
                }
                if bodies.0 == bodies.1 as usize {
                    section(&mut out, CODE_SECTION, &std::mem::take(&mut code))?;
                }
            }
            Payload::CustomSection(_) => {}
            other => {
                if let Some((id, range)) = other.as_section() {
                    section(&mut out, id, &wasm[range])?;
                }
            }
        }
    }
    Ok(out)
}

fn length(bytes: &[u8]) -> Result<u32, NotRewritten> {
    u32::try_from(bytes.len()).map_err(|_| NotRewritten::Module)
}

/// Writes a whole section.
///
/// # Errors
/// [`NotRewritten::Module`].
pub(crate) fn section(out: &mut Vec<u8>, id: u8, content: &[u8]) -> Result<(), NotRewritten> {
    out.push(id);
    emit::number(out, length(content)?);
    out.extend(content);
    if out.len() as u64 > REWRITTEN_MAX {
        return Err(NotRewritten::Module);
    }
    Ok(())
}

fn function(
    shape: &Shape,
    body: &FunctionBody<'_>,
    place: usize,
    noise: bool,
) -> Result<Vec<u8>, NotRewritten> {
    let at = body.range().start;
    let type_index = shape
        .type_of_body(place)
        .ok_or(NotRewritten::Function { at })?;
    let locals = Locals::read(shape.params(type_index), body)?;
    let marks = plan::plan(shape, body, type_index, &locals)?;
    let noise = if noise {
        Some(open_results(body)?)
    } else {
        None
    };
    emit::body(body, &locals, &marks, noise.as_ref())
}

/// Every instruction whose NaN a machine may choose.
fn open_results(body: &FunctionBody<'_>) -> Result<Marks, NotRewritten> {
    use class::Kind;
    use effect::Effect;
    let mut marks = Vec::new();
    let mut operators = body.get_operators_reader()?;
    while !operators.eof() {
        marks.push(match effect::effect(&operators.read()?) {
            Some(Effect::Arithmetic(_, _, Kind::F32)) => Some(Mark::F32),
            Some(Effect::Arithmetic(_, _, Kind::F64)) => Some(Mark::F64),
            Some(Effect::Arithmetic(_, _, Kind::F32x4)) => Some(Mark::Singles),
            Some(Effect::Arithmetic(_, _, Kind::F64x2)) => Some(Mark::Doubles),
            _ => None,
        });
    }
    Ok(marks)
}

#[cfg(test)]
mod tests;
