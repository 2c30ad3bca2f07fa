//! Faces of every answer: a table for people, tab-separated values for `cut`, JSON for programs,
//! bare ids for the shell. What is shown is decided here; where it goes, at the top.

mod channel;
mod council;
mod devices;
mod doctor;
mod faces;
mod govern;
mod gpu;
mod lease;
mod market;
mod paper;
mod party;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
mod trust;
mod work;

use clap::ValueEnum;
use serde::Serialize;
use serde_json::Value;

use crate::api::types::{Document, Kind};
pub use paper::{Cell, Section, Tone, plain};

/// How an answer is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table on a terminal, tab-separated values without a heading otherwise.
    #[default]
    Auto,
    /// A table with the columns that most people want.
    Table,
    /// A table with all columns and whole ids.
    Wide,
    /// One JSON document.
    Json,
    /// One line of JSON per item.
    Jsonl,
    /// Tab-separated values without a heading.
    Tsv,
    /// Ids, one a line.
    Id,
}

/// How, and for what kind of screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// How.
    pub format: Format,
    /// Whether a person watches.
    pub terminal: bool,
    /// Whether only ASCII can be shown.
    pub ascii: bool,
}

/// An answer that can be shown.
pub trait Face: Serialize + Kind {
    /// It, as cards and tables; ids whole if `wide`.
    fn sections(&self, wide: bool) -> Vec<Section>;

    /// The ids of the things it is about.
    fn ids(&self) -> Vec<String>;
}

impl Look {
    /// Whether the answer is read by a program as JSON.
    pub const fn is_json(&self) -> bool {
        matches!(self.format, Format::Json | Format::Jsonl)
    }

    /// The answer as text that ends with a line end, or is empty. Colours are in it where a table
    /// is written; the stream takes them out where they do not belong.
    pub fn write<T: Face>(&self, answer: &T) -> String {
        let format = match (self.format, self.terminal) {
            (Format::Auto, true) => Format::Table,
            (Format::Auto, false) => Format::Tsv,
            (format, _) => format,
        };
        match format {
            Format::Json => pretty(answer),
            Format::Jsonl => lines(answer),
            Format::Id => answer.ids().iter().map(|id| format!("{id}\n")).collect(),
            Format::Tsv => paper::tsv(&answer.sections(true)),
            Format::Wide => paper::table(&answer.sections(true), self.ascii),
            Format::Table | Format::Auto => paper::table(&answer.sections(false), self.ascii),
        }
    }
}

fn pretty<T: Face>(answer: &T) -> String {
    let text = serde_json::to_string_pretty(&Document::of(answer));
    text.expect("our documents have text keys and finite numbers") + "\n"
}

fn lines<T: Face>(answer: &T) -> String {
    let document = serde_json::to_value(Document::of(answer))
        .expect("our documents have text keys and finite numbers");
    match document.get("items").and_then(Value::as_array) {
        Some(items) => items.iter().map(|item| format!("{item}\n")).collect(),
        None => format!("{document}\n"),
    }
}
