//! The guest's files: a tree in memory, whose inputs are opened files read in place.
//!
//! Nothing here comes from the host's file system but the bytes of the inputs: inode numbers are
//! places in this tree, and there are no times. So the same calls give the same answers on every
//! machine. Places of removed files are used again, so a guest cannot grow the tree without end.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::errno::Errno;

mod state;

pub(crate) use state::{TreeImage, number};

/// A name in a path may have so many bytes.
pub(crate) const NAME_BYTES_MAX: usize = 255;
/// A path given to a call may have so many bytes.
pub(crate) const PATH_BYTES_MAX: usize = 4_096;

/// A node's place in the tree. Its inode number is one more.
pub(crate) type Place = usize;

/// A file that cannot change: opened before the worker was jailed, read where it lies.
#[derive(Clone, Debug)]
pub(crate) struct Fixed {
    /// The opened file.
    pub(crate) file: Arc<File>,
    /// How many bytes it has.
    pub(crate) size: u64,
}

impl Fixed {
    /// Fills as much of `into` as there is from `at` on, and says how much that was.
    pub(crate) fn read(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.size.saturating_sub(at)).unwrap_or(usize::MAX);
        let count = into.len().min(left);
        self.file.read_exact_at(&mut into[..count], at)?;
        Ok(count)
    }
}

/// What lies at a place.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// A directory's children by name.
    Folder(BTreeMap<String, Place>),
    /// An input.
    Fixed(Fixed),
    /// A file the guest made.
    Made(Vec<u8>),
    /// Nothing: the place can be used again.
    Free,
}

#[derive(Clone, Debug)]
struct Node {
    kind: Kind,
    parent: Place,
    changeable: bool,
    linked: bool,
    opened: u32,
}

/// Where a path leads: the folder it ends in, the last name, and what is there now.
#[derive(Debug)]
pub(crate) struct Spot {
    /// The folder that holds it.
    pub(crate) folder: Place,
    /// Its name there; `.` if the path is the folder itself.
    pub(crate) name: String,
    /// The node of that name.
    pub(crate) place: Option<Place>,
}

/// The whole tree.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
    free: Vec<Place>,
    /// Bytes in files the guest made.
    pub(crate) bytes: u64,
    /// Files and folders the guest made.
    pub(crate) made: u32,
}

impl Tree {
    /// A tree with nothing in it.
    pub(super) const fn empty() -> Self {
        Self {
            nodes: Vec::new(),
            free: Vec::new(),
            bytes: 0,
            made: 0,
        }
    }

    /// A folder in no other.
    pub(super) fn top(&mut self, changeable: bool) -> Place {
        let place = self.put(Kind::Folder(BTreeMap::new()), 0, changeable);
        self.nodes[place].parent = place;
        place
    }

    fn put(&mut self, kind: Kind, parent: Place, changeable: bool) -> Place {
        let node = Node {
            kind,
            parent,
            changeable,
            linked: true,
            opened: 0,
        };
        if let Some(place) = self.free.pop() {
            self.nodes[place] = node;
            return place;
        }
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    pub(super) fn add(&mut self, folder: Place, name: &str, kind: Kind, changeable: bool) -> Place {
        let place = self.put(kind, folder, changeable);
        self.link(folder, name, place);
        place
    }

    fn link(&mut self, folder: Place, name: &str, place: Place) {
        if let Kind::Folder(children) = &mut self.nodes[folder].kind {
            children.insert(name.to_owned(), place);
        }
        self.nodes[place].parent = folder;
    }

    pub(super) fn child(&self, folder: Place, name: &str) -> Option<Place> {
        match &self.nodes[folder].kind {
            Kind::Folder(children) => children.get(name).copied(),
            _ => None,
        }
    }

    /// What lies there.
    pub(crate) fn kind(&self, place: Place) -> &Kind {
        &self.nodes[place].kind
    }

    /// Whether the guest may change what lies there.
    pub(crate) fn is_changeable(&self, place: Place) -> bool {
        self.nodes[place].changeable
    }

    /// Whether a folder still has a name, so that something can be put into it.
    fn takes_names(&self, folder: Place) -> Result<(), Errno> {
        let node = &self.nodes[folder];
        match node.kind {
            Kind::Folder(_) if !node.changeable => Err(Errno::Rofs),
            Kind::Folder(_) if !node.linked => Err(Errno::Noent),
            Kind::Folder(_) => Ok(()),
            _ => Err(Errno::Notdir),
        }
    }

    /// A file's length; 0 for a folder.
    pub(crate) fn len(&self, place: Place) -> u64 {
        match &self.nodes[place].kind {
            Kind::Fixed(file) => file.size,
            Kind::Made(content) => content.len() as u64,
            Kind::Folder(_) | Kind::Free => 0,
        }
    }

    /// Follows a path from a folder. `..` never climbs above that folder.
    pub(crate) fn find(&self, folder: Place, path: &str) -> Result<Spot, Errno> {
        if path.is_empty() {
            return Err(Errno::Noent);
        }
        if path.starts_with('/') {
            return Err(Errno::Notcapable);
        }
        let mut way = vec![folder];
        let mut parts = path
            .split('/')
            .filter(|part| !matches!(*part, "" | "."))
            .peekable();
        let here = |way: &[Place]| *way.last().expect("the start is never left");
        while let Some(part) = parts.next() {
            let at = here(&way);
            if !matches!(self.nodes[at].kind, Kind::Folder(_)) {
                return Err(Errno::Notdir);
            }
            if part == ".." {
                way.pop();
                if way.is_empty() {
                    return Err(Errno::Notcapable);
                }
                continue;
            }
            if part.len() > NAME_BYTES_MAX {
                return Err(Errno::NameTooLong);
            }
            let place = self.child(at, part);
            if parts.peek().is_none() {
                let must_be_folder = path.ends_with('/');
                let is_file = place.is_some_and(|p| !matches!(self.kind(p), Kind::Folder(_)));
                if must_be_folder && is_file {
                    return Err(Errno::Notdir);
                }
                return Ok(Spot {
                    folder: at,
                    name: part.to_owned(),
                    place,
                });
            }
            way.push(place.ok_or(Errno::Noent)?);
        }
        let at = here(&way);
        Ok(Spot {
            folder: at,
            name: ".".to_owned(),
            place: Some(at),
        })
    }

    /// Makes an empty file or folder at a free spot of a folder that takes names.
    pub(crate) fn make(&mut self, spot: &Spot, kind: Kind) -> Result<Place, Errno> {
        self.takes_names(spot.folder)?;
        if spot.place.is_some() {
            return Err(Errno::Exist);
        }
        self.made += 1;
        Ok(self.add(spot.folder, &spot.name, kind, true))
    }

    /// Counts one more, or one less, descriptor open on a node.
    pub(crate) fn opened(&mut self, place: Place) {
        self.nodes[place].opened += 1;
    }

    /// See [`Tree::opened`]. A node without name and without descriptors is gone.
    pub(crate) fn closed(&mut self, place: Place) {
        self.nodes[place].opened -= 1;
        self.free_if_lost(place);
    }

    fn free_if_lost(&mut self, place: Place) {
        let node = &mut self.nodes[place];
        if node.linked || node.opened > 0 {
            return;
        }
        if let Kind::Made(content) = &node.kind {
            self.bytes -= content.len() as u64;
        }
        node.kind = Kind::Free;
        self.made -= 1;
        self.free.push(place);
    }

    /// Takes a name away from a file (`folder: false`) or an empty folder.
    pub(crate) fn remove(&mut self, spot: &Spot, folder: bool) -> Result<(), Errno> {
        let place = spot.place.ok_or(Errno::Noent)?;
        match (self.kind(place), folder) {
            (Kind::Folder(children), true) if children.is_empty() => {}
            (Kind::Folder(_), true) => return Err(Errno::Notempty),
            (Kind::Folder(_), false) => return Err(Errno::Isdir),
            (_, true) => return Err(Errno::Notdir),
            (_, false) => {}
        }
        if spot.name == "." {
            return Err(Errno::Inval);
        }
        self.takes_names(spot.folder)?;
        self.unlink(spot, place);
        Ok(())
    }

    fn unlink(&mut self, spot: &Spot, place: Place) {
        if let Kind::Folder(children) = &mut self.nodes[spot.folder].kind {
            children.remove(&spot.name);
        }
        self.nodes[place].linked = false;
        self.free_if_lost(place);
    }

    /// Gives a node another name, replacing a file or an empty folder that had it.
    pub(crate) fn rename(&mut self, from: &Spot, to: &Spot) -> Result<(), Errno> {
        let place = from.place.ok_or(Errno::Noent)?;
        if from.name == "." || to.name == "." {
            return Err(Errno::Inval);
        }
        self.takes_names(from.folder)?;
        self.takes_names(to.folder)?;
        if to.place == Some(place) {
            return Ok(());
        }
        let is_folder = matches!(self.kind(place), Kind::Folder(_));
        if is_folder && self.is_within(to.folder, place) {
            return Err(Errno::Inval);
        }
        if to.place.is_some() {
            self.remove(to, is_folder)?;
        }
        if let Kind::Folder(children) = &mut self.nodes[from.folder].kind {
            children.remove(&from.name);
        }
        self.link(to.folder, &to.name, place);
        Ok(())
    }

    fn is_within(&self, mut place: Place, folder: Place) -> bool {
        loop {
            if place == folder {
                return true;
            }
            let parent = self.nodes[place].parent;
            if parent == place {
                return false;
            }
            place = parent;
        }
    }

    /// Changes a made file's length; new bytes are zero.
    pub(crate) fn resize(&mut self, place: Place, len: usize) -> Result<(), Errno> {
        match &mut self.nodes[place].kind {
            Kind::Made(content) => {
                self.bytes = self.bytes - content.len() as u64 + len as u64;
                content.resize(len, 0);
                Ok(())
            }
            Kind::Fixed(_) => Err(Errno::Rofs),
            Kind::Folder(_) | Kind::Free => Err(Errno::Isdir),
        }
    }

    /// A made file's content, to be written to.
    pub(crate) fn content(&mut self, place: Place) -> Result<&mut [u8], Errno> {
        match &mut self.nodes[place].kind {
            Kind::Made(content) => Ok(content),
            Kind::Fixed(_) => Err(Errno::Rofs),
            Kind::Folder(_) | Kind::Free => Err(Errno::Isdir),
        }
    }

    /// Takes out every file below a folder, sorted by path; `None` if the paths together have more
    /// than `names_max` bytes.
    pub(crate) fn take(&mut self, top: Place, names_max: usize) -> Option<Vec<(String, Vec<u8>)>> {
        let mut files = Vec::new();
        let mut left = names_max;
        let mut open = vec![(String::new(), top)];
        while let Some((path, place)) = open.pop() {
            match &mut self.nodes[place].kind {
                Kind::Folder(children) => {
                    for (name, child) in children {
                        let slash = if path.is_empty() { "" } else { "/" };
                        let below = format!("{path}{slash}{name}");
                        left = left.checked_sub(below.len())?;
                        open.push((below, *child));
                    }
                }
                Kind::Made(content) => files.push((path, std::mem::take(content))),
                Kind::Fixed(_) | Kind::Free => {}
            }
        }
        files.sort();
        Some(files)
    }
}
