//! All rules over all files of the repository, one rule a module.
//!
//! ```text
//! tree ── every file ──▶ File { path, text, code, comments } ──▶ each rule ──▶ findings
//! ```
//!
//! A rule is a function from one file to findings, so its test is a text that breaks it. Only
//! `links` and `modules` look at the disk: what they point to must be there.

mod doors;
mod file;
mod functions;
mod homes;
mod lines;
mod links;
mod modules;
mod purity;
mod tree;
mod words;

use std::fmt;
use std::io;
use std::path::Path;

use file::File;

/// One thing to put right, and how.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    path: String,
    line: usize,
    words: String,
}

impl Finding {
    fn new(file: &File, line: usize, words: impl Into<String>) -> Self {
        Self {
            path: file.path.clone(),
            line,
            words: words.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.words)
    }
}

/// Every rule that judges a file by its text alone.
const TEXT_RULES: [fn(&File) -> Vec<Finding>; 6] = [
    lines::check,
    functions::check,
    words::check,
    purity::check,
    homes::check,
    doors::check,
];

/// All findings below `root`, in the order of path and line.
///
/// # Errors
/// A file or folder could not be read.
pub(crate) fn check(root: &Path) -> io::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for path in tree::files(root)? {
        if let Some(module) = path.strip_suffix(".wasm") {
            findings.extend(modules::check(root, module)?);
        } else if let Some(file) = File::read(root, &path)? {
            findings.extend(TEXT_RULES.iter().flat_map(|rule| rule(&file)));
            findings.extend(links::check(root, &file));
        }
    }
    findings.sort();
    Ok(findings)
}

#[cfg(test)]
fn lines_found(findings: &[Finding]) -> Vec<usize> {
    findings.iter().map(|finding| finding.line).collect()
}
