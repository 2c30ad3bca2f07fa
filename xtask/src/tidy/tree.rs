//! The files of the repository: what git would keep, found without asking git.

use std::fs;
use std::io;
use std::path::Path;

/// Folders of the root that hold nothing written by us, as `.gitignore` has them. Hidden ones are
/// left out too, but for the next two.
const SKIPPED: [&str; 4] = ["target", "peer-demo", "sim-out", "mutants.out"];
const HIDDEN_BUT_OURS: [&str; 2] = [".cargo", ".ci"];

/// Deeper than any folder here: a link in a circle ends there.
const DEPTH_MAX: usize = 16;

/// Paths below `root`, with `/` between folders, sorted.
///
/// # Errors
/// A folder could not be read.
pub(super) fn files(root: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    visit(root, "", 0, &mut found)?;
    found.sort();
    Ok(found)
}

fn visit(folder: &Path, prefix: &str, depth: usize, found: &mut Vec<String>) -> io::Result<()> {
    if depth > DEPTH_MAX {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let path = format!("{prefix}{name}");
        if entry.file_type()?.is_dir() {
            let hidden = name.starts_with('.') && !HIDDEN_BUT_OURS.contains(&name.as_str());
            if !hidden && !SKIPPED.contains(&path.as_str()) {
                visit(&entry.path(), &format!("{path}/"), depth + 1, found)?;
            }
        } else {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_our_files_and_not_those_of_git() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .expect("the root");
        let found = files(root).expect("the repository can be read");
        assert!(found.contains(&"xtask/src/tidy/tree.rs".to_owned()));
        assert!(found.contains(&".cargo/config.toml".to_owned()));
        assert!(!found.iter().any(|path| path.starts_with(".git/")));
        let ignored = fs::read_to_string(root.join(".gitignore")).expect("it is there");
        for skipped in SKIPPED {
            assert!(ignored.contains(&format!("/{skipped}\n")), "{skipped}");
        }
    }
}
