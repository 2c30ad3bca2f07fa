//! How much work a shader is: a function of its statements alone, so the same on every device.
//!
//! Weights of profile `WGSL_1`: an expression costs 1 per component, a load from a buffer or a
//! workgroup's memory 4, a whole division 8; a store 2, an atomic or a barrier 16, a branch 1 and
//! its dearer side, a call 1 and what it calls, a turn of a loop 2 and its body. An invocation pays
//! for what stands outside loops when it begins, and for a turn when the turn begins. Counted loops
//! of few turns are paid for where they stand, whole.

use std::collections::BTreeMap;

use naga::{
    BinaryOperator, Block, Expression, Function, Handle, Module, Span, Statement, TypeInner,
};

use super::exact::is_rounded;
use super::loops;
use super::refused::ShaderRefused;
use super::shader::{Index, Shader, chain};

/// One invocation may turn so often, all its loops together; more ends the task as out of fuel.
pub(crate) const TURNS_MAX: u64 = 60_000;
/// A function with all it calls may weigh so much, each statement counted once: what a driver's
/// compiler is given.
const WEIGHT_MAX: u64 = 65_536;
/// A counted loop is paid for whole if it turns no more often and costs no more.
const WHOLE_TURNS_MAX: u64 = 4_096;
const WHOLE_FUEL_MAX: u64 = 1 << 20;
/// What is paid at once fits a word with room to spare.
const CHARGE_MAX: u64 = 1 << 30;

/// Work that is known where it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) fuel: u64,
    pub(crate) turns: u64,
}

/// What is known of a loop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Turn {
    /// What each turn costs: nothing if the loop is paid for whole.
    pub(crate) cost: Option<Cost>,
    /// Whether its turns are a constant.
    pub(crate) counted: bool,
    /// Whether it may be ended early: no barrier is in it.
    pub(crate) cut: bool,
}

/// What is known of a function.
#[derive(Clone, Debug, Default)]
pub(crate) struct Summary {
    /// What is paid when it begins.
    pub(crate) cost: Cost,
    /// Its loops, outer before inner, in the order of the text.
    pub(crate) turns: Vec<Turn>,
    /// Whether it waits for its workgroup.
    pub(crate) barrier: bool,
    open: bool,
    weight: u64,
}

/// Weighs all functions.
///
/// # Errors
/// [`ShaderRefused`] if one is too large, or a loop with a barrier has no constant number of turns.
pub(crate) fn weigh(shader: &Shader<'_>) -> Result<BTreeMap<Index, Summary>, ShaderRefused> {
    let mut known = BTreeMap::new();
    for (index, function) in shader.functions() {
        let mut scale = Scale {
            shader,
            function,
            index,
            known: &known,
            found: Summary::default(),
        };
        let cost = scale.block(&function.body, false)?;
        let mut found = scale.found;
        found.cost = cost;
        if found.weight > WEIGHT_MAX || cost.fuel > CHARGE_MAX {
            let name = function.name.as_deref().unwrap_or("an entry point");
            let why = format!("`{name}` and what it calls weigh more than {WEIGHT_MAX}");
            return Err(ShaderRefused::anywhere(why));
        }
        known.insert(index, found);
    }
    Ok(known)
}

struct Scale<'a> {
    shader: &'a Shader<'a>,
    function: &'a Function,
    index: Index,
    known: &'a BTreeMap<Index, Summary>,
    found: Summary,
}

impl Scale<'_> {
    fn add(&mut self, cost: &mut Cost, weight: u64) {
        cost.fuel = cost.fuel.saturating_add(weight);
        self.found.weight = self.found.weight.saturating_add(weight);
    }

    fn block(&mut self, block: &Block, nested: bool) -> Result<Cost, ShaderRefused> {
        let mut cost = Cost::default();
        for (at, (statement, span)) in block.span_iter().enumerate() {
            match statement {
                Statement::Emit(range) => {
                    for expression in range.clone() {
                        self.add(&mut cost, self.weight(expression));
                    }
                }
                Statement::Block(inner) => cost = cost.then(self.block(inner, nested)?),
                Statement::If { accept, reject, .. } => {
                    self.add(&mut cost, 1);
                    let sides = (self.block(accept, nested)?, self.block(reject, nested)?);
                    cost = cost.then(sides.0.or(sides.1));
                }
                Statement::Switch { cases, .. } => {
                    self.add(&mut cost, 1);
                    let mut dearest = Cost::default();
                    for case in cases {
                        dearest = dearest.or(self.block(&case.body, nested)?);
                    }
                    cost = cost.then(dearest);
                }
                Statement::Loop { .. } => {
                    self.add(&mut cost, 1);
                    cost = cost.then(self.turns((block, at), *span, nested)?);
                }
                Statement::Call { function, .. } => {
                    self.add(&mut cost, 1);
                    if let Some(callee) = self.known.get(&Index::Called(*function)) {
                        cost = cost.then(callee.cost);
                        self.found.weight = self.found.weight.saturating_add(callee.weight);
                        self.found.barrier |= callee.barrier;
                        self.found.open |= callee.open;
                    }
                }
                Statement::Atomic { .. } => self.add(&mut cost, 16),
                Statement::ControlBarrier(_) | Statement::MemoryBarrier(_) => {
                    self.found.barrier = true;
                    self.add(&mut cost, 16);
                }
                Statement::Store { .. } => self.add(&mut cost, 2),
                _ => self.add(&mut cost, 1),
            }
        }
        Ok(cost)
    }

    /// Weighs a loop, and says what is paid for it where it stands.
    fn turns(
        &mut self,
        (block, at): (&Block, usize),
        span: Span,
        nested: bool,
    ) -> Result<Cost, ShaderRefused> {
        let Statement::Loop {
            body, continuing, ..
        } = &block[at]
        else {
            return Ok(Cost::default());
        };
        let number = self.found.turns.len();
        self.found.turns.push(Turn::default());
        let before = (self.found.barrier, self.found.open);
        (self.found.barrier, self.found.open) = (false, false);
        let turn = Cost { fuel: 2, turns: 1 }
            .then(self.block(body, true)?)
            .then(self.block(continuing, true)?);
        let (barrier, open) = (self.found.barrier, self.found.open);
        let times = loops::turns(&self.shader.module, self.function, (block, at), nested);
        let whole = times.map(|times| turn.times(times.into()));
        let no = |why: &str| Err(self.shader.refuse(span, why));
        if turn.fuel > CHARGE_MAX {
            return no("a turn of this loop is too much work");
        }
        if barrier {
            match whole {
                None => return no("a loop with a barrier turns a constant number of times"),
                Some(whole) if whole.turns > TURNS_MAX => {
                    return no("a loop with a barrier turns at most 60000 times");
                }
                Some(_) => {}
            }
        }
        let small = |cost: &Cost| cost.turns <= WHOLE_TURNS_MAX && cost.fuel <= WHOLE_FUEL_MAX;
        let whole = whole.filter(|cost| !open && small(cost));
        self.found.turns[number] = Turn {
            cost: whole.is_none().then_some(turn),
            counted: times.is_some(),
            cut: !barrier,
        };
        self.found.barrier |= before.0;
        self.found.open |= before.1 || whole.is_none();
        Ok(whole.unwrap_or_default())
    }

    fn weight(&self, handle: Handle<Expression>) -> u64 {
        let module: &Module = &self.shader.module;
        let info = self.shader.function_info(self.index);
        let components = match info[handle].ty.inner_with(&module.types) {
            TypeInner::Vector { size, .. } => *size as u64,
            _ => 1,
        };
        let each = match &self.function.expressions[handle] {
            Expression::Load { pointer } if chain(self.function, *pointer).is_some() => 4,
            Expression::Binary {
                op: BinaryOperator::Divide | BinaryOperator::Modulo,
                ..
            } => 8,
            Expression::Math { fun, .. } if !self.shader.exact && is_rounded(*fun) => 16,
            Expression::Compose {
                components: parts, ..
            } => return parts.len() as u64,
            _ => 1,
        };
        each * components
    }
}

impl Cost {
    const fn then(self, next: Self) -> Self {
        Self {
            fuel: self.fuel.saturating_add(next.fuel),
            turns: self.turns.saturating_add(next.turns),
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            fuel: self.fuel.max(other.fuel),
            turns: self.turns.max(other.turns),
        }
    }

    const fn times(self, times: u64) -> Self {
        Self {
            fuel: self.fuel.saturating_mul(times),
            turns: self.turns.saturating_mul(times),
        }
    }
}
