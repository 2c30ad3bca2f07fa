//! Bytes that are kept as files in `golden/`.

use std::path::Path;

/// Compares bytes with those that are kept under a name; `BLESS=1` keeps them instead.
pub(crate) fn golden(name: &str, bytes: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.hex"));
    let hex = data_encoding::HEXLOWER.encode(bytes);
    let lines: Vec<&str> = hex
        .as_bytes()
        .chunks(96)
        .filter_map(|c| str::from_utf8(c).ok())
        .collect();
    let text = lines.join("\n") + "\n";
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &text).expect("the golden folder can be written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, kept, "{name}: old peers would not understand this");
}
