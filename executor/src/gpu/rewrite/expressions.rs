//! Expressions written anew.

use naga::{
    BinaryOperator, Block, Expression, Handle, MathFunction, ScalarKind, TypeInner, UnaryOperator,
    VectorSize,
};

use super::Writer;
use crate::gpu::shader::{Place, chain};

type Shown = Handle<Expression>;

impl Writer<'_> {
    fn type_of(&self, old: Shown) -> &TypeInner {
        self.info[old].ty.inner_with(&self.shader.module.types)
    }

    fn scalar(&self, old: Shown) -> Option<ScalarKind> {
        self.type_of(old).scalar().map(|scalar| scalar.kind)
    }

    fn size(&self, old: Shown) -> Option<VectorSize> {
        match self.type_of(old) {
            TypeInner::Vector { size, .. } => Some(*size),
            _ => None,
        }
    }

    /// The same expression over what its parts have become; `None` if a part is not there.
    pub(super) fn mapped(&self, old: &Expression) -> Option<Expression> {
        let at = |old: &Shown| self.map.get(old).copied();
        let maybe = |old: &Option<Shown>| match old {
            None => Some(None),
            Some(old) => at(old).map(Some),
        };
        let mut new = old.clone();
        match &mut new {
            Expression::Compose { components, .. } => {
                for part in components {
                    *part = at(part)?;
                }
            }
            Expression::Access { base, index } => (*base, *index) = (at(base)?, at(index)?),
            Expression::AccessIndex { base, .. } => *base = at(base)?,
            Expression::Splat { value: part, .. }
            | Expression::Swizzle { vector: part, .. }
            | Expression::Load { pointer: part }
            | Expression::Unary { expr: part, .. }
            | Expression::Relational { argument: part, .. }
            | Expression::As { expr: part, .. }
            | Expression::ArrayLength(part) => *part = at(part)?,
            Expression::Binary { left, right, .. } => (*left, *right) = (at(left)?, at(right)?),
            Expression::Select {
                condition,
                accept,
                reject,
            } => {
                (*condition, *accept, *reject) = (at(condition)?, at(accept)?, at(reject)?);
            }
            Expression::Math {
                arg,
                arg1,
                arg2,
                arg3,
                ..
            } => {
                (*arg, *arg1) = (at(arg)?, maybe(arg1)?);
                (*arg2, *arg3) = (maybe(arg2)?, maybe(arg3)?);
            }
            _ => {}
        }
        Some(new)
    }

    /// Writes an expression and whatever makes it the same on every device; where outputs are not
    /// compared bit by bit everywhere, floats stay as they are.
    pub(super) fn expression(&mut self, old: Shown, out: &mut Block) -> Shown {
        let expression = &self.old.expressions[old];
        let fenced = self.shader.exact && self.scalar(old) == Some(ScalarKind::Float);
        match *expression {
            Expression::Access { base, index } => {
                let index = self.index(base, index, out);
                self.access(old, base, index, out)
            }
            Expression::AccessIndex { base, index } if self.is_shared(old, base) => {
                let index = self.literal(index);
                self.access(old, base, index, out)
            }
            Expression::ArrayLength(array) => {
                let length = self.length(array).unwrap_or(1);
                let expr = self.literal(length);
                let kind = ScalarKind::Uint;
                self.emit(
                    Expression::As {
                        expr,
                        kind,
                        convert: None,
                    },
                    out,
                )
            }
            Expression::Binary { op, left, right } if is_shift(op) => {
                self.shift(op, left, right, out)
            }
            Expression::Math {
                fun: MathFunction::Clamp,
                arg,
                arg1: Some(low),
                arg2: Some(high),
                ..
            } => {
                let value = self.clamp(self.map[&arg], self.map[&low], self.map[&high], out);
                if fenced {
                    self.fence(old, value, out)
                } else {
                    value
                }
            }
            Expression::As {
                expr,
                kind: ScalarKind::Float,
                convert: Some(4),
            } if fenced => match self.scalar(expr) {
                Some(ScalarKind::Uint) => self.by_size("tg_u", old, self.map[&expr], out),
                Some(ScalarKind::Sint) => self.by_size("tg_i", old, self.map[&expr], out),
                _ => self.plain(old, out),
            },
            _ if fenced && self.is_fenced(expression) => {
                let value = self.plain(old, out);
                self.fence(old, value, out)
            }
            _ => self.plain(old, out),
        }
    }

    fn plain(&mut self, old: Shown, out: &mut Block) -> Shown {
        let new = self.mapped(&self.old.expressions[old]);
        self.emit(
            new.expect("what an expression is made of stands before it"),
            out,
        )
    }

    /// Whether a float comes from where it may be rounded, or not be normal.
    fn is_fenced(&self, expression: &Expression) -> bool {
        match expression {
            Expression::Load { pointer } => chain(self.old, *pointer)
                .is_some_and(|chain| matches!(self.shader.place(chain.root), Place::Buffer { .. })),
            Expression::Unary { op, .. } => *op == UnaryOperator::Negate,
            Expression::As { convert, .. } => convert.is_none(),
            Expression::Binary { .. } | Expression::Math { .. } => true,
            _ => false,
        }
    }

    fn fence(&mut self, old: Shown, value: Shown, out: &mut Block) -> Shown {
        self.by_size("tg_f", old, value, out)
    }

    /// Calls the helper for as many components as the value has.
    fn by_size(&mut self, helper: &str, old: Shown, value: Shown, out: &mut Block) -> Shown {
        let components = self.size(old).map_or(1, |size| size as u8);
        self.call(&format!("{helper}{components}"), vec![value], out)
    }

    fn math(&mut self, fun: MathFunction, arg: Shown, arg1: Shown, out: &mut Block) -> Shown {
        let math = Expression::Math {
            fun,
            arg,
            arg1: Some(arg1),
            arg2: None,
            arg3: None,
        };
        self.emit(math, out)
    }

    /// `min(max(v, low), high)`, also where `low > high`, which drivers answer differently.
    fn clamp(&mut self, value: Shown, low: Shown, high: Shown, out: &mut Block) -> Shown {
        let raised = self.math(MathFunction::Max, value, low, out);
        self.math(MathFunction::Min, raised, high, out)
    }

    /// Shifts by the amount modulo 32.
    fn shift(&mut self, op: BinaryOperator, left: Shown, right: Shown, out: &mut Block) -> Shown {
        let mut mask = self.literal(31);
        if let Some(size) = self.size(right) {
            mask = self.emit(Expression::Splat { size, value: mask }, out);
        }
        let amount = Expression::Binary {
            op: BinaryOperator::And,
            left: self.map[&right],
            right: mask,
        };
        let right = self.emit(amount, out);
        let left = self.map[&left];
        self.emit(Expression::Binary { op, left, right }, out)
    }

    /// An index as a word, no longer past the end of what it goes into.
    fn index(&mut self, base: Shown, index: Shown, out: &mut Block) -> Shown {
        let mut new = self.map[&index];
        if self.scalar(index) == Some(ScalarKind::Sint) {
            let kind = ScalarKind::Uint;
            new = self.emit(
                Expression::As {
                    expr: new,
                    kind,
                    convert: Some(4),
                },
                out,
            );
        }
        let length = self.length(base).unwrap_or(1);
        if self.is_place(base) {
            return new;
        }
        let last = self.literal(length.saturating_sub(1));
        self.math(MathFunction::Min, new, last, out)
    }

    /// How many elements there are; the checks have seen that there is at least one.
    fn length(&self, base: Shown) -> Option<u32> {
        let types = &self.shader.module.types;
        match self.type_of(base) {
            TypeInner::Vector { size, .. }
            | TypeInner::ValuePointer {
                size: Some(size), ..
            } => Some(*size as u32),
            TypeInner::Pointer { base: ty, .. } => match &types[*ty].inner {
                TypeInner::Vector { size, .. } => Some(*size as u32),
                array => self.shader.length(array, self.buffer(base)),
            },
            array => self.shader.length(array, None),
        }
    }

    /// The buffer that a pointer leads into, and how many bytes of it come before.
    fn buffer(&self, pointer: Shown) -> Option<(u32, u32)> {
        let (root, before) = match self.old.expressions[pointer] {
            Expression::GlobalVariable(root) => (root, 0),
            Expression::AccessIndex { base, index } => {
                let Expression::GlobalVariable(root) = self.old.expressions[base] else {
                    return None;
                };
                let ty = self.shader.module.global_variables[root].ty;
                match self.shader.inner(ty) {
                    TypeInner::Struct { members, .. } => {
                        (root, members.get(index as usize)?.offset)
                    }
                    _ => return None,
                }
            }
            _ => return None,
        };
        match self.shader.place(root) {
            Place::Buffer { binding, .. } => Some((binding, before)),
            _ => None,
        }
    }

    /// Whether this is an array whose elements belong to one invocation each.
    fn is_place(&self, base: Shown) -> bool {
        let Expression::GlobalVariable(root) = self.old.expressions[base] else {
            return false;
        };
        let place = self.shader.place(root);
        matches!(
            place,
            Place::Buffer {
                writable: true,
                atomic: false,
                ..
            }
        )
    }

    /// The same of an access, with those elements of a workgroup's array that are written.
    fn is_shared(&self, access: Shown, base: Shown) -> bool {
        let Expression::GlobalVariable(root) = self.old.expressions[base] else {
            return false;
        };
        let place = self.shader.place(root);
        let seat = matches!(place, Place::WorkGroup { atomic: false });
        self.is_place(base) || (seat && self.stored.contains(&access))
    }

    /// An access to an index that is inside, or made to be an invocation's own.
    fn access(&mut self, old: Shown, base: Shown, index: Shown, out: &mut Block) -> Shown {
        let mut index = index;
        if self.is_shared(old, base)
            && let Expression::GlobalVariable(root) = self.old.expressions[base]
        {
            index = match self.shader.place(root) {
                Place::Buffer { binding, .. } => {
                    let slot = self.literal(binding);
                    self.call("tg_place", vec![index, slot], out)
                }
                _ => {
                    let length = self.length(base).unwrap_or(1);
                    let length = self.literal(length);
                    self.call("tg_seat", vec![index, length], out)
                }
            };
        }
        let base = self.map[&base];
        self.emit(Expression::Access { base, index }, out)
    }
}

const fn is_shift(op: BinaryOperator) -> bool {
    matches!(op, BinaryOperator::ShiftLeft | BinaryOperator::ShiftRight)
}
