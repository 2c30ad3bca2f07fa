//! A task's host as it is written for a step's root and snapshot, and the checked way back.
//!
//! Written is what the guest's next call could depend on: files, descriptors, streams, how much
//! chance it has taken and how long it has slept. What follows from the job and the task (words,
//! inputs, limits, the chance itself) is not.

use std::rc::Rc;

use borsh::io::{self, Write};
use borsh::{BorshDeserialize, BorshSerialize};

use super::host::{DESCRIPTORS_MAX, Descriptor, Host, LISTED_MAX, Listed, OpenNode};
use super::tree::{self, Place, Tree, TreeImage};

/// A task's host between two steps.
#[derive(Debug, BorshDeserialize)]
pub(crate) struct HostImage {
    tree: TreeImage,
    descriptors: Vec<(u32, DescriptorImage)>,
    chance: u64,
    slept: u64,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

#[derive(Debug, BorshDeserialize)]
enum DescriptorImage {
    Stdin(u64),
    Stdout,
    Stderr,
    Node(NodeImage),
}

#[derive(Debug, BorshDeserialize)]
struct NodeImage {
    place: u32,
    at: u64,
    flags: u16,
    reads: bool,
    writes: bool,
    preopened: Option<String>,
    listing: Option<Vec<(String, u32, bool)>>,
}

fn write_node(node: &OpenNode, to: &mut impl Write) -> io::Result<()> {
    let preopened = node.preopened.as_deref();
    (
        tree::number(node.place)?,
        node.at,
        node.flags,
        node.reads,
        node.writes,
    )
        .serialize(to)?;
    preopened.serialize(to)?;
    node.listing.is_some().serialize(to)?;
    let Some(listing) = &node.listing else {
        return Ok(());
    };
    tree::number(listing.len())?.serialize(to)?;
    for one in listing.iter() {
        (&one.name, tree::number(one.place)?, one.folder).serialize(to)?;
    }
    Ok(())
}

impl NodeImage {
    fn into_node(self) -> OpenNode {
        let listed = |(name, place, folder)| Listed {
            name,
            place: place as Place,
            folder,
        };
        OpenNode {
            place: self.place as Place,
            at: self.at,
            flags: self.flags,
            reads: self.reads,
            writes: self.writes,
            preopened: self.preopened.map(Rc::from),
            listing: self
                .listing
                .map(|all| all.into_iter().map(listed).collect()),
        }
    }
}

impl Host {
    /// Writes what [`HostImage`] reads; the same for hosts that no guest can tell apart.
    ///
    /// # Errors
    /// If `to` does not take it.
    pub(crate) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        self.tree.write(to)?;
        tree::number(self.descriptors.len())?.serialize(to)?;
        for (number, descriptor) in &self.descriptors {
            number.serialize(to)?;
            match descriptor {
                Descriptor::Stdin(at) => (0_u8, at).serialize(to)?,
                Descriptor::Stdout => 1_u8.serialize(to)?,
                Descriptor::Stderr => 2_u8.serialize(to)?,
                Descriptor::Node(node) => {
                    3_u8.serialize(to)?;
                    write_node(node, to)?;
                }
            }
        }
        (self.chance.position(), self.slept).serialize(to)?;
        (&self.stdout, &self.stderr).serialize(to)
    }

    /// Puts a host that has done nothing yet where this image's was.
    ///
    /// # Errors
    /// Why no task of this job can have come there. The host is of no use then.
    pub(crate) fn take(&mut self, image: HostImage) -> Result<(), &'static str> {
        let limits = self.world.limits;
        self.tree = Tree::from_image(&self.world.tree, image.tree)?;
        if self.tree.made > limits.output_files {
            return Err("more files than the job allows");
        }
        if image.descriptors.len() > DESCRIPTORS_MAX {
            return Err("more descriptors than a guest may have");
        }
        self.descriptors.clear();
        for (number, descriptor) in image.descriptors {
            let descriptor = match descriptor {
                DescriptorImage::Stdin(at) => Descriptor::Stdin(at),
                DescriptorImage::Stdout => Descriptor::Stdout,
                DescriptorImage::Stderr => Descriptor::Stderr,
                DescriptorImage::Node(node) => {
                    let node = node.into_node();
                    if !self.tree.has(node.place) {
                        return Err("a descriptor on nothing");
                    }
                    self.tree.opened(node.place);
                    Descriptor::Node(node)
                }
            };
            if self.descriptors.insert(number, descriptor).is_some() {
                return Err("a descriptor's number is used twice");
            }
        }
        if self.listed() > LISTED_MAX || !self.tree.is_whole() {
            return Err("listings that are too long, or a forgotten file");
        }
        self.chance.set_position(image.chance);
        self.slept = image.slept;
        (self.stdout, self.stderr) = (image.stdout, image.stderr);
        match self.room_for(0) {
            Ok(()) => Ok(()),
            Err(_) => Err("more output than the job allows"),
        }
    }
}
