//! What instructions that compute do with classes.

use wasmparser::Operator;

use super::{Class, Effect, Kind, Pass, Value};

impl Pass<'_> {
    /// An instruction that neither opens, closes nor leaves a block.
    pub(super) fn compute(&mut self, effect: Effect, op: &Operator<'_>, place: usize) {
        match effect {
            Effect::Get(local) => self.get(local, place),
            Effect::Set(local) => {
                let value = self.pop();
                self.set(local, value);
            }
            Effect::Tee(local) => {
                let value = self.pop();
                let value = self.set(local, value);
                self.stack.push(Value {
                    made: place,
                    ..value
                });
            }
            Effect::Drop => drop(self.pop()),
            Effect::Select => {
                self.pop();
                let (b, a) = (self.pop(), self.pop());
                self.either(a, b, place);
            }
            Effect::Constant(class) => {
                self.push(class, matches!(op, Operator::F64Const { .. }), place);
            }
            Effect::Number(kind) => {
                self.pop_seen();
                self.push(Class::number(kind), kind == Kind::F64, place);
            }
            Effect::Arithmetic(count, of, kind) => {
                for _ in 0..count {
                    self.pop_like(of);
                }
                self.push(Class::open(kind), kind == Kind::F64, place);
            }
            Effect::Judge(count, of) => {
                for _ in 0..count {
                    self.pop_like(of);
                }
                self.push(Class::EXACT, false, place);
            }
            _ => self.reshape(effect, op, place),
        }
    }

    /// The same for what turns signs, or moves values between scalars and lanes.
    fn reshape(&mut self, effect: Effect, op: &Operator<'_>, place: usize) {
        match effect {
            Effect::Pick(kind) => {
                let (b, a) = (self.pop_like(kind), self.pop_like(kind));
                self.either(a, b, place);
            }
            Effect::Negate | Effect::Absolute(_) => {
                let kind = if let Effect::Absolute(kind) = effect {
                    kind
                } else {
                    Kind::F64
                };
                let value = self.pop_like(kind);
                let class = match effect {
                    Effect::Negate => value.class.negated(),
                    _ => value.class.absolute(kind),
                };
                self.stack.push(Value {
                    class,
                    made: place,
                    ..value
                });
            }
            Effect::CopySign => {
                self.pop_seen();
                let value = self.pop_seen();
                self.push(Class::EXACT, value.is_double, place);
            }
            Effect::Splat(kind) => {
                let mut value = self.pop();
                if value.class.spread(kind).remedy(false).is_none() {
                    self.see(&mut value);
                }
                self.push(value.class.spread(kind), false, place);
            }
            Effect::Extract(kind) => {
                let value = self.pop_like(kind);
                let class = value.class.lane(kind);
                let is_double = kind == Kind::F64x2;
                self.stack.push(Value {
                    class,
                    is_double,
                    made: place,
                    ..value
                });
            }
            Effect::Replace(kind) => {
                let mut scalar = self.pop();
                let vector = self.pop_like(kind);
                if scalar.class.spread(kind).remedy(false).is_none() {
                    self.see(&mut scalar);
                }
                self.replace(vector, scalar, kind, place);
            }
            _ => self.plain(op, place),
        }
    }

    pub(super) fn plain(&mut self, op: &Operator<'_>, place: usize) {
        let (takes, gives) = op.operator_arity(self.shape).unwrap_or((0, 0));
        for _ in 0..takes {
            self.pop_seen();
        }
        for _ in 0..gives {
            self.push(Class::EXACT, false, place);
        }
    }

    fn replace(&mut self, mut vector: Value, mut scalar: Value, kind: Kind, place: usize) {
        let mut class = vector.class.meet(scalar.class.spread(kind));
        if !class.is_exact() && class.remedy(false).is_none() {
            self.see(&mut vector);
            self.see(&mut scalar);
            class = Class::EXACT;
        }
        self.push(class, false, place);
    }

    /// One of two values; both must be what the result is taken for.
    fn either(&mut self, mut a: Value, mut b: Value, place: usize) {
        let class = a.class.meet(b.class);
        if !class.is_exact() && class.remedy(false).is_none() {
            self.see(&mut a);
            self.see(&mut b);
        }
        let class = a.class.meet(b.class);
        self.push(class, a.is_double || b.is_double, place);
    }

    fn get(&mut self, local: u32, place: usize) {
        let slot = self.locals.slot(local).filter(|_| self.followed);
        let Some((slot, is_double)) = slot else {
            return self.push(Class::EXACT, false, place);
        };
        let class = self.now[slot];
        self.stack.push(Value {
            class,
            is_double,
            made: place,
            slot: Some(slot),
        });
    }

    fn set(&mut self, local: u32, mut value: Value) -> Value {
        let Some((slot, _)) = self.locals.slot(local) else {
            return value;
        };
        if !self.followed || self.firm[slot] {
            self.see(&mut value);
        }
        if self.followed {
            self.now[slot] = value.class;
        }
        value
    }
}
