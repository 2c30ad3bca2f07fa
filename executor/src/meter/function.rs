//! Writing functions that count their work: everything else stays byte for byte.

use wasmparser::{BinaryReaderError, FunctionBody, Operator};

use super::cost::{flat, is_bulk};
use super::{END, Globals, I32, I32_CONST, I64, I64_CONST};
use crate::passes::{self, BODY_BYTES_MAX, NotRewritten, number, signed};

/// A function with neither calls nor loops and with at most so many instructions does not look
/// whether anything is left: its callers, and what they do next, do.
const UNCHECKED_MAX: usize = 256;
/// Work on so many bytes or elements, if they are a constant, is counted like an instruction.
const SMALL_BULK_MAX: u32 = 128;

const UNREACHABLE: u8 = 0x00;
const IF_EMPTY: [u8; 2] = [0x04, 0x40];
const LOCAL_GET: u8 = 0x20;
const LOCAL_SET: u8 = 0x21;
const LOCAL_TEE: u8 = 0x22;
const GLOBAL_GET: u8 = 0x23;
const GLOBAL_SET: u8 = 0x24;
const I64_LT_S: u8 = 0x53;
const I64_SUB: u8 = 0x7d;
const I64_EXTEND_I32_U: u8 = 0xad;

/// What a first look at a function says.
#[derive(Debug, Default)]
struct Sight {
    loops: bool,
    calls: bool,
    catches: bool,
    count: usize,
}

impl Sight {
    fn of(body: &FunctionBody<'_>) -> Result<Self, BinaryReaderError> {
        let mut sight = Self::default();
        for op in body.get_operators_reader()? {
            sight.count += 1;
            match op? {
                Operator::Loop { .. } => sight.loops = true,
                Operator::TryTable { .. } => sight.catches = true,
                Operator::Call { .. }
                | Operator::CallIndirect { .. }
                | Operator::ReturnCall { .. }
                | Operator::ReturnCallIndirect { .. } => sight.calls = true,
                _ => {}
            }
        }
        Ok(sight)
    }

    /// Whether what is left is kept in a local. That is worth its way to and from the global only
    /// where there is a loop; and what is thrown from afar would find an old local.
    fn keeps_local(&self) -> bool {
        self.loops && !self.catches
    }

    fn checks(&self) -> bool {
        self.calls || self.count > UNCHECKED_MAX
    }
}

/// A body while it is written.
struct Writer {
    code: Vec<u8>,
    globals: Globals,
    /// The local that has what is left; in functions without one, the global is used at once.
    local: Option<u32>,
    /// A local for what a bulk instruction takes, once there was one.
    taken: Option<u32>,
    /// How many locals there are.
    locals: u32,
    /// The types of those that were added.
    added: Vec<u8>,
    /// Work that was not taken off yet.
    due: u32,
}

impl Writer {
    fn add_local(&mut self, kind: u8) -> u32 {
        self.added.push(kind);
        self.locals += 1;
        self.locals - 1
    }

    fn op(&mut self, code: u8, index: u32) {
        self.code.push(code);
        number(&mut self.code, index);
    }

    fn get(&mut self) {
        match self.local {
            Some(local) => self.op(LOCAL_GET, local),
            None => self.op(GLOBAL_GET, self.globals.left),
        }
    }

    fn set(&mut self) {
        match self.local {
            Some(local) => self.op(LOCAL_SET, local),
            None => self.op(GLOBAL_SET, self.globals.left),
        }
    }

    /// Takes what is due off the number on the stack.
    fn minus_due(&mut self) {
        if self.due > 0 {
            self.code.push(I64_CONST);
            signed(&mut self.code, i64::from(self.due));
            self.code.push(I64_SUB);
            self.due = 0;
        }
    }

    /// Takes off what is due.
    fn charge(&mut self) {
        if self.due > 0 {
            self.get();
            self.minus_due();
            self.set();
        }
    }

    /// Takes off what is due, where the function is left and its local with it.
    fn leave(&mut self) {
        match self.local {
            Some(local) => {
                self.op(LOCAL_GET, local);
                self.minus_due();
                self.op(GLOBAL_SET, self.globals.left);
            }
            None => self.charge(),
        }
    }

    /// Comes back from another function.
    fn come_back(&mut self) {
        if let Some(local) = self.local {
            self.op(GLOBAL_GET, self.globals.left);
            self.op(LOCAL_SET, local);
        }
    }

    /// Ends the task if the number on the stack, which is what is left, is below zero.
    fn stop_below_zero(&mut self) {
        self.code.extend([I64_CONST, 0, I64_LT_S]);
        self.code.extend(IF_EMPTY);
        self.code.extend([I32_CONST, 1]);
        self.op(GLOBAL_SET, self.globals.out);
        self.code.extend([UNREACHABLE, END]);
    }

    fn check(&mut self) {
        self.get();
        self.stop_below_zero();
    }

    fn enter(&mut self, checks: bool) {
        if let Some(local) = self.local {
            self.op(GLOBAL_GET, self.globals.left);
            self.op(LOCAL_SET, local);
        }
        if checks {
            self.check();
        }
        // A call of a function with nothing in it is work, too.
        self.due = 1;
    }

    /// Before an instruction that takes the number of bytes or elements last.
    fn bulk(&mut self, constant: Option<u32>) {
        match constant {
            Some(units) if units <= SMALL_BULK_MAX => self.due += units,
            _ => {
                let taken = match self.taken {
                    Some(local) => local,
                    None => self.add_local(I32),
                };
                self.taken = Some(taken);
                self.op(LOCAL_TEE, taken);
                self.get();
                self.op(LOCAL_GET, taken);
                self.code.extend([I64_EXTEND_I32_U, I64_SUB]);
                self.minus_due();
                self.set();
                self.check();
            }
        }
    }

    /// Before an instruction in reach; `depth` is how many blocks are open.
    fn before(&mut self, op: &Operator<'_>, depth: u32, constant: Option<u32>) {
        match op {
            Operator::Call { .. }
            | Operator::CallIndirect { .. }
            | Operator::ReturnCall { .. }
            | Operator::ReturnCallIndirect { .. }
            | Operator::Return
            | Operator::Throw { .. }
            | Operator::ThrowRef => self.leave(),
            Operator::End if depth == 0 => self.leave(),
            Operator::Br { relative_depth } if *relative_depth == depth => self.leave(),
            Operator::BrIf { relative_depth } if *relative_depth == depth => {
                self.charge();
                self.leave_if_local();
            }
            Operator::BrTable { targets } => {
                self.charge();
                let mut all = targets.targets().flatten().chain([targets.default()]);
                if all.any(|target| target == depth) {
                    self.leave_if_local();
                }
            }
            Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::Else
            | Operator::End
            | Operator::Br { .. }
            | Operator::BrIf { .. } => self.charge(),
            // A task that traps is billed at its limit.
            Operator::Unreachable => self.due = 0,
            op if is_bulk(op) => self.bulk(constant),
            _ => {}
        }
    }

    /// What is left, for whoever goes on if the function is left here.
    fn leave_if_local(&mut self) {
        if self.local.is_some() {
            self.leave();
        }
    }

    fn after(&mut self, op: &Operator<'_>) {
        match op {
            Operator::Loop { .. } => self.check(),
            Operator::Call { .. } | Operator::CallIndirect { .. } => self.come_back(),
            _ => {}
        }
    }
}

/// Which instructions are in reach, as far as that can be told from blocks alone.
#[derive(Debug, Default)]
struct Reach {
    depth: u32,
    /// How many blocks were open where the rest of the innermost one fell out of reach.
    lost: Option<u32>,
}

impl Reach {
    /// Hears of the next instruction, and says whether it is in reach.
    fn meets(&mut self, op: &Operator<'_>) -> bool {
        let reached = self.lost.is_none();
        match op {
            Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::TryTable { .. } => self.depth += 1,
            Operator::Else if self.lost == Some(self.depth) => self.lost = None,
            Operator::End => {
                if self.lost == Some(self.depth) {
                    self.lost = None;
                }
                self.depth = self.depth.saturating_sub(1);
            }
            Operator::Br { .. }
            | Operator::BrTable { .. }
            | Operator::Return
            | Operator::ReturnCall { .. }
            | Operator::ReturnCallIndirect { .. }
            | Operator::Throw { .. }
            | Operator::ThrowRef
            | Operator::Unreachable
                if reached =>
            {
                self.lost = Some(self.depth);
            }
            _ => {}
        }
        reached
    }
}

/// A function's body that counts its work; it has so many parameters.
///
/// # Errors
/// [`NotRewritten`].
pub(super) fn body(
    body: &FunctionBody<'_>,
    params: u32,
    globals: Globals,
) -> Result<Vec<u8>, NotRewritten> {
    let at = body.range().start;
    let bytes = body.as_bytes();
    let sight = Sight::of(body)?;
    let mut locals = params;
    for group in body.get_locals_reader()? {
        locals = locals.saturating_add(group?.0);
    }
    let mut writer = Writer {
        code: Vec::with_capacity(bytes.len() * 2),
        globals,
        local: None,
        taken: None,
        locals,
        added: Vec::new(),
        due: 0,
    };
    writer.local = sight.keeps_local().then(|| writer.add_local(I64));
    writer.enter(sight.checks());
    let mut reach = Reach::default();
    let mut constant = None;
    let mut operators = body.get_operators_reader()?;
    while !operators.eof() {
        let start = operators.original_position();
        let op = operators.read()?;
        let end = operators.original_position();
        refuse_strange(&op, start)?;
        let depth = reach.depth;
        let reached = reach.meets(&op);
        if reached {
            writer.due += flat(&op);
            writer.before(&op, depth, constant);
        }
        writer.code.extend(&bytes[start - at..end - at]);
        if reached {
            writer.after(&op);
        }
        if writer.code.len() > BODY_BYTES_MAX {
            return Err(NotRewritten::Function { at });
        }
        constant = match op {
            Operator::I32Const { value } => Some(value.cast_unsigned()),
            _ => None,
        };
    }
    passes::body(body, locals, &writer.added, &writer.code)
}

/// Refuses what leaves a stretch of instructions in a way that is not counted here. The engine's
/// settings let none of them in.
fn refuse_strange(op: &Operator<'_>, at: usize) -> Result<(), NotRewritten> {
    match op {
        Operator::CallRef { .. }
        | Operator::ReturnCallRef { .. }
        | Operator::BrOnNull { .. }
        | Operator::BrOnNonNull { .. }
        | Operator::BrOnCast { .. }
        | Operator::BrOnCastFail { .. }
        | Operator::Try { .. }
        | Operator::Catch { .. }
        | Operator::CatchAll
        | Operator::Delegate { .. }
        | Operator::Rethrow { .. }
        | Operator::Resume { .. }
        | Operator::ResumeThrow { .. }
        | Operator::Suspend { .. }
        | Operator::Switch { .. } => Err(NotRewritten::Instruction { at }),
        _ => Ok(()),
    }
}
