//! What a guest has on a GPU: its buffers and shaders, and what its dispatches come to.

use std::collections::BTreeMap;
use std::rc::Rc;

use protocol::job::Limits;
use protocol::kernel::{self, BUFFER_MAX};
use protocol::outcome::Limit;
use wgpu::Buffer;

use super::No;
use super::build::{Built, Shape};
use crate::gpu::{self, Adapter, Counted, Ending};
use crate::limiter::Limiter;
use crate::wasi::host::End;

/// A guest may have so many buffers and shaders at once.
pub(super) const OBJECTS_MAX: u32 = 256;
/// What making a buffer larger costs, for each byte that it then has: all of it is copied.
const GROW_FUEL_PER_BYTE: u64 = 20;
/// A dispatch sees so many buffers at most.
pub(super) const BUFFERS_MAX: usize = kernel::BUFFERS_MAX;

/// The size is no number of whole words, or too large, alone or with all the others.
const TOO_LARGE: i32 = -1;
/// There is no such object, or it is of another kind.
const BAD_OBJECT: i32 = -2;
/// The range is not inside the buffer, not in whole words, or there are too many of something.
pub(super) const OUT_OF_RANGE: i32 = -3;
/// The shader is refused, alone or with these buffers and workgroups.
pub(super) const BAD_SHADER: i32 = -4;
/// There are as many objects as there may be.
const TOO_MANY: i32 = -5;
/// The address is not in the guest's memory.
pub(super) const BAD_POINTER: i32 = -6;
/// One buffer is given twice.
const GIVEN_TWICE: i32 = -7;

/// What a call may use.
pub(super) struct Means<'a> {
    /// The fuel that the guest has left.
    pub(super) fuel: &'a mut u64,
    /// Bounds the guest's memory, and its buffers with it.
    pub(super) room: &'a mut Limiter,
    /// How many bytes its memory has.
    pub(super) memory: usize,
    pub(super) limits: Limits,
}

impl Means<'_> {
    /// Takes fuel, or ends the task if there is not so much.
    pub(super) fn charge(&mut self, fuel: u64) -> Result<(), No> {
        let left = self.fuel.checked_sub(fuel);
        *self.fuel = left.unwrap_or(0);
        left.map(|_| ()).ok_or(No::End(End::Limit(Limit::Fuel)))
    }

    /// Takes room for so many more bytes of buffers.
    fn take(&mut self, bytes: u64) -> Result<(), No> {
        match self.room.take(bytes, self.memory) {
            true => Ok(()),
            false => Err(No::Code(TOO_LARGE)),
        }
    }
}

enum Object {
    Buffer(Owned),
    Shader(Rc<[u8]>),
}

struct Owned {
    buffer: Buffer,
    /// What the guest asked for.
    size: u64,
    /// What it has: room for whole places of all invocations.
    room: u64,
}

/// One task's side of the GPU.
pub(crate) struct GuestGpu {
    adapter: Rc<Adapter>,
    objects: BTreeMap<u32, Object>,
    built: Built,
    meter: Buffer,
}

/// This machine failed the guest.
pub(super) fn failed(why: String) -> No {
    No::End(End::Host(why))
}

impl GuestGpu {
    /// A task that has nothing yet.
    pub(crate) fn new(adapter: &Rc<Adapter>) -> Self {
        Self {
            adapter: Rc::clone(adapter),
            objects: BTreeMap::new(),
            built: Built::default(),
            meter: adapter.meter(),
        }
    }

    /// The lowest free number.
    fn number(&self) -> Result<u32, No> {
        let mut numbers = 0..OBJECTS_MAX;
        let free = numbers.find(|number| !self.objects.contains_key(number));
        free.ok_or(No::Code(TOO_MANY))
    }

    fn put(&mut self, number: u32, object: Object) -> i32 {
        let before = self.objects.insert(number, object);
        assert!(before.is_none(), "only a free number is given");
        number.cast_signed()
    }

    fn owned(&self, number: u32) -> Result<&Owned, No> {
        match self.objects.get(&number) {
            Some(Object::Buffer(owned)) => Ok(owned),
            _ => Err(No::Code(BAD_OBJECT)),
        }
    }

    pub(super) fn buffer(&mut self, means: &mut Means<'_>, size: u64) -> Result<i32, No> {
        if size == 0 || !size.is_multiple_of(4) || size > BUFFER_MAX.get() {
            return Err(No::Code(TOO_LARGE));
        }
        let number = self.number()?;
        means.take(size)?;
        let buffer = self.adapter.gpu().buffer(size, &[]);
        self.adapter.gpu().sound().map_err(failed)?;
        let room = size;
        Ok(self.put(number, Object::Buffer(Owned { buffer, size, room })))
    }

    /// A buffer, if this range is inside what the guest asked for.
    pub(super) fn range(&self, number: u32, at: u64, len: u64) -> Result<&Buffer, No> {
        let Owned { buffer, size, .. } = self.owned(number)?;
        let inside = at.saturating_add(len) <= *size;
        if !inside || !at.is_multiple_of(4) || !len.is_multiple_of(4) {
            return Err(No::Code(OUT_OF_RANGE));
        }
        Ok(buffer)
    }

    pub(super) fn write(&self, number: u32, at: u64, bytes: &[u8]) -> Result<i32, No> {
        let buffer = self.range(number, at, bytes.len() as u64)?;
        self.adapter.gpu().write(buffer, at, bytes);
        // What waits to be written keeps its memory, so nothing may.
        self.adapter.gpu().settle().map_err(failed)?;
        Ok(0)
    }

    pub(super) fn read(&self, number: u32, at: u64, len: u64) -> Result<Vec<u8>, No> {
        let buffer = self.range(number, at, len)?;
        match len {
            0 => Ok(Vec::new()),
            _ => self.adapter.gpu().read(buffer, at, len).map_err(failed),
        }
    }

    pub(super) fn shader(&mut self, text: Vec<u8>) -> Result<i32, No> {
        let number = self.number()?;
        let read = gpu::read(&text).map_err(failed)?;
        read.map_err(|refused| No::Refused(refused.to_string()))?;
        Ok(self.put(number, Object::Shader(text.into())))
    }

    pub(super) fn free(&mut self, means: &mut Means<'_>, number: u32) -> Result<i32, No> {
        match self.objects.remove(&number) {
            None => return Err(No::Code(BAD_OBJECT)),
            Some(Object::Buffer(owned)) => means.room.give_back(owned.room),
            Some(Object::Shader(_)) => {}
        }
        Ok(0)
    }

    /// Runs an entry point on these buffers, in the order of their bindings.
    pub(super) fn dispatch(
        &mut self,
        means: &mut Means<'_>,
        (shader, entry): (u32, String),
        groups: [u32; 3],
        numbers: &[u32],
    ) -> Result<i32, No> {
        let Some(Object::Shader(text)) = self.objects.get(&shader) else {
            return Err(No::Code(BAD_OBJECT));
        };
        let shape = Shape {
            text: Rc::clone(text),
            entry,
            groups,
            sizes: self.sizes(numbers)?,
        };
        let built = self.built.find(self.adapter.gpu(), means, &shape)?;
        let (plan, ready) = &*built;
        let mut buffers = Vec::new();
        for (number, size) in numbers.iter().zip(&plan.sizes) {
            buffers.push(self.grown(means, *number, *size)?);
        }
        let mut all = Counted::default();
        let left = *means.fuel;
        let counted = (&mut all, left);
        let pass = (&plan.passes[0], ready);
        let ran = self.adapter.pass(pass, (&buffers, &self.meter), counted);
        ran.map_err(failed)?;
        match self.adapter.ending(&all, left).map_err(failed)? {
            Ending::Well => means.charge(all.fuel).map(|()| 0),
            Ending::OutOfFuel => Err(No::End(End::Limit(Limit::Fuel))),
            Ending::Trapped(trap, why) => Err(No::Trapped(trap, why)),
        }
    }

    /// The lengths of the buffers that a dispatch is given.
    fn sizes(&self, numbers: &[u32]) -> Result<Vec<u64>, No> {
        let mut sizes = Vec::new();
        for (at, number) in numbers.iter().enumerate() {
            let Owned { size, .. } = self.owned(*number)?;
            if numbers[..at].contains(number) {
                return Err(No::Code(GIVEN_TWICE));
            }
            sizes.push(*size);
        }
        Ok(sizes)
    }

    /// A buffer that has so many bytes, so that every invocation has its place in it.
    fn grown(&mut self, means: &mut Means<'_>, number: u32, needed: u64) -> Result<Buffer, No> {
        let owned = self.owned(number)?;
        if owned.room < needed {
            means.charge(GROW_FUEL_PER_BYTE.saturating_mul(needed))?;
            means.take(needed - owned.room)?;
            let gpu = self.adapter.gpu();
            let content = gpu.read(&owned.buffer, 0, owned.room).map_err(failed)?;
            let (buffer, size) = (gpu.buffer(needed, &content), owned.size);
            gpu.settle().map_err(failed)?;
            let room = needed;
            let grown = Object::Buffer(Owned { buffer, size, room });
            self.objects.insert(number, grown);
        }
        self.owned(number).map(|owned| owned.buffer.clone())
    }
}
