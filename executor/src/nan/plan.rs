//! Where a function's NaNs must be made the profile's: right after which of its instructions.
//!
//! The function is run once with classes for values. A value that meets an instruction which sees
//! its bits is remedied where it was made; that is never too early, because a value on the stack is
//! used once. A local of which two paths leave different things is remedied where it is written, if
//! its bits are seen at all. What a loop brings back is learnt by going over the function again.
//! All that passes a call, a block's edge, memory, a global or an exception is exact.

use wasmparser::{BlockType, FunctionBody, Operator};

use super::NotRewritten;
use super::class::{Class, Kind, Mark};
use super::effect::{Effect, effect};
use super::shape::{Locals, Shape};

/// A function is gone over so often; after that its locals are remedied wherever they are written.
const PASSES_MAX: u32 = 12;
/// Following locals may take so many steps for each byte of the function.
const STEPS_PER_BYTE: usize = 16;

/// Remedies, by the number of the instruction after which they come.
pub(super) type Marks = Vec<Option<Mark>>;

/// A value on the stack.
#[derive(Clone, Copy, Debug)]
struct Value {
    class: Class,
    is_double: bool,
    /// The instruction that put it there.
    made: usize,
    /// The slot of the local it was read from.
    slot: Option<usize>,
}

type Classes = Box<[Class]>;

#[derive(Debug)]
struct Frame {
    block: BlockType,
    height: usize,
    /// What meets at its label.
    label: Classes,
    /// The number of a loop, whose label is its beginning.
    looping: Option<usize>,
    /// What an `else`, or its absence, begins with.
    otherwise: Option<Classes>,
}

struct Pass<'a> {
    shape: &'a Shape,
    locals: &'a Locals,
    /// Whether locals are followed; if not, they are exact.
    followed: bool,
    firm: Vec<bool>,
    heads: Vec<Classes>,
    loops: usize,
    /// Whether something was learnt that an earlier instruction should have known.
    learnt: bool,
    /// The same of a local, which invalidates what was learnt of loops.
    firmer: bool,
    now: Classes,
    stack: Vec<Value>,
    frames: Vec<Frame>,
    marks: Marks,
}

/// The remedies of one valid function.
///
/// # Errors
/// [`NotRewritten`] for an instruction that the pass does not know.
pub(super) fn plan(
    shape: &Shape,
    body: &FunctionBody<'_>,
    type_index: u32,
    locals: &Locals,
) -> Result<Marks, NotRewritten> {
    let followed = can_be_followed(body, locals)?;
    let slots = if followed { locals.slots } else { 0 };
    let mut pass = Pass {
        shape,
        locals,
        followed,
        firm: vec![false; slots],
        heads: Vec::new(),
        loops: 0,
        learnt: false,
        firmer: false,
        now: Box::default(),
        stack: Vec::new(),
        frames: Vec::new(),
        marks: Vec::new(),
    };
    for _ in 0..PASSES_MAX {
        pass.run(body, type_index)?;
        if !pass.learnt {
            return Ok(pass.marks);
        }
        if pass.firmer {
            pass.heads.clear();
        }
    }
    pass.followed = false;
    pass.run(body, type_index)?;
    Ok(pass.marks)
}

/// Whether this function's locals are worth following, and can be: an exception may leave a block
/// anywhere, and following takes a step for each local wherever paths part or meet.
fn can_be_followed(body: &FunctionBody<'_>, locals: &Locals) -> Result<bool, NotRewritten> {
    let mut edges = 1;
    let mut followed = true;
    let mut operators = body.get_operators_reader()?;
    while !operators.eof() {
        let at = operators.original_position();
        let op = operators.read()?;
        match (effect(&op), &op) {
            (None, _) => return Err(NotRewritten::Instruction { at }),
            (_, Operator::TryTable { .. }) => followed = false,
            (_, Operator::BrTable { targets }) => edges += targets.len() as usize + 2,
            (Some(Effect::Flow), _) => edges += 2,
            _ => {}
        }
    }
    let steps = edges.saturating_mul(locals.slots);
    Ok(followed && steps <= body.range().len().saturating_mul(STEPS_PER_BYTE))
}

impl Pass<'_> {
    fn run(&mut self, body: &FunctionBody<'_>, type_index: u32) -> Result<(), NotRewritten> {
        self.loops = 0;
        (self.learnt, self.firmer) = (false, false);
        self.stack.clear();
        self.frames.clear();
        self.marks.clear();
        let params = if self.followed {
            self.locals.slots_of_params
        } else {
            0
        };
        self.now = self.unreached();
        self.now[..params].fill(Class::EXACT);
        self.enter(BlockType::FuncType(type_index), 0);
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            let at = operators.original_position();
            let op = operators.read()?;
            let place = self.marks.len();
            self.marks.push(None);
            let effect = effect(&op).ok_or(NotRewritten::Instruction { at })?;
            if effect == Effect::Flow {
                self.flow(&op, place);
            } else {
                self.compute(effect, &op, place);
            }
        }
        Ok(())
    }

    fn unreached(&self) -> Classes {
        let slots = if self.followed { self.locals.slots } else { 0 };
        vec![Class::NUMBER; slots].into_boxed_slice()
    }

    fn push(&mut self, class: Class, is_double: bool, place: usize) {
        self.stack.push(Value {
            class,
            is_double,
            made: place,
            slot: None,
        });
    }

    /// The topmost value; where none can be, because control never gets there, one of which all is
    /// true.
    fn pop(&mut self) -> Value {
        let floor = self.frames.last().map_or(0, |frame| frame.height);
        let nothing = Value {
            class: Class::NUMBER,
            is_double: false,
            made: 0,
            slot: None,
        };
        if self.stack.len() > floor {
            self.stack.pop().unwrap_or(nothing)
        } else {
            nothing
        }
    }

    /// Makes a value the profile's, where it was made.
    fn see(&mut self, value: &mut Value) {
        if value.class.is_exact() {
            return;
        }
        if let Some(mark) = value.class.remedy(value.is_double) {
            self.marks[value.made] = Some(mark);
        } else if let Some(slot) = value.slot {
            self.firm[slot] = true;
            (self.learnt, self.firmer) = (true, true);
        } else {
            debug_assert!(
                false,
                "a value of two kinds comes from a local: the rest is settled"
            );
        }
        value.class = value.class.remedied();
    }

    fn pop_seen(&mut self) -> Value {
        let mut value = self.pop();
        self.see(&mut value);
        value
    }

    /// Takes a value of which only numbers of this kind matter.
    fn pop_like(&mut self, kind: Kind) -> Value {
        let mut value = self.pop();
        if !value.class.is_like(kind) {
            self.see(&mut value);
        }
        value
    }

    /// Sees so many values, and leaves them where they are.
    fn see_top(&mut self, count: usize) {
        let floor = self.frames.last().map_or(0, |frame| frame.height);
        let first = self.stack.len().saturating_sub(count).max(floor);
        for place in first..self.stack.len() {
            let mut value = self.stack[place];
            self.see(&mut value);
            self.stack[place] = value;
        }
    }
}

mod compute;
mod flow;
