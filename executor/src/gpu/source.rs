//! From bytes to a shader that naga accepts: length, words, nesting, syntax, types.
//!
//! The caps before parsing bound how deep naga's own recursion can go, together with the stack that
//! [`super::check_shader`] gives it.

use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{Module, front::wgsl};
use protocol::kernel::SHADER_MAX;

use super::refused::ShaderRefused;

/// Between two of `;`, `{` and `}` there may be so many bytes, comments included.
const STATEMENT_BYTES_MAX: usize = 4_096;
/// There may be so many `else`.
const ELSES_MAX: usize = 256;
/// Names that belong to the meter.
const RESERVED: &str = "tg_";

/// A shader as naga sees it.
pub(crate) struct Parsed {
    pub(crate) module: Module,
    pub(crate) info: ModuleInfo,
}

/// Reads a stranger's bytes.
///
/// # Errors
/// [`ShaderRefused`].
pub(crate) fn read(bytes: &[u8]) -> Result<&str, ShaderRefused> {
    if bytes.len() as u64 > SHADER_MAX.get() {
        let max = SHADER_MAX.get();
        let why = format!(
            "it has {} bytes, and at most {max} are allowed",
            bytes.len()
        );
        return Err(ShaderRefused::anywhere(why));
    }
    let source = str::from_utf8(bytes)
        .map_err(|error| ShaderRefused::anywhere(format!("not UTF-8: {error}")))?;
    if let Some(byte) = source.find(RESERVED) {
        return Err(ShaderRefused::at(
            source,
            byte,
            "names with `tg_` are the meter's",
        ));
    }
    if let Some((byte, _)) = source.match_indices("else").nth(ELSES_MAX) {
        let why = format!("there are more than {ELSES_MAX} `else`");
        return Err(ShaderRefused::at(source, byte, why));
    }
    let mut start = 0;
    for part in source.split_inclusive([';', '{', '}']) {
        if part.len() > STATEMENT_BYTES_MAX {
            let why = format!("a statement has more than {STATEMENT_BYTES_MAX} bytes");
            return Err(ShaderRefused::at(source, start, why));
        }
        start += part.len();
    }
    Ok(source)
}

/// Parses and validates WGSL that follows `prelude` bytes of our own.
///
/// # Errors
/// [`ShaderRefused`] with the place in what follows the prelude.
pub(crate) fn parse(text: &str, prelude: usize) -> Result<Parsed, ShaderRefused> {
    let source = &text[prelude..];
    let module = wgsl::parse_str(text).map_err(|error| {
        let (span, label) = error.labels().next().unwrap_or_default();
        let why = match label {
            "" => error.message().to_owned(),
            label => format!("{} ({label})", error.message()),
        };
        ShaderRefused::spanned(source, prelude, span, why)
    })?;
    let mut validator = Validator::new(ValidationFlags::all(), Capabilities::empty());
    let info = validator.validate(&module).map_err(|error| {
        let span = error
            .spans()
            .next()
            .map(|(span, _)| *span)
            .unwrap_or_default();
        ShaderRefused::spanned(source, prelude, span, chain(error.as_inner()))
    })?;
    Ok(Parsed { module, info })
}

/// An error and what it comes from, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}
