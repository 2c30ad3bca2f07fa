//! Lets the host see every global that a step module can change, by exporting it.
//!
//! What a step's root and snapshot are made of must be all there is. So a module that runs in steps
//! may not change what the host has no way to read: tables, and whether a segment was dropped.

use wasmparser::{FunctionBody, GlobalSectionReader, Operator};
use wasmparser::{Parser, Payload, ValType};

use crate::passes::{EXPORT_SECTION, NotRewritten, exports, section};

/// What the added exports' names begin with; the rest is the global's number.
const PREFIX: &str = "tallygrid step global ";
/// A module that runs in steps may have so many globals that can change.
pub(crate) const GLOBALS_MAX: usize = 4_096;

/// Whether an export is one that [`expose`] adds.
pub(crate) fn is_exposed(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// The same module, with each global that can change exported, in their order.
///
/// Takes time and memory in proportion to the bytes; `wasm` is valid and imports no global.
///
/// # Errors
/// Why its state cannot be seen, the same on every machine.
pub(crate) fn expose(wasm: &[u8]) -> Result<Vec<u8>, NotRewritten> {
    let mut out = Vec::with_capacity(wasm.len());
    let mut changing = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        match &payload {
            Payload::Version { range, .. } => out.extend(&wasm[range.clone()]),
            Payload::GlobalSection(globals) => changing = can_change(globals)?,
            Payload::CodeSectionEntry(body) => hides_nothing(body)?,
            _ => {}
        }
        if let Some((id, range)) = payload.as_section() {
            match &payload {
                Payload::ExportSection(old) => {
                    let named = |global: &u32| (format!("{PREFIX}{global}"), *global);
                    let changing: Vec<_> = changing.iter().map(named).collect();
                    section(
                        &mut out,
                        EXPORT_SECTION,
                        &exports(wasm, old, PREFIX, &changing)?,
                    )?;
                }
                _ => section(&mut out, id, &wasm[range])?,
            }
        }
    }
    Ok(out)
}

fn hidden(why: impl Into<String>) -> NotRewritten {
    NotRewritten::Hidden(why.into())
}

/// The numbers of the globals that can change.
fn can_change(globals: &GlobalSectionReader<'_>) -> Result<Vec<u32>, NotRewritten> {
    let mut changing = Vec::new();
    for (number, global) in (0..).zip(globals.clone()) {
        let kind = global?.ty;
        match kind.content_type {
            _ if !kind.mutable => {}
            ValType::Ref(_) => {
                return Err(hidden("it has a global that changes what it refers to"));
            }
            _ => changing.push(number),
        }
    }
    match changing.len() <= GLOBALS_MAX {
        true => Ok(changing),
        false => Err(hidden(format!(
            "more than {GLOBALS_MAX} of its globals can change"
        ))),
    }
}

/// Refuses what changes a table or drops a segment.
fn hides_nothing(body: &FunctionBody<'_>) -> Result<(), NotRewritten> {
    for operator in body.get_operators_reader()? {
        let name = match operator? {
            Operator::TableSet { .. } => "table.set",
            Operator::TableGrow { .. } => "table.grow",
            Operator::TableFill { .. } => "table.fill",
            Operator::TableCopy { .. } => "table.copy",
            Operator::TableInit { .. } => "table.init",
            Operator::ElemDrop { .. } => "elem.drop",
            Operator::DataDrop { .. } => "data.drop",
            _ => continue,
        };
        return Err(hidden(format!("it uses `{name}`")));
    }
    Ok(())
}
