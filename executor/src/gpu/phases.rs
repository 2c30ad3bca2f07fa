//! Who may touch what, when: no two invocations ever meet at one place in an order that counts.
//!
//! Between two barriers, a workgroup's variable is only read, or only written (each invocation to
//! elements of its own), or only changed by one kind of atomic that does not care for order. An
//! atomic buffer is treated like that for a whole pass. Elements of other buffers that are written
//! belong to one invocation each, which the rewriting sees to. Barriers stand where all of a
//! workgroup come by equally often: outside branches, and in loops that are counted.

use std::collections::BTreeMap;

use naga::{AtomicFunction, Block, Expression, Function, GlobalVariable, Handle, Span, Statement};

use super::fuel::{Summary, Turn};
use super::loops::blocks;
use super::refused::ShaderRefused;
use super::shader::{Index, Place, Shader, chain};

const READ: u16 = 1;
const WRITE: u16 = 2;

/// What is done to which variable.
type Uses = BTreeMap<Handle<GlobalVariable>, u16>;

/// What a piece of text does before its first barrier, after its last, and altogether.
#[derive(Clone, Debug, Default)]
struct Flow {
    first: Uses,
    last: Uses,
    all: Uses,
    split: bool,
}

/// Checks every entry point.
///
/// # Errors
/// [`ShaderRefused`] where two invocations could meet.
pub(crate) fn check(
    shader: &Shader<'_>,
    known: &BTreeMap<Index, Summary>,
) -> Result<(), ShaderRefused> {
    let mut flows = BTreeMap::new();
    for (index, function) in shader.functions() {
        let summary = &known[&index];
        let mut walk = Walk {
            shader,
            function,
            turns: summary.turns.iter(),
            flows: &flows,
        };
        let flow = walk.block(&function.body, true)?;
        if summary.barrier && returns_early(&function.body) {
            let name = function.name.as_deref().unwrap_or("an entry point");
            let why = format!("`{name}` has a barrier, and a `return` that is not its end");
            return Err(ShaderRefused::anywhere(why));
        }
        flows.insert(index, flow);
    }
    for (number, entry) in shader.module.entry_points.iter().enumerate() {
        let Some(flow) = flows.get(&Index::Entered(number)) else {
            continue;
        };
        for (global, uses) in &flow.all {
            check_entry(
                shader,
                *global,
                *uses,
                entry.workgroup_size.iter().product(),
            )?;
        }
    }
    Ok(())
}

fn check_entry(
    shader: &Shader<'_>,
    global: Handle<GlobalVariable>,
    uses: u16,
    size: u32,
) -> Result<(), ShaderRefused> {
    let variable = &shader.module.global_variables[global];
    let span = shader.module.global_variables.get_span(global);
    match shader.place(global) {
        Place::Buffer { atomic: true, .. } if uses.count_ones() > 1 => {
            let why = "in one pass, one kind of atomic is used on a buffer, or it is only read";
            Err(shader.refuse(span, why))
        }
        Place::WorkGroup { atomic: false } if uses & WRITE != 0 => {
            let length = shader.length(shader.inner(variable.ty), None).unwrap_or(0);
            if length > 0 && length.is_multiple_of(size) {
                return Ok(());
            }
            let why = format!(
                "a workgroup's array that is written has as many elements for each of the {size} \
                 invocations: {length} is no multiple"
            );
            Err(shader.refuse(span, why))
        }
        _ => Ok(()),
    }
}

/// Whether a `return` stands before the end. naga writes one at the end of every last branch.
fn returns_early(body: &Block) -> bool {
    let Some((last, before)) = body.split_last() else {
        return false;
    };
    let early = |statement: &Statement| {
        matches!(statement, Statement::Return { .. })
            || blocks(statement).into_iter().any(has_return)
    };
    before.iter().any(early)
        || match last {
            Statement::Loop { .. } => early(last),
            other => blocks(other).into_iter().any(returns_early),
        }
}

fn has_return(block: &Block) -> bool {
    block.iter().any(|statement| {
        matches!(statement, Statement::Return { .. })
            || blocks(statement).into_iter().any(has_return)
    })
}

fn has_continue(block: &Block) -> bool {
    block.iter().any(|statement| match statement {
        Statement::Continue => true,
        Statement::Loop { .. } => false,
        other => blocks(other).into_iter().any(has_continue),
    })
}

fn join(into: &mut Uses, more: &Uses) {
    for (global, uses) in more {
        *into.entry(*global).or_default() |= uses;
    }
}

struct Walk<'a> {
    shader: &'a Shader<'a>,
    function: &'a Function,
    turns: std::slice::Iter<'a, Turn>,
    flows: &'a BTreeMap<Index, Flow>,
}

impl Walk<'_> {
    fn block(&mut self, block: &Block, uniform: bool) -> Result<Flow, ShaderRefused> {
        let mut flow = Flow::default();
        for (statement, span) in block.span_iter() {
            let next = self.statement(statement, *span, uniform)?;
            flow = self.then(flow, next, *span)?;
        }
        Ok(flow)
    }

    fn statement(
        &mut self,
        statement: &Statement,
        span: Span,
        uniform: bool,
    ) -> Result<Flow, ShaderRefused> {
        match statement {
            Statement::Emit(range) => {
                let mut uses = Uses::new();
                for expression in range.clone() {
                    if let Expression::Load { pointer } = self.function.expressions[expression] {
                        join(&mut uses, &self.uses(pointer, READ));
                    }
                }
                Ok(Flow::of(uses))
            }
            Statement::Store { pointer, .. } => Ok(Flow::of(self.uses(*pointer, WRITE))),
            Statement::Atomic { pointer, fun, .. } => Ok(Flow::of(self.uses(*pointer, kind(*fun)))),
            Statement::Block(inner) => self.block(inner, uniform),
            Statement::If { .. } | Statement::Switch { .. } => {
                let mut flow = Flow::default();
                for side in blocks(statement) {
                    let side = self.block(side, false)?;
                    flow = self.then(flow, side, span)?;
                }
                Ok(flow)
            }
            Statement::Loop {
                body, continuing, ..
            } => {
                let counted = self.turns.next().is_some_and(|turn| turn.counted);
                let uniform = uniform && counted;
                let one = self.block(body, uniform)?;
                let two = self.block(continuing, uniform)?;
                let turn = self.then(one, two, span)?;
                if turn.split && has_continue(body) {
                    let why = "a loop with a barrier has no `continue`";
                    return Err(self.shader.refuse(span, why));
                }
                // The end of a turn and the beginning of the next are one phase.
                self.then(turn.clone(), turn, span)
            }
            Statement::ControlBarrier(_) if uniform => Ok(Flow {
                split: true,
                ..Flow::default()
            }),
            Statement::ControlBarrier(_) => self.divergent(span),
            Statement::Call { function, .. } => {
                let flow = self.flows.get(&Index::Called(*function)).cloned();
                let flow = flow.unwrap_or_default();
                if flow.split && !uniform {
                    return self.divergent(span);
                }
                Ok(flow)
            }
            _ => Ok(Flow::default()),
        }
    }

    fn divergent(&self, span: Span) -> Result<Flow, ShaderRefused> {
        let why = "a barrier stands outside branches, and in loops only where they are counted: \
                   `for (var i = 0u; i < 8u; i++)`";
        Err(self.shader.refuse(span, why))
    }

    fn uses(&self, pointer: Handle<Expression>, how: u16) -> Uses {
        let Some(chain) = chain(self.function, pointer) else {
            return Uses::new();
        };
        match self.shader.place(chain.root) {
            Place::Ours | Place::Private => Uses::new(),
            Place::WorkGroup { .. } | Place::Buffer { .. } => Uses::from([(chain.root, how)]),
        }
    }

    fn then(&self, one: Flow, two: Flow, span: Span) -> Result<Flow, ShaderRefused> {
        let mut middle = one.last;
        join(&mut middle, &two.first);
        for (global, uses) in &middle {
            let shared = matches!(self.shader.place(*global), Place::WorkGroup { .. });
            if shared && uses.count_ones() > 1 {
                let name = self.shader.module.global_variables[*global].name.as_deref();
                let why = format!(
                    "`{}` is used in two ways between barriers: read, written to own elements, or \
                     one kind of atomic",
                    name.unwrap_or("a workgroup's variable")
                );
                return Err(self.shader.refuse(span, why));
            }
        }
        let mut all = one.all;
        join(&mut all, &two.all);
        Ok(Flow {
            first: if one.split { one.first } else { middle.clone() },
            last: if two.split { two.last } else { middle },
            all,
            split: one.split || two.split,
        })
    }
}

impl Flow {
    fn of(uses: Uses) -> Self {
        Self {
            first: uses.clone(),
            last: uses.clone(),
            all: uses,
            split: false,
        }
    }
}

/// Atomics of one kind do not care for their order; of two kinds they do.
const fn kind(fun: AtomicFunction) -> u16 {
    match fun {
        AtomicFunction::Add | AtomicFunction::Subtract => 4,
        AtomicFunction::And => 8,
        AtomicFunction::ExclusiveOr => 16,
        AtomicFunction::InclusiveOr => 32,
        AtomicFunction::Min => 64,
        AtomicFunction::Max => 128,
        AtomicFunction::Exchange { .. } => 256,
    }
}
