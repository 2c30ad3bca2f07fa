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
//! What it adds costs no fuel: the work was counted before (see [`meter`](crate::meter)), so that
//! this pass can become better without a change of what a task costs.

mod class;
mod effect;
mod emit;
mod plan;
#[cfg(test)]
pub(crate) mod programs;
mod shape;

use wasmparser::{FunctionBody, Parser, Payload};

use crate::passes::{Code, NotRewritten, section};
use class::Mark;
use plan::Marks;
use shape::{Locals, Shape};

/// The same module with one NaN. It must be valid, with the profile's instructions; names and other
/// custom sections are left out.
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
    let mut code = Code::default();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        shape.read(&payload)?;
        match &payload {
            Payload::Version { range, .. } => out.extend(&wasm[range.clone()]),
            Payload::CodeSectionStart { count, .. } => code.start(*count, &mut out)?,
            Payload::CodeSectionEntry(body) => {
                let body = function(&shape, body, code.written(), noise)?;
                code.add(&body, &mut out)?;
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
