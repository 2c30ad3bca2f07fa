//! Where a guest finds what it reads.

use borsh::{BorshDeserialize, BorshSerialize};

use super::Blob;

/// A job's inputs may lie below so many folders of their own, beside `/in`.
pub const INPUT_ROOTS_MAX: usize = 16;
/// The folders that each guest has, and in which no input lies by an absolute path.
pub const WORLD_FOLDERS: [&str; 3] = ["in", "out", "tmp"];

/// A file that every task of the job can read.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Input {
    /// Where the guest finds it, below `/in/`: parts joined by `/`, none of them empty, `.` or
    /// `..`. With a `/` in front it is a place of its own, in a folder that is none of the
    /// world's own ([`WORLD_FOLDERS`]): programs look for their data where they were built to.
    pub path: String,
    /// What is in it.
    pub blob: Blob,
}

impl Input {
    /// The folder of its own that it lies in, if its path is absolute: `share` of
    /// `/share/cells.v`.
    pub fn root(&self) -> Option<&str> {
        let (root, _) = self.path.strip_prefix('/')?.split_once('/')?;
        Some(root)
    }

    /// Whether its path leads to a place that a guest has.
    pub(super) fn has_a_place(&self) -> bool {
        match self.path.strip_prefix('/') {
            None => is_plain_path(&self.path),
            Some(path) => {
                let free = |root| !WORLD_FOLDERS.contains(&root);
                is_plain_path(path) && self.root().is_some_and(free)
            }
        }
    }
}

/// Whether a path stays where it is put: relative, no empty part, no `.` and no `..`.
pub fn is_plain_path(path: &str) -> bool {
    !path.is_empty() && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Digest;
    use crate::units::Bytes;

    #[test]
    fn an_input_lies_below_in_or_in_a_folder_of_its_own() {
        for (path, root, has_a_place) in [
            ("a/b.txt", None, true),
            ("/share/ice40/cells.v", Some("share"), true),
            ("/in/a", Some("in"), false),
            ("/out/a", Some("out"), false),
            ("/tmp/a", Some("tmp"), false),
            ("/a", None, false),
            ("//share/a", Some(""), false),
            ("/share/../in/a", Some("share"), false),
        ] {
            let blob = Blob {
                digest: Digest::of(b""),
                size: Bytes::new(0),
            };
            let input = Input {
                path: path.to_owned(),
                blob,
            };
            assert_eq!(input.root(), root, "{path}");
            assert_eq!(input.has_a_place(), has_a_place, "{path}");
        }
    }

    #[test]
    fn paths_stay_where_they_are_put() {
        for (path, plain) in [
            ("a", true),
            ("a/b.txt", true),
            ("", false),
            ("/a", false),
            ("a/../b", false),
        ] {
            assert_eq!(is_plain_path(path), plain, "{path}");
        }
    }
}
