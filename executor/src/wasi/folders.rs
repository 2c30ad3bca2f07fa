//! What a guest finds when it starts: its inputs, where they were put, and room of its own.

use std::collections::BTreeMap;

use super::tree::{Fixed, Kind, Place, Tree};

/// The folders that a guest starts with.
#[derive(Clone, Debug)]
pub(crate) struct Folders {
    /// `/out`, and the working folder: what is in it at the end is the task's output.
    pub(crate) outside: Place,
    /// Each by the name that the guest is told, in the order of their descriptors: `/in`, `/out`,
    /// `.`, `/tmp`, and those that absolute inputs lie in, in the order of the inputs.
    pub(crate) opened: Vec<(String, Place)>,
}

impl Folders {
    /// The folder of this name that absolute inputs lie in.
    fn root(&mut self, tree: &mut Tree, name: &str) -> Place {
        let name = format!("/{name}");
        if let Some((_, place)) = self.opened.iter().find(|(opened, _)| *opened == name) {
            return *place;
        }
        let place = tree.top(false);
        self.opened.push((name, place));
        place
    }
}

impl Tree {
    /// What a task starts with: these inputs, an empty `/out` and an empty `/tmp`.
    pub(crate) fn new(inputs: &[(String, Fixed)]) -> (Self, Folders) {
        let mut tree = Self::empty();
        let inside = tree.top(false);
        let outside = tree.top(true);
        let mut folders = Folders {
            outside,
            opened: vec![
                ("/in".to_owned(), inside),
                ("/out".to_owned(), outside),
                (".".to_owned(), outside),
                ("/tmp".to_owned(), tree.top(true)),
            ],
        };
        for (path, file) in inputs {
            let (mut at, path) = match path.strip_prefix('/').and_then(|p| p.split_once('/')) {
                Some((root, path)) => (folders.root(&mut tree, root), path),
                None => (inside, path.as_str()),
            };
            let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
            for part in folders.split('/').filter(|part| !part.is_empty()) {
                at = match tree.child(at, part) {
                    Some(place) => place,
                    None => tree.add(at, part, Kind::Folder(BTreeMap::new()), false),
                };
            }
            tree.add(at, name, Kind::Fixed(file.clone()), false);
        }
        (tree, folders)
    }
}
