//! What one running task can see and has done: its words, files, descriptors, clock and chance.

use std::collections::BTreeMap;
use std::rc::Rc;

use protocol::job::Limits;
use protocol::outcome::{Limit, Trap};
use wasmtime::Memory;

use super::errno::Errno;
use super::folders::Folders;
use super::gpu::GuestGpu;
use super::tree::{Fixed, Kind, Place, Tree};
use crate::limiter::Limiter;
use crate::meter::Gauge;

/// A guest may hold so many descriptors.
pub(crate) const DESCRIPTORS_MAX: usize = 1_024;
/// All directory listings a guest is in the middle of may have so many entries.
pub(crate) const LISTED_MAX: usize = 100_000;
/// Where the guest's wall clock starts: 2023-11-14 22:13:20 UTC, in nanoseconds.
pub(crate) const CLOCK_START: u64 = 1_700_000_000_000_000_000;

/// A task ends here, whatever the guest would have done next.
#[derive(Debug, thiserror::Error)]
pub(crate) enum End {
    /// The guest said so.
    #[error("the guest exits with {0}")]
    Exit(i32),
    /// It asked for more than a limit.
    #[error("the guest is out of {0:?}")]
    Limit(Limit),
    /// It called a function that no peer has.
    #[error("the guest calls what it imports from elsewhere")]
    Unknown,
    /// A shader that it dispatched did something impossible.
    #[error("a shader traps: {0:?}")]
    Shader(Trap),
    /// This machine failed it.
    #[error("the host fails: {0}")]
    Host(String),
}

/// Why a call gives the guest no result.
#[derive(Debug)]
pub(crate) enum Fail {
    /// The guest is told.
    Errno(Errno),
    /// The guest never hears.
    End(End),
}

impl From<Errno> for Fail {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

impl From<End> for Fail {
    fn from(end: End) -> Self {
        Self::End(end)
    }
}

/// One entry of a directory listing.
#[derive(Debug)]
pub(crate) struct Listed {
    /// Its name.
    pub(crate) name: String,
    /// Its place in the tree.
    pub(crate) place: Place,
    /// Whether it is a folder.
    pub(crate) folder: bool,
}

/// What a descriptor stands for.
#[derive(Debug, Clone)]
pub(crate) enum Descriptor {
    /// Standard input, read up to here.
    Stdin(u64),
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A file or a folder.
    Node(OpenNode),
}

/// A descriptor on a node of the tree.
#[derive(Debug, Clone)]
pub(crate) struct OpenNode {
    /// The node.
    pub(crate) place: Place,
    /// Where the next read or write begins.
    pub(crate) at: u64,
    /// The flags it was opened with; bit 0 is *append*.
    pub(crate) flags: u16,
    /// Whether it was opened for reading.
    pub(crate) reads: bool,
    /// Whether it was opened for writing.
    pub(crate) writes: bool,
    /// Its path, if the guest starts with it.
    pub(crate) preopened: Option<Rc<str>>,
    /// The listing the guest is in the middle of, so that removals do not shift it.
    pub(crate) listing: Option<Rc<[Listed]>>,
}

/// What all tasks of one worker share.
#[derive(Debug)]
pub(crate) struct World {
    /// Arguments, each ended by a zero byte.
    pub(crate) args: Vec<Vec<u8>>,
    /// The job's environment, each entry ended by a zero byte.
    pub(crate) env: Vec<Vec<u8>>,
    /// Standard input.
    pub(crate) stdin: Option<Fixed>,
    /// The tree that each task starts with.
    pub(crate) tree: Tree,
    /// The folders in it.
    pub(crate) folders: Folders,
    /// What a task may use.
    pub(crate) limits: Limits,
}

/// One task's side of the host.
pub(crate) struct Host {
    pub(crate) world: Rc<World>,
    /// The task's own environment: the job's, then `PEER_*`.
    pub(crate) env: Vec<Vec<u8>>,
    pub(crate) tree: Tree,
    pub(crate) descriptors: BTreeMap<u32, Descriptor>,
    pub(crate) chance: blake3::OutputReader,
    /// Nanoseconds the guest has slept, all of them virtual.
    pub(crate) slept: u64,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    /// The guest's memory, once it is instantiated.
    pub(crate) memory: Option<Memory>,
    /// What the guest has left of its fuel, once it is instantiated.
    pub(crate) gauge: Option<Gauge>,
    pub(crate) limiter: Limiter,
    /// What it has on the GPU, if its profile has one.
    pub(crate) gpu: Option<GuestGpu>,
}

impl Host {
    /// A task that has done nothing yet.
    pub(crate) fn new(
        world: &Rc<World>,
        env: Vec<Vec<u8>>,
        chance: blake3::OutputReader,
        gpu: Option<GuestGpu>,
    ) -> Self {
        let mut descriptors = BTreeMap::from([
            (0, Descriptor::Stdin(0)),
            (1, Descriptor::Stdout),
            (2, Descriptor::Stderr),
        ]);
        let mut tree = world.tree.clone();
        for (number, (path, place)) in (3..).zip(&world.folders.opened) {
            tree.opened(*place);
            let node = OpenNode {
                place: *place,
                at: 0,
                flags: 0,
                reads: true,
                writes: false,
                preopened: Some(path.as_str().into()),
                listing: None,
            };
            descriptors.insert(number, Descriptor::Node(node));
        }
        Self {
            world: Rc::clone(world),
            env,
            tree,
            descriptors,
            chance,
            slept: 0,
            stdout: Vec::new(),
            stderr: Vec::new(),
            memory: None,
            gauge: None,
            limiter: Limiter::new(world.limits.memory),
            gpu,
        }
    }

    /// What this descriptor stands for.
    pub(crate) fn descriptor(&mut self, number: u32) -> Result<&mut Descriptor, Errno> {
        self.descriptors.get_mut(&number).ok_or(Errno::Badf)
    }

    /// The node this descriptor is open on; streams are not nodes.
    pub(crate) fn node(&mut self, number: u32) -> Result<&mut OpenNode, Errno> {
        match self.descriptor(number)? {
            Descriptor::Node(node) => Ok(node),
            _ => Err(Errno::Notdir),
        }
    }

    /// Gives a node the lowest free number.
    pub(crate) fn open(&mut self, node: OpenNode) -> Result<u32, Errno> {
        if self.descriptors.len() >= DESCRIPTORS_MAX {
            return Err(Errno::Mfile);
        }
        let number = (0..)
            .find(|n| !self.descriptors.contains_key(n))
            .ok_or(Errno::Mfile)?;
        self.tree.opened(node.place);
        self.descriptors.insert(number, Descriptor::Node(node));
        Ok(number)
    }

    /// Forgets a descriptor.
    pub(crate) fn close(&mut self, number: u32) -> Result<(), Errno> {
        let gone = self.descriptors.remove(&number).ok_or(Errno::Badf)?;
        if let Descriptor::Node(node) = gone {
            self.tree.closed(node.place);
        }
        Ok(())
    }

    /// Refuses `more` bytes of output if that is too much together with what there is.
    pub(crate) fn room_for(&self, more: u64) -> Result<(), End> {
        let streams = self.stdout.len() as u64 + self.stderr.len() as u64;
        let all = streams.saturating_add(self.tree.bytes).saturating_add(more);
        if all > self.world.limits.output.get() {
            return Err(End::Limit(Limit::Output));
        }
        Ok(())
    }

    /// Makes a file or folder, if the task may have one more.
    pub(crate) fn make(&mut self, spot: &super::tree::Spot, kind: Kind) -> Result<Place, Fail> {
        if self.tree.made >= self.world.limits.output_files && self.tree.is_changeable(spot.folder)
        {
            return Err(End::Limit(Limit::Output).into());
        }
        Ok(self.tree.make(spot, kind)?)
    }

    /// Entries in all listings that are under way.
    pub(crate) fn listed(&self) -> usize {
        let nodes = self.descriptors.values();
        nodes
            .map(|descriptor| match descriptor {
                Descriptor::Node(node) => node.listing.as_ref().map_or(0, |listing| listing.len()),
                _ => 0,
            })
            .sum()
    }
}
