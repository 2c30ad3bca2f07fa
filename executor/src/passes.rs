//! What a module is compiled from: the module after three passes, and what they share.
//!
//! ```text
//! module ──(in steps: expose its globals)──▶ meter: count its work ──▶ nan: one NaN ──▶ compiler
//! ```
//!
//! Each pass depends on the module's bytes alone and is the same on every machine. A module is
//! known by its own digest, not by that of what is compiled.

use protocol::job::MODULE_MAX;
use thiserror::Error;
use wasmparser::{BinaryReaderError, ExportSectionReader, FunctionBody};

use crate::facts::Entry;
use crate::{meter, nan, steps};

/// A rewritten module may have so many bytes.
const REWRITTEN_MAX: u64 = 2 * MODULE_MAX.get();
/// A function may have so many locals, as the engine's validator has it.
const LOCALS_MAX: u32 = 50_000;
/// A function's body may have so many bytes, as the engine's validator has it.
pub(crate) const BODY_BYTES_MAX: usize = 7_654_321;

/// The section of exports.
pub(crate) const EXPORT_SECTION: u8 = 7;
/// The section of functions' bodies.
pub(crate) const CODE_SECTION: u8 = 10;

const GLOBAL_KIND: u8 = 3;

/// Why a valid module cannot be rewritten, on any machine.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum NotRewritten {
    /// An instruction that the passes were not written for.
    #[error("the instruction at byte {at} is not one of the profile's")]
    Instruction {
        /// Where it is.
        at: usize,
    },
    /// A function that would have more locals or bytes than a function may have.
    #[error(
        "the function at byte {at} is too large once its work is counted and its NaNs are the same \
        everywhere"
    )]
    Function {
        /// Where its body is.
        at: usize,
    },
    /// A module that would be too large.
    #[error(
        "the module has more than {REWRITTEN_MAX} bytes once its work is counted and its NaNs are \
        the same everywhere"
    )]
    Module,
    /// A module that exports what a pass would add.
    #[error("the module exports `{0}`, a name that is kept for what the executor adds")]
    Taken(String),
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

/// What a valid module with this entry is compiled from.
///
/// # Errors
/// [`NotRewritten`], the same on every machine.
pub(crate) fn rewrite(wasm: &[u8], entry: Entry) -> Result<Vec<u8>, NotRewritten> {
    let metered = match entry {
        Entry::Steps => meter::rewrite(&steps::expose(wasm)?)?,
        Entry::Command | Entry::Reactor => meter::rewrite(wasm)?,
    };
    nan::rewrite(&metered)
}

/// Appends a number as WebAssembly writes those without sign.
pub(crate) fn number(into: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        into.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    into.push(value.to_le_bytes()[0]);
}

/// Appends a number as WebAssembly writes those with a sign.
pub(crate) fn signed(into: &mut Vec<u8>, mut value: i64) {
    loop {
        let low = value.to_le_bytes()[0] & 0x7f;
        value >>= 7;
        let sign = if low & 0x40 == 0 { 0 } else { -1 };
        if value == sign {
            return into.push(low);
        }
        into.push(low | 0x80);
    }
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
    number(out, length(content)?);
    out.extend(content);
    if out.len() as u64 > REWRITTEN_MAX {
        return Err(NotRewritten::Module);
    }
    Ok(())
}

/// A code section while its bodies are written.
#[derive(Debug, Default)]
pub(crate) struct Code {
    content: Vec<u8>,
    count: u32,
    written: u32,
}

impl Code {
    /// For so many bodies; a section of none is whole at once.
    ///
    /// # Errors
    /// [`NotRewritten::Module`].
    pub(crate) fn start(&mut self, count: u32, out: &mut Vec<u8>) -> Result<(), NotRewritten> {
        self.count = count;
        number(&mut self.content, count);
        self.end(out)
    }

    /// How many bodies were written.
    pub(crate) fn written(&self) -> usize {
        self.written as usize
    }

    /// Adds a body, and writes the section after the last one.
    ///
    /// # Errors
    /// [`NotRewritten::Module`].
    pub(crate) fn add(&mut self, body: &[u8], out: &mut Vec<u8>) -> Result<(), NotRewritten> {
        number(&mut self.content, length(body)?);
        self.content.extend(body);
        self.written += 1;
        if self.content.len() as u64 > REWRITTEN_MAX {
            return Err(NotRewritten::Module);
        }
        self.end(out)
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<(), NotRewritten> {
        match self.written == self.count {
            true => section(out, CODE_SECTION, &std::mem::take(&mut self.content)),
            false => Ok(()),
        }
    }
}

/// A body with more locals, one of each of these types, and with this code in place of its own;
/// `count` is how many locals it has, parameters among them.
///
/// # Errors
/// [`NotRewritten::Function`].
pub(crate) fn body(
    old: &FunctionBody<'_>,
    count: u32,
    more: &[u8],
    code: &[u8],
) -> Result<Vec<u8>, NotRewritten> {
    let at = old.range().start;
    let start = old.get_operators_reader()?.original_position();
    let mut declared = old.get_binary_reader();
    let groups = declared.read_var_u32()?;
    let after = declared.original_position();
    let added = u32::try_from(more.len()).unwrap_or(u32::MAX);
    let mut whole = Vec::with_capacity(code.len() + (start - at) + 16);
    number(&mut whole, groups.saturating_add(added));
    whole.extend(&old.as_bytes()[after - at..start - at]);
    more.iter().for_each(|kind| whole.extend([1, *kind]));
    whole.extend(code);
    if count.saturating_add(added) > LOCALS_MAX || whole.len() > BODY_BYTES_MAX {
        return Err(NotRewritten::Function { at });
    }
    Ok(whole)
}

/// The content of the export section with these globals added; no name of the module's own begins
/// with `prefix`.
///
/// # Errors
/// [`NotRewritten::Taken`].
pub(crate) fn exports(
    wasm: &[u8],
    exports: &ExportSectionReader<'_>,
    prefix: &str,
    globals: &[(String, u32)],
) -> Result<Vec<u8>, NotRewritten> {
    let mut first = None;
    for export in exports.clone().into_iter_with_offsets() {
        let (at, export) = export?;
        first.get_or_insert(at);
        if export.name.starts_with(prefix) {
            return Err(NotRewritten::Taken(export.name.to_owned()));
        }
    }
    let more = u32::try_from(globals.len()).unwrap_or(u32::MAX);
    let mut content = Vec::new();
    number(&mut content, exports.count().saturating_add(more));
    content.extend(&wasm[first.unwrap_or(exports.range().end)..exports.range().end]);
    globals
        .iter()
        .for_each(|(name, global)| export(&mut content, name, *global));
    Ok(content)
}

/// Appends the export of a global.
pub(crate) fn export(content: &mut Vec<u8>, name: &str, global: u32) {
    number(content, u32::try_from(name.len()).unwrap_or(u32::MAX));
    content.extend(name.as_bytes());
    content.push(GLOBAL_KIND);
    number(content, global);
}
