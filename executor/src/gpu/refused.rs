//! How a shader is refused: in words, with the place in its source.

use std::fmt;

use naga::Span;
use thiserror::Error;

/// A line that is shown with a refusal has at most so many characters.
const SHOWN_MAX: usize = 120;

/// Why no task of a shader can ever run. The same words on every machine.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub struct ShaderRefused {
    /// What is wrong.
    pub why: String,
    /// Where; absent if it is not at one place.
    pub place: Option<Place>,
}

/// A place in a shader's source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line, from 1.
    pub line: u32,
    /// The byte in the line, from 1.
    pub column: u32,
    /// The line itself, cut where it is long.
    pub text: String,
}

impl fmt::Display for ShaderRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Place { line, column, text }) = &self.place else {
            return write!(f, "shader: {}", self.why);
        };
        write!(
            f,
            "shader:{line}:{column}: {}\n{line:>5} | {text}",
            self.why
        )
    }
}

impl ShaderRefused {
    /// A refusal that is not at one place.
    pub(crate) fn anywhere(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            place: None,
        }
    }

    /// A refusal at a byte of the source.
    pub(crate) fn at(source: &str, byte: usize, why: impl Into<String>) -> Self {
        let before = source.get(..byte).unwrap_or(source);
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let line = before.matches('\n').count() + 1;
        let text = source[start..].lines().next().unwrap_or("");
        let shown = text.chars().map(|c| if c.is_control() { ' ' } else { c });
        Self {
            why: why.into(),
            place: Some(Place {
                line: u32::try_from(line).unwrap_or(u32::MAX),
                column: u32::try_from(before.len() - start + 1).unwrap_or(u32::MAX),
                text: shown.take(SHOWN_MAX).collect(),
            }),
        }
    }

    /// A refusal at a span of `prelude` bytes followed by the source.
    pub(crate) fn spanned(
        source: &str,
        prelude: usize,
        span: Span,
        why: impl Into<String>,
    ) -> Self {
        let byte = span
            .to_range()
            .and_then(|range| range.start.checked_sub(prelude));
        match byte {
            Some(byte) => Self::at(source, byte, why),
            None => Self::anywhere(why),
        }
    }
}
