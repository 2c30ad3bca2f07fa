//! Words that have no place here: unfinished work, names that say nothing, paths of one machine.

use super::file::holds_word;
use super::{File, Finding};

/// In code: (what is looked for, what to do).
const IN_CODE: [(&str, &str); 4] = [
    ("todo!", "write it, or leave the feature out"),
    ("unimplemented!", "write it, or leave the feature out"),
    ("dbg!", "take it out, or log an event with fields"),
    ("#[ignore", "a test runs, or it goes"),
];

/// In comments.
const IN_COMMENTS: [&str; 4] = ["TODO", "FIXME", "XXX", "HACK"];

/// Names of files and folders that would fit any code.
const IN_NAMES: [&str; 6] = ["utils", "util", "helpers", "helper", "misc", "common"];

/// Beginnings of paths that exist on one machine only.
const MACHINE_PATHS: [&str; 2] = [concat!("/ro", "ot/"), concat!("/ho", "me/")];

pub(super) fn check(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(file.code.lines()) {
        for (word, instead) in IN_CODE.iter().filter(|(word, _)| line.contains(word)) {
            findings.push(Finding::new(file, number, format!("`{word}`: {instead}")));
        }
    }
    for (number, line) in (1..).zip(file.comments.lines()) {
        for word in IN_COMMENTS.iter().filter(|word| holds_word(line, word)) {
            let words = format!("`{word}`: do it now, or open an issue");
            findings.push(Finding::new(file, number, words));
        }
    }
    for (number, line) in (1..).zip(file.text.lines()) {
        for path in MACHINE_PATHS.iter().filter(|path| line.contains(**path)) {
            let words =
                format!("`{path}...` is a path of one machine: say it relative to the root");
            findings.push(Finding::new(file, number, words));
        }
    }
    findings.extend(nameless(file));
    findings
}

fn nameless(file: &File) -> Option<Finding> {
    let stem = file.path.strip_suffix(".rs")?;
    let name = stem.split('/').find(|part| IN_NAMES.contains(part))?;
    Some(Finding::new(
        file,
        1,
        format!("`{name}` says nothing: name it after what it does"),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::lines_found;
    use super::*;

    fn found(path: &str, text: &str) -> Vec<usize> {
        lines_found(&check(&File::new(path, text)))
    }

    #[test]
    fn unfinished_work_is_found_but_not_in_strings() {
        assert_eq!(found("a.rs", "fn f() {\n    todo!()\n}\ndbg!(x);"), [2, 4]);
        assert_eq!(found("a.rs", "#[test]\n#[ignore]\nfn f() {}"), [2]);
        assert_eq!(found("a.rs", "let word = \"todo!\";"), []);
        assert_eq!(found("a.rs", "ok();\n// TODO: later"), [2]);
        assert_eq!(
            found("a.rs", "// A list of TODOS is not one.\nlet a = \"TODO\";"),
            []
        );
    }

    #[test]
    fn names_that_say_nothing_are_found() {
        assert_eq!(found("peer/src/utils.rs", ""), [1]);
        assert_eq!(found("peer/tests/common/mod.rs", ""), [1]);
        assert_eq!(found("peer/src/uncommon.rs", ""), []);
    }

    #[test]
    fn paths_of_one_machine_are_found_anywhere() {
        assert_eq!(found("a.md", &format!("see\n{}me", MACHINE_PATHS[0])), [2]);
        assert_eq!(
            found("a.rs", &format!("let a = \"{}me\";", MACHINE_PATHS[1])),
            [1]
        );
    }
}
