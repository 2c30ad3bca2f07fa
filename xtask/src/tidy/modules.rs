//! A built module is the one its hash names: `a.wasm` has `a.wasm.blake3` beside it, in hex.

use std::fs;
use std::io;
use std::path::Path;

use super::{File, Finding};

/// Judges the module at `<stem>.wasm` below `root`.
///
/// # Errors
/// The module could not be read.
pub(super) fn check(root: &Path, stem: &str) -> io::Result<Option<Finding>> {
    let path = format!("{stem}.wasm");
    let hash = blake3::hash(&fs::read(root.join(&path))?).to_hex();
    let words = match fs::read_to_string(root.join(format!("{path}.blake3"))) {
        Ok(kept) if kept.trim() == hash.as_str() => return Ok(None),
        Ok(_) => "is not what its .blake3 names",
        Err(_) => "has no .blake3 beside it",
    };
    let words = format!("{words}: rebuild it with examples/jobs/build.sh");
    Ok(Some(Finding::new(&File::new(&path, ""), 1, words)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_beside_a_module_must_be_its_own() {
        let root = std::env::temp_dir().join(format!("tidy-modules-{}", std::process::id()));
        fs::create_dir_all(&root).expect("a folder for this test");
        fs::write(root.join("a.wasm"), "not even wasm").expect("writes");
        let found = |root| {
            check(root, "a")
                .expect("reads")
                .map(|finding| finding.to_string())
        };
        assert!(found(&root).is_some_and(|words| words.starts_with("a.wasm:1: has no .blake3")));

        let hash = format!("{}\n", blake3::hash(b"not even wasm").to_hex());
        fs::write(root.join("a.wasm.blake3"), &hash).expect("writes");
        assert_eq!(found(&root), None);

        fs::write(root.join("a.wasm"), "another").expect("writes");
        assert!(found(&root).is_some_and(|words| words.starts_with("a.wasm:1: is not what")));
        fs::remove_dir_all(&root).expect("removes");
    }
}
