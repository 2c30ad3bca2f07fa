//! One play that ends in one root, on debug and release builds and on every machine. Whatever
//! changes a rule, a steward or the play itself changes it: then `BLESS=1` writes it anew.

mod scenes;

use std::path::Path;

use scenes::{play, short};

#[test]
fn a_fixed_play_ends_in_a_fixed_root() {
    let story = play(&short("griefing", 3_000), 1..=1).remove(0);
    let (root, blocks, entries) = (story.root.full(), story.blocks, story.entries);
    let found = format!("{root} {blocks} blocks {entries} entries\n");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/root.txt");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &found).expect("the golden folder can be written");
    }
    let kept = std::fs::read_to_string(&path).expect("the root is in the repository");
    assert_eq!(
        found, kept,
        "if that is what you wanted: BLESS=1 cargo test -p sim --test frozen"
    );
}
