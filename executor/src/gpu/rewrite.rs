//! Writes a checked function anew: work is counted, loops end, indexes stay inside, what is written
//! belongs to one invocation, and every float goes through the fence.

mod expressions;

use std::collections::{BTreeMap, BTreeSet};

use naga::valid::FunctionInfo;
use naga::{
    Arena, Block, Expression, Function, Handle, Literal, Range, Span, Statement, SwitchCase,
};

use super::fuel::{Cost, Summary, Turn};
use super::loops::blocks;
use super::shader::{Index, Shader, chain};

/// A function of the stranger, with the same meaning where it keeps the rules.
pub(crate) fn function(
    shader: &Shader<'_>,
    index: Index,
    old: &Function,
    summary: &Summary,
) -> Function {
    let mut writer = Writer {
        shader,
        old,
        info: shader.function_info(index),
        turns: summary.turns.iter(),
        stored: BTreeSet::new(),
        map: BTreeMap::new(),
        new: Arena::new(),
    };
    writer.find_stores(&old.body);
    writer.constants();
    let mut body = Block::new();
    if matches!(index, Index::Entered(_)) {
        writer.charge(summary.cost, &mut body);
    }
    let rest = writer.block(&old.body);
    body.extend_block(rest);
    let mut arguments = old.arguments.clone();
    for argument in &mut arguments {
        argument.binding = None;
    }
    let mut local_variables = old.local_variables.clone();
    for (_, variable) in local_variables.iter_mut() {
        variable.init = variable.init.map(|init| writer.map[&init]);
    }
    Function {
        name: old.name.clone(),
        arguments,
        result: old.result.clone(),
        local_variables,
        expressions: writer.new,
        body,
        ..Function::default()
    }
}

struct Writer<'a> {
    shader: &'a Shader<'a>,
    old: &'a Function,
    info: &'a FunctionInfo,
    turns: std::slice::Iter<'a, Turn>,
    /// The first steps into variables that something is stored through.
    stored: BTreeSet<Handle<Expression>>,
    map: BTreeMap<Handle<Expression>, Handle<Expression>>,
    new: Arena<Expression>,
}

/// A cost as a word; all costs were checked to fit.
fn word(number: u64) -> u32 {
    u32::try_from(number).expect("what is paid at once is at most 2^30")
}

impl Writer<'_> {
    fn find_stores(&mut self, block: &Block) {
        for statement in block {
            if let Statement::Store { pointer, .. } = statement {
                let step = chain(self.old, *pointer).and_then(|chain| chain.step);
                self.stored.extend(step);
            }
            for inner in blocks(statement) {
                self.find_stores(inner);
            }
        }
    }

    /// Everything that no statement computes: constants, variables, arguments.
    fn constants(&mut self) {
        let mut emitted = BTreeSet::new();
        find_emitted(&self.old.body, &mut emitted);
        let old = self.old;
        for (handle, expression) in old.expressions.iter() {
            let result = matches!(
                expression,
                Expression::CallResult(_) | Expression::AtomicResult { .. }
            );
            if emitted.contains(&handle) || result {
                continue;
            }
            if let Some(mut mapped) = self.mapped(expression) {
                if let Expression::Literal(Literal::F32(number)) = &mut mapped
                    && *number == 0.0
                {
                    *number = 0.0;
                }
                let span = old.expressions.get_span(handle);
                self.map.insert(handle, self.new.append(mapped, span));
            }
        }
    }

    fn literal(&mut self, number: u32) -> Handle<Expression> {
        let literal = Expression::Literal(Literal::U32(number));
        self.new.append(literal, Span::UNDEFINED)
    }

    fn emit(&mut self, expression: Expression, out: &mut Block) -> Handle<Expression> {
        let handle = self.new.append(expression, Span::UNDEFINED);
        let range = Range::new_from_bounds(handle, handle);
        out.push(Statement::Emit(range), Span::UNDEFINED);
        handle
    }

    fn call(
        &mut self,
        helper: &str,
        arguments: Vec<Handle<Expression>>,
        out: &mut Block,
    ) -> Handle<Expression> {
        let function = self.shader.helper(helper);
        let result = Expression::CallResult(function);
        let result = self.new.append(result, Span::UNDEFINED);
        let call = Statement::Call {
            function,
            arguments,
            result: Some(result),
        };
        out.push(call, Span::UNDEFINED);
        result
    }

    /// Counts work; the answer is whether there was too much of it.
    fn charge(&mut self, cost: Cost, out: &mut Block) -> Handle<Expression> {
        let (fuel, turns) = (
            self.literal(word(cost.fuel)),
            self.literal(word(cost.turns)),
        );
        self.call("tg_turn", vec![fuel, turns], out)
    }

    fn block(&mut self, old: &Block) -> Block {
        let mut out = Block::new();
        for statement in old {
            self.statement(statement, &mut out);
        }
        out
    }

    fn statement(&mut self, old: &Statement, out: &mut Block) {
        let new = match old {
            Statement::Emit(range) => {
                for handle in range.clone() {
                    let new = self.expression(handle, out);
                    self.map.insert(handle, new);
                }
                return;
            }
            Statement::Block(inner) => Statement::Block(self.block(inner)),
            Statement::If {
                condition,
                accept,
                reject,
            } => Statement::If {
                condition: self.map[condition],
                accept: self.block(accept),
                reject: self.block(reject),
            },
            Statement::Switch { selector, cases } => Statement::Switch {
                selector: self.map[selector],
                cases: cases.iter().map(|case| self.case(case)).collect(),
            },
            Statement::Loop {
                body,
                continuing,
                break_if,
            } => {
                let body = self.turn(body);
                let continuing = self.block(continuing);
                Statement::Loop {
                    body,
                    continuing,
                    break_if: break_if.map(|condition| self.map[&condition]),
                }
            }
            Statement::Return { value } => Statement::Return {
                value: value.map(|value| self.map[&value]),
            },
            Statement::Store { pointer, value } => Statement::Store {
                pointer: self.map[pointer],
                value: self.map[value],
            },
            Statement::Atomic {
                pointer,
                fun,
                value,
                result,
            } => Statement::Atomic {
                pointer: self.map[pointer],
                fun: *fun,
                value: self.map[value],
                result: result.map(|result| self.result(result)),
            },
            Statement::Call {
                function,
                arguments,
                result,
            } => Statement::Call {
                function: *function,
                arguments: arguments
                    .iter()
                    .map(|argument| self.map[argument])
                    .collect(),
                result: result.map(|result| self.result(result)),
            },
            other => other.clone(),
        };
        out.push(new, Span::UNDEFINED);
    }

    fn case(&mut self, case: &SwitchCase) -> SwitchCase {
        SwitchCase {
            value: case.value,
            body: self.block(&case.body),
            fall_through: case.fall_through,
        }
    }

    /// A loop's body, with its price at the head.
    fn turn(&mut self, body: &Block) -> Block {
        let mut out = Block::new();
        let turn = self.turns.next().copied().unwrap_or_default();
        if let Some(cost) = turn.cost {
            let over = self.charge(cost, &mut out);
            if turn.cut {
                let stop = Statement::If {
                    condition: over,
                    accept: Block::from_vec(vec![Statement::Break]),
                    reject: Block::new(),
                };
                out.push(stop, Span::UNDEFINED);
            }
        }
        let rest = self.block(body);
        out.extend_block(rest);
        out
    }

    fn result(&mut self, old: Handle<Expression>) -> Handle<Expression> {
        let new = self
            .new
            .append(self.old.expressions[old].clone(), Span::UNDEFINED);
        self.map.insert(old, new);
        new
    }
}

fn find_emitted(block: &Block, found: &mut BTreeSet<Handle<Expression>>) {
    for statement in block {
        if let Statement::Emit(range) = statement {
            found.extend(range.clone());
        }
        for inner in blocks(statement) {
            find_emitted(inner, found);
        }
    }
}
