//! No function is longer than a page.
//!
//! Counted are lines with code on them, from `fn` to the last brace: comments and empty lines are
//! free. A flat `match` may be longer if a comment in it says so: `// flat match: <why>`.

use super::{File, Finding};

const FUNCTION_LINES_MAX: usize = 70;
const MARKER: &str = "// flat match:";

pub(super) fn check(file: &File) -> Vec<Finding> {
    let lines: Vec<&str> = file.code.lines().collect();
    let comments: Vec<&str> = file.comments.lines().collect();
    let mut findings = Vec::new();
    for (start, end) in functions(&file.code) {
        let long = lines[start..=end]
            .iter()
            .filter(|line| !line.trim().is_empty())
            .count();
        let marked = comments[start..=end]
            .iter()
            .any(|line| line.contains(MARKER));
        if long > FUNCTION_LINES_MAX && !marked {
            let words = format!(
                "{long} lines in one function, {FUNCTION_LINES_MAX} at most: name a part of it"
            );
            findings.push(Finding::new(file, start + 1, words));
        }
    }
    findings
}

/// First and last line, from 0, of every function with a body.
fn functions(code: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let inside_name =
            code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_');
        if inside_name {
            continue;
        }
        if let Some(length) = body_end(&code[at..]) {
            let line_at = |offset: usize| code[..offset].matches('\n').count();
            found.push((line_at(at), line_at(at + length)));
        }
    }
    found
}

/// Where the last brace of a function lies that begins with `code`; `None` if it has no body.
fn body_end(code: &str) -> Option<usize> {
    let (mut brackets, mut braces) = (0_usize, 0_usize);
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets = brackets.saturating_sub(1),
            ';' if brackets == 0 && braces == 0 => return None,
            '{' if brackets == 0 || braces > 0 => braces += 1,
            '}' if braces == 1 => return Some(at),
            '}' => braces = braces.saturating_sub(1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::lines_found;
    use super::*;

    fn function(lines: usize, line: &str) -> String {
        format!(
            "//! Head.\nfn f(a: [u8; 2]) {{\n{}}}\n",
            format!("{line}\n").repeat(lines - 2)
        )
    }

    fn found(text: &str) -> Vec<usize> {
        lines_found(&check(&File::new("a.rs", text)))
    }

    #[test]
    fn a_long_function_is_found_where_it_begins() {
        assert_eq!(found(&function(70, "x();")), []);
        assert_eq!(found(&function(71, "x();")), [2]);
        assert_eq!(found(&function(71, "if a { b }")), [2]);
    }

    #[test]
    fn comments_braces_in_strings_and_a_reason_are_respected() {
        assert_eq!(found(&function(90, "// Why this is so.")), []);
        assert_eq!(
            found(&format!(
                "{}{}",
                function(40, "f(\"{\");"),
                function(40, "x();")
            )),
            []
        );
        let marked = function(90, "x();").replacen("x();", "// flat match: one line an event", 1);
        assert_eq!(found(&marked), []);
    }

    #[test]
    fn a_function_without_a_body_is_none() {
        assert_eq!(
            functions("trait A { fn a(); fn b() {} }\nlet f: fn (u8) = g;"),
            [(0, 0)]
        );
    }
}
