//! What can be said line by line: length of files and lines, tabs, the header.

use super::{File, Finding};

const FILE_LINES_MAX: usize = 400;
const TEST_FILE_LINES_MAX: usize = 600;
const LINE_COLUMNS_MAX: usize = 100;

/// Kinds of files whose lines people read side by side.
const NARROW: [&str; 4] = [".rs", ".c", ".h", ".sh"];

pub(super) fn check(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    if NARROW.iter().any(|kind| file.path.ends_with(kind)) || file.path == "x" {
        findings.extend(wide(file));
    }
    if file.is_rust() {
        findings.extend(long(file));
        findings.extend(headless(file));
        findings.extend(tabs(file));
    }
    findings
}

fn wide(file: &File) -> impl Iterator<Item = Finding> {
    (1..).zip(file.text.lines()).filter_map(|(number, line)| {
        let columns = line.chars().count();
        (columns > LINE_COLUMNS_MAX).then(|| {
            let words = format!("{columns} columns: break the line before {LINE_COLUMNS_MAX}");
            Finding::new(file, number, words)
        })
    })
}

fn long(file: &File) -> Option<Finding> {
    let max = if file.is_test() {
        TEST_FILE_LINES_MAX
    } else {
        FILE_LINES_MAX
    };
    let lines = file.text.lines().count();
    (lines > max).then(|| {
        let words = format!("{lines} lines, {max} at most: look for the seam, make two files");
        Finding::new(file, max + 1, words)
    })
}

fn headless(file: &File) -> Option<Finding> {
    let first = file
        .text
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    let headed = ["//!", "#!["]
        .iter()
        .any(|header| first.starts_with(header));
    (!headed).then(|| {
        Finding::new(
            file,
            1,
            "begin with `//!` and one sentence: what this file is",
        )
    })
}

fn tabs(file: &File) -> impl Iterator<Item = Finding> {
    (1..)
        .zip(file.text.lines())
        .filter(|(_, line)| line.contains('\t'))
        .map(|(number, _)| Finding::new(file, number, "a tab: indent with spaces, write \\t"))
}

#[cfg(test)]
mod tests {
    use super::super::lines_found;
    use super::*;

    fn found(path: &str, text: &str) -> Vec<usize> {
        lines_found(&check(&File::new(path, text)))
    }

    #[test]
    fn a_good_file_passes() {
        assert_eq!(found("a.rs", "//! What it is.\n\nfn f() {}\n"), []);
    }

    #[test]
    fn a_long_file_is_found_and_tests_may_be_longer() {
        let text = format!("//! What it is.\n{}", "x\n".repeat(400));
        assert_eq!(found("a/src/b.rs", &text), [401]);
        assert_eq!(found("a/tests/b.rs", &text), []);
        let text = format!("//! What it is.\n{}", "x\n".repeat(600));
        assert_eq!(found("a/tests/b.rs", &text), [601]);
    }

    #[test]
    fn a_wide_line_is_found_and_columns_are_characters() {
        let text = format!("//! {}\n//! {}\n", "é".repeat(96), "é".repeat(97));
        assert_eq!(found("a.rs", &text), [2]);
        assert_eq!(found("a.md", &text), []);
    }

    #[test]
    fn a_tab_and_a_missing_header_are_found() {
        assert_eq!(found("a.rs", "//! What it is.\n\tx\n"), [2]);
        assert_eq!(found("a.rs", "// Not a header.\n"), [1]);
        assert_eq!(found("a.rs", ""), [1]);
    }
}
