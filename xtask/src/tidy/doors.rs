//! Doors that exist for one room alone, and are shut to all others.

use super::file::holds_word;
use super::{File, Finding};

/// (Name, where it may be named, why.)
const DOORS: [(&str, &[&str], &str); 1] = [(
    "begin_even_if_cheating_pays",
    &["ledger/rules/src/", "sim/", "xtask/"],
    "only the simulator tries numbers that a federation may not have",
)];

pub(super) fn check(file: &File) -> Vec<Finding> {
    if !file.is_rust() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (name, rooms, why) in DOORS {
        if rooms.iter().any(|room| file.path.starts_with(room)) {
            continue;
        }
        for (number, line) in (1..).zip(file.code.lines()) {
            if holds_word(line, name) {
                findings.push(Finding::new(file, number, format!("`{name}`: {why}")));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::lines_found;
    use super::*;

    #[test]
    fn the_simulator_s_door_is_shut_to_the_binary() {
        let text = "use rules::begin;\nlet rows = rules::begin_even_if_cheating_pays(&genesis);";
        let found = |path: &str| lines_found(&check(&File::new(path, text)));
        assert_eq!(found("peer/src/up.rs"), [2]);
        assert_eq!(found("ledger/src/app.rs"), [2]);
        assert_eq!(found("sim/src/world.rs"), []);
    }
}
