//! The tree as it is written for a step's root and snapshot, and the checked way back.
//!
//! What the guest cannot change is not written: it is what the task starts with. How often a node
//! is open follows from the descriptors, and so does nothing else.

use std::collections::BTreeMap;

use borsh::io::{self, Write};
use borsh::{BorshDeserialize, BorshSerialize};

use super::{Kind, NAME_BYTES_MAX, Node, Place, Tree};

/// The changeable part of a tree, in the order of its places.
#[derive(Debug, BorshDeserialize)]
pub(crate) struct TreeImage {
    /// Each place's node; `None` where the task's start has one that cannot change.
    nodes: Vec<Option<NodeImage>>,
    /// The places that can be used again, the next one last.
    free: Vec<u32>,
}

#[derive(Debug, BorshDeserialize)]
struct NodeImage {
    kind: KindImage,
    parent: u32,
    linked: bool,
}

#[derive(Debug, BorshDeserialize)]
enum KindImage {
    Folder(BTreeMap<String, u32>),
    Made(Vec<u8>),
    Free,
}

/// A place as it is written.
pub(crate) fn number(place: Place) -> io::Result<u32> {
    u32::try_from(place).map_err(io::Error::other)
}

impl Node {
    /// Writes what [`NodeImage`] reads.
    fn write(&self, to: &mut impl Write) -> io::Result<()> {
        match &self.kind {
            Kind::Folder(children) => {
                0_u8.serialize(to)?;
                number(children.len())?.serialize(to)?;
                for (name, child) in children {
                    (name, number(*child)?).serialize(to)?;
                }
            }
            Kind::Made(content) => (1_u8, content).serialize(to)?,
            Kind::Free => 2_u8.serialize(to)?,
            Kind::Fixed(_) => return Err(io::Error::other("an input is changeable")),
        }
        (number(self.parent)?, self.linked).serialize(to)
    }
}

impl Tree {
    /// Writes what [`TreeImage`] reads; the same for trees that no guest can tell apart.
    ///
    /// # Errors
    /// If `to` does not take it.
    pub(crate) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        number(self.nodes.len())?.serialize(to)?;
        for node in &self.nodes {
            node.changeable.serialize(to)?;
            if node.changeable {
                node.write(to)?;
            }
        }
        number(self.free.len())?.serialize(to)?;
        self.free
            .iter()
            .try_for_each(|place| number(*place)?.serialize(to))
    }

    /// The tree of this image, for a task that starts with `start`. Its nodes are not open yet.
    ///
    /// # Errors
    /// Why no task can have come to it.
    pub(crate) fn from_image(start: &Self, image: TreeImage) -> Result<Self, &'static str> {
        if image.nodes.len() < start.nodes.len() {
            return Err("a place of the start is missing");
        }
        let mut tree = start.clone();
        tree.free = image.free.iter().map(|place| *place as Place).collect();
        for (place, node) in image.nodes.into_iter().enumerate() {
            let first = start.nodes.get(place);
            match (first, node) {
                (Some(first), None) if !first.changeable => {}
                (Some(first), Some(node)) if first.changeable => {
                    tree.nodes[place] = node.into_node();
                }
                (None, Some(node)) => {
                    tree.made += u32::from(!matches!(node.kind, KindImage::Free));
                    tree.nodes.push(node.into_node());
                }
                _ => return Err("a place is changeable where the start's is not, or the reverse"),
            }
        }
        let contents = tree.nodes.iter().map(|node| match &node.kind {
            Kind::Made(content) => content.len() as u64,
            _ => 0,
        });
        tree.bytes = contents.sum();
        tree.holds(start.nodes.len())?;
        Ok(tree)
    }

    /// Whether every name leads to one node, every node with a name has one, and every place that
    /// can be used again is free. `tops` is how many nodes the start has.
    fn holds(&self, tops: usize) -> Result<(), &'static str> {
        let mut named = vec![false; self.nodes.len()];
        let is_top = |place: Place| place < tops && self.nodes[place].changeable;
        let mut open: Vec<Place> = (0..tops).filter(|place| is_top(*place)).collect();
        for top in &open {
            let node = &self.nodes[*top];
            if node.parent != *top || !node.linked || !matches!(node.kind, Kind::Folder(_)) {
                return Err("a folder of the start is no longer one");
            }
        }
        while let Some(place) = open.pop() {
            let Kind::Folder(children) = &self.nodes[place].kind else {
                continue;
            };
            for (name, child) in children {
                let node = self.nodes.get(*child).filter(|_| *child >= tops);
                let node = node.ok_or("a name leads out of the tree")?;
                if std::mem::replace(&mut named[*child], true) || node.parent != place {
                    return Err("a node has two names");
                }
                let plain = !matches!(name.as_str(), "" | "." | "..") && !name.contains('/');
                if !plain || name.len() > NAME_BYTES_MAX || matches!(node.kind, Kind::Free) {
                    return Err("a name is none, or leads to nothing");
                }
                open.push(*child);
            }
        }
        let mut free = vec![false; self.nodes.len()];
        for place in &self.free {
            match free.get_mut(*place) {
                Some(seen) if !*seen => *seen = true,
                _ => return Err("a free place is named twice"),
            }
        }
        for (place, node) in self.nodes.iter().enumerate().skip(tops) {
            let is_free = matches!(node.kind, Kind::Free);
            let empty = !matches!(&node.kind, Kind::Folder(children) if !children.is_empty());
            let lost = !named[place] && !empty;
            if free[place] != is_free || node.linked != named[place] || lost {
                return Err("a node is neither named, open nor free");
            }
            if node.parent >= self.nodes.len() {
                return Err("a node lies in no folder");
            }
        }
        match free[..tops].contains(&true) {
            true => Err("a place of the start is free"),
            false => Ok(()),
        }
    }

    /// Whether every node is named, open or free: what is neither was forgotten.
    pub(crate) fn is_whole(&self) -> bool {
        let mut nodes = self.nodes.iter();
        nodes.all(|node| node.linked || node.opened > 0 || matches!(node.kind, Kind::Free))
    }

    /// Whether something lies at this place.
    pub(crate) fn has(&self, place: Place) -> bool {
        let node = self.nodes.get(place);
        node.is_some_and(|node| !matches!(node.kind, Kind::Free))
    }
}

impl NodeImage {
    fn into_node(self) -> Node {
        let kind = match self.kind {
            KindImage::Made(content) => Kind::Made(content),
            KindImage::Free => Kind::Free,
            KindImage::Folder(children) => {
                let places = children
                    .into_iter()
                    .map(|(name, place)| (name, place as Place));
                Kind::Folder(places.collect())
            }
        };
        Node {
            kind,
            parent: self.parent as Place,
            changeable: true,
            linked: self.linked,
            opened: 0,
        }
    }
}
