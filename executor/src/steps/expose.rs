//! Lets the host see every global that a step module can change, by exporting it.
//!
//! What a step's root and snapshot are made of must be all there is. So a module that runs in steps
//! may not change what the host has no way to read: tables, and whether a segment was dropped.

use wasmparser::{ExportSectionReader, FunctionBody, GlobalSectionReader, Operator};
use wasmparser::{Parser, Payload, ValType};

use crate::nan::{NotRewritten, number, section};

/// What the added exports' names begin with; the rest is the global's number.
const PREFIX: &str = "tallygrid step global ";
/// A module that runs in steps may have so many globals that can change.
pub(crate) const GLOBALS_MAX: usize = 4_096;

const GLOBAL_KIND: u8 = 3;

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
                Payload::ExportSection(exports) => {
                    section(&mut out, id, &longer(wasm, exports, &changing)?)?;
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

/// The content of the export section with these globals added.
fn longer(
    wasm: &[u8],
    exports: &ExportSectionReader<'_>,
    globals: &[u32],
) -> Result<Vec<u8>, NotRewritten> {
    let mut first = None;
    for export in exports.clone().into_iter_with_offsets() {
        let (at, export) = export?;
        first.get_or_insert(at);
        if is_exposed(export.name) {
            return Err(hidden(format!("it exports `{}` itself", export.name)));
        }
    }
    let more = u32::try_from(globals.len()).unwrap_or(u32::MAX);
    let mut content = Vec::new();
    number(&mut content, exports.count().saturating_add(more));
    content.extend(&wasm[first.unwrap_or(exports.range().end)..exports.range().end]);
    for global in globals {
        let name = format!("{PREFIX}{global}");
        number(&mut content, u32::try_from(name.len()).unwrap_or(u32::MAX));
        content.extend(name.as_bytes());
        content.push(GLOBAL_KIND);
        number(&mut content, *global);
    }
    Ok(content)
}
