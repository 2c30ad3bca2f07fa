//! Every relative link in a document leads somewhere.

use std::path::Path;

use super::{File, Finding};

pub(super) fn check(root: &Path, file: &File) -> Vec<Finding> {
    if !file.path.ends_with(".md") {
        return Vec::new();
    }
    let folder = root
        .join(&file.path)
        .parent()
        .map(Path::to_path_buf)
        .unwrap_or_default();
    links(&file.text)
        .into_iter()
        .filter(|(_, target)| !folder.join(target).exists())
        .map(|(number, target)| {
            Finding::new(
                file,
                number,
                format!("`{target}` is not there: correct the link"),
            )
        })
        .collect()
}

/// Line and target of every relative link, without what follows `#`.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        // Every second piece between backticks is code.
        for prose in line.split('`').step_by(2) {
            for after in prose.split("](").skip(1) {
                let target = after.split([')', ' ', '#']).next().unwrap_or_default();
                if !target.is_empty() && !target.contains(':') {
                    found.push((number, target));
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::lines_found;
    use super::*;

    #[test]
    fn a_link_to_nowhere_is_found() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let text = "[a](tidy/links.rs#top)\n[b](tidy/gone.rs) and ![c](../src/gone.png)\n";
        assert_eq!(
            lines_found(&check(root, &File::new("src/a.md", text))),
            [2, 2]
        );
        assert_eq!(check(root, &File::new("src/a.txt", text)), []);
    }

    #[test]
    fn addresses_anchors_and_code_are_not_followed() {
        assert_eq!(
            links("[a](https://a.b) [c](#d)\n`[e](f)`\n```\n[g](h)\n```\n[i](j)"),
            [(6, "j")]
        );
        assert_eq!(links("[`a`](b)"), [(1, "b")]);
    }
}
