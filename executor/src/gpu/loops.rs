//! Loops whose number of turns can be read off: `for (var i = 0u; i < 16u; i++) { … }`.

use naga::{
    BinaryOperator, Block, Expression, Function, Handle, Literal, LocalVariable, Module, Statement,
};

/// How often a loop turns, if it is a counted one: its variable begins at a constant, is compared
/// with a constant at the head, grows by a constant, and is written nowhere else.
///
/// `block[at]` is the loop; `nested` says whether another loop of the function is around it.
pub(crate) fn turns(
    module: &Module,
    function: &Function,
    (block, at): (&Block, usize),
    nested: bool,
) -> Option<u32> {
    let Statement::Loop {
        body,
        continuing,
        break_if: None,
    } = &block[at]
    else {
        return None;
    };
    let look = Look { module, function };
    let (variable, inclusive, end) = look.head(body)?;
    let step = look.step(continuing, variable)?;
    let begin = look.begin((block, at), variable, nested)?;
    if leaves(body, true) > 1 {
        return None;
    }
    let (begin, end, step) = (begin, end + i64::from(inclusive), step);
    let turns = if begin >= end {
        0
    } else {
        (end - begin + step - 1) / step
    };
    let last = begin + turns * step;
    let highest = if look.is_signed(variable) {
        i32::MAX.into()
    } else {
        i64::from(u32::MAX)
    };
    u32::try_from(turns).ok().filter(|_| last <= highest)
}

struct Look<'a> {
    module: &'a Module,
    function: &'a Function,
}

impl Look<'_> {
    fn constant(&self, expression: Handle<Expression>) -> Option<i64> {
        let literal = match self.function.expressions[expression] {
            Expression::Literal(literal) => literal,
            Expression::Constant(constant) => {
                let init = self.module.constants[constant].init;
                match self.module.global_expressions[init] {
                    Expression::Literal(literal) => literal,
                    _ => return None,
                }
            }
            _ => return None,
        };
        match literal {
            Literal::U32(number) => Some(number.into()),
            Literal::I32(number) => Some(number.into()),
            _ => None,
        }
    }

    fn is_signed(&self, variable: Handle<LocalVariable>) -> bool {
        let ty = self.function.local_variables[variable].ty;
        let scalar = self.module.types[ty].inner.scalar();
        scalar.is_some_and(|scalar| scalar.kind == naga::ScalarKind::Sint)
    }

    fn local(&self, pointer: Handle<Expression>) -> Option<Handle<LocalVariable>> {
        match self.function.expressions[pointer] {
            Expression::LocalVariable(variable) => Some(variable),
            _ => None,
        }
    }

    fn loaded(&self, expression: Handle<Expression>) -> Option<Handle<LocalVariable>> {
        match self.function.expressions[expression] {
            Expression::Load { pointer } => self.local(pointer),
            _ => None,
        }
    }

    /// `if (i < END) {} else { break; }`, before anything else.
    fn head(&self, body: &Block) -> Option<(Handle<LocalVariable>, bool, i64)> {
        let first = body
            .iter()
            .find(|statement| !matches!(statement, Statement::Emit(_)))?;
        let Statement::If {
            condition,
            accept,
            reject,
        } = first
        else {
            return None;
        };
        if !accept.is_empty() || !matches!(reject[..], [Statement::Break]) {
            return None;
        }
        let Expression::Binary { op, left, right } = self.function.expressions[*condition] else {
            return None;
        };
        let inclusive = match op {
            BinaryOperator::Less => false,
            BinaryOperator::LessEqual => true,
            _ => return None,
        };
        Some((self.loaded(left)?, inclusive, self.constant(right)?))
    }

    /// `i += STEP` and nothing else.
    fn step(&self, continuing: &Block, variable: Handle<LocalVariable>) -> Option<i64> {
        let mut others = continuing
            .iter()
            .filter(|s| !matches!(s, Statement::Emit(_)));
        let (Some(Statement::Store { pointer, value }), None) = (others.next(), others.next())
        else {
            return None;
        };
        let Expression::Binary {
            op: BinaryOperator::Add,
            left,
            right,
        } = self.function.expressions[*value]
        else {
            return None;
        };
        let ours = self.local(*pointer) == Some(variable) && self.loaded(left) == Some(variable);
        let step = self.constant(right)?;
        (ours && step > 0).then_some(step)
    }

    /// What the variable is when the loop is reached.
    fn begin(
        &self,
        (block, at): (&Block, usize),
        variable: Handle<LocalVariable>,
        nested: bool,
    ) -> Option<i64> {
        let before = block[..at]
            .iter()
            .rev()
            .find(|s| !matches!(s, Statement::Emit(_)));
        let stored = match before {
            Some(Statement::Store { pointer, value }) if self.local(*pointer) == Some(variable) => {
                Some(self.constant(*value)?)
            }
            _ => None,
        };
        let writes = self.writes(&self.function.body, variable)?;
        match stored {
            Some(begin) => (writes == 2).then_some(begin),
            None if nested || writes != 1 => None,
            None => self.constant(self.function.local_variables[variable].init?),
        }
    }

    /// How often the function's text writes to the variable; `None` if its place is given away.
    fn writes(&self, block: &Block, variable: Handle<LocalVariable>) -> Option<usize> {
        let ours = |pointer: Handle<Expression>| self.local(pointer) == Some(variable);
        let mut writes = 0;
        for statement in block {
            writes += match statement {
                Statement::Store { pointer, .. } => usize::from(ours(*pointer)),
                Statement::Call { arguments, .. } if arguments.iter().any(|a| ours(*a)) => {
                    return None;
                }
                other => {
                    let mut inner = 0;
                    for block in blocks(other) {
                        inner += self.writes(block, variable)?;
                    }
                    inner
                }
            };
        }
        Some(writes)
    }
}

/// The blocks within a statement.
pub(crate) fn blocks(statement: &Statement) -> Vec<&Block> {
    match statement {
        Statement::Block(block) => vec![block],
        Statement::If { accept, reject, .. } => vec![accept, reject],
        Statement::Switch { cases, .. } => cases.iter().map(|case| &case.body).collect(),
        Statement::Loop {
            body, continuing, ..
        } => vec![body, continuing],
        _ => Vec::new(),
    }
}

/// How many ways lead out of a loop's body: `break` of this loop, and `return`.
fn leaves(block: &Block, breaks: bool) -> usize {
    let ways = |statement: &Statement| match statement {
        Statement::Break => usize::from(breaks),
        Statement::Return { .. } | Statement::Kill => 1,
        Statement::Loop { .. } | Statement::Switch { .. } => blocks(statement)
            .into_iter()
            .map(|b| leaves(b, false))
            .sum(),
        other => blocks(other).into_iter().map(|b| leaves(b, breaks)).sum(),
    };
    block.iter().map(ways).sum()
}
