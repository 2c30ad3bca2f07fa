//! Which operations give the same bits on every device, with the fences that the rewriting puts in.
//!
//! Whole numbers do. Of floats, `+`, `-`, `*` and what only chooses or cuts do, once every result
//! is fenced and every subnormal is flushed; division, roots and the like do not. A job whose
//! outputs are compared in another way than bit by bit on every machine may use those too.

use naga::valid::FunctionInfo;
use naga::{
    AddressSpace, AtomicFunction, Barrier, BinaryOperator, Block, Expression, Function, Handle,
    Literal, MathFunction as Math, RelationalFunction, ScalarKind, Span, Statement, TypeInner,
};

use super::refused::ShaderRefused;
use super::shader::{Place, Shader, chain};

/// Checks every operation of every function.
///
/// # Errors
/// [`ShaderRefused`].
pub(crate) fn check(shader: &Shader<'_>) -> Result<(), ShaderRefused> {
    for (handle, expression) in shader.module.global_expressions.iter() {
        if let Expression::Literal(literal) = expression {
            let span = shader.module.global_expressions.get_span(handle);
            check_literal(*literal, shader.exact).map_err(|why| shader.refuse(span, why))?;
        }
    }
    for (index, function) in shader.functions() {
        let checked = Checked {
            shader,
            function,
            info: shader.function_info(index),
        };
        for argument in &function.arguments {
            let space = shader.inner(argument.ty).pointer_space();
            let inside = matches!(
                space,
                None | Some(AddressSpace::Function | AddressSpace::Private)
            );
            if !inside {
                let why = "only pointers to a function's own variables are passed on";
                return Err(shader.refuse(Span::UNDEFINED, why));
            }
        }
        for (handle, expression) in function.expressions.iter() {
            let span = function.expressions.get_span(handle);
            let found = checked.expression(handle, expression);
            found.map_err(|why| shader.refuse(span, why))?;
        }
        checked.block(&function.body)?;
    }
    Ok(())
}

type Found = Result<(), &'static str>;

const DIVIDES: &str = "float division differs between devices: `exact` has +, - and * alone";
const MATRIX: &str = "matrices are not offered: write their products out";
const FUNCTION: &str = "this function differs between devices: it is not offered in `exact`";
const UNKNOWN_FUNCTION: &str = "this function is not offered to shaders here";

fn check_literal(literal: Literal, exact: bool) -> Found {
    match literal {
        Literal::F32(number) if exact && number.is_subnormal() => Err("a constant is subnormal"),
        Literal::F32(_) | Literal::U32(_) | Literal::I32(_) | Literal::Bool(_) => Ok(()),
        Literal::AbstractInt(_) | Literal::AbstractFloat(_) => Ok(()),
        _ => Err("only u32, i32, f32 and bool are offered"),
    }
}

struct Checked<'a> {
    shader: &'a Shader<'a>,
    function: &'a Function,
    info: &'a FunctionInfo,
}

impl Checked<'_> {
    fn type_of(&self, expression: Handle<Expression>) -> &TypeInner {
        self.info[expression]
            .ty
            .inner_with(&self.shader.module.types)
    }

    fn is_float(&self, expression: Handle<Expression>) -> bool {
        let scalar = self.type_of(expression).scalar();
        scalar.is_some_and(|scalar| scalar.kind == ScalarKind::Float)
    }

    fn expression(&self, handle: Handle<Expression>, expression: &Expression) -> Found {
        if matches!(self.type_of(handle), TypeInner::Matrix { .. }) {
            return Err(MATRIX);
        }
        match expression {
            Expression::Literal(literal) => check_literal(*literal, self.shader.exact),
            Expression::Constant(_)
            | Expression::ZeroValue(_)
            | Expression::Compose { .. }
            | Expression::Access { .. }
            | Expression::AccessIndex { .. }
            | Expression::Splat { .. }
            | Expression::Swizzle { .. }
            | Expression::FunctionArgument(_)
            | Expression::GlobalVariable(_)
            | Expression::LocalVariable(_)
            | Expression::Unary { .. }
            | Expression::Select { .. }
            | Expression::CallResult(_)
            | Expression::ArrayLength(_) => Ok(()),
            Expression::Load { pointer } => self.load(handle, *pointer),
            Expression::Binary { op, left, .. } => match op {
                BinaryOperator::Divide | BinaryOperator::Modulo
                    if self.shader.exact && self.is_float(*left) =>
                {
                    Err(DIVIDES)
                }
                _ => Ok(()),
            },
            Expression::Relational { fun, .. } => match fun {
                RelationalFunction::All | RelationalFunction::Any => Ok(()),
                _ => Err(FUNCTION),
            },
            Expression::Math { fun, arg, .. } if self.is_float(*arg) => {
                float_function(*fun, self.shader.exact)
            }
            Expression::Math { fun, .. } => whole_function(*fun),
            Expression::As { convert, .. } => match convert {
                None | Some(1 | 4) => Ok(()),
                _ => Err("only u32, i32, f32 and bool are offered"),
            },
            Expression::AtomicResult {
                comparison: true, ..
            } => Err("who comes first differs: compare-and-exchange is not offered in `exact`"),
            Expression::AtomicResult { .. } if self.info[handle].ref_count > 0 => {
                Err("what an atomic held before depends on who came first: drop it in `exact`")
            }
            Expression::AtomicResult { .. } => Ok(()),
            _ => Err("this is not offered to shaders here"),
        }
    }

    fn load(&self, handle: Handle<Expression>, pointer: Handle<Expression>) -> Found {
        let buffer = chain(self.function, pointer)
            .is_some_and(|chain| matches!(self.shader.place(chain.root), Place::Buffer { .. }));
        match self.type_of(handle) {
            TypeInner::Scalar(_) | TypeInner::Vector { .. } | TypeInner::Atomic(_) => Ok(()),
            _ if buffer => Err("read a buffer's numbers one by one: `b[i].x`, not `b[i]`"),
            _ => Ok(()),
        }
    }

    fn block(&self, block: &Block) -> Result<(), ShaderRefused> {
        for (statement, span) in block.span_iter() {
            let no = |why: &str| Err(self.shader.refuse(*span, why));
            match statement {
                Statement::Emit(_)
                | Statement::Break
                | Statement::Continue
                | Statement::Return { .. }
                | Statement::Call { .. } => {}
                Statement::ControlBarrier(Barrier::WORK_GROUP) => {}
                Statement::ControlBarrier(_) => {
                    return no("only `workgroupBarrier()` is offered");
                }
                Statement::Block(inner) => self.block(inner)?,
                Statement::If { accept, reject, .. } => {
                    self.block(accept)?;
                    self.block(reject)?;
                }
                Statement::Switch { cases, .. } => {
                    for case in cases {
                        self.block(&case.body)?;
                    }
                }
                Statement::Loop {
                    body, continuing, ..
                } => {
                    self.block(body)?;
                    self.block(continuing)?;
                }
                Statement::Store { pointer, .. } => self.store(*pointer, *span)?,
                Statement::Atomic { fun, .. } => {
                    if matches!(fun, AtomicFunction::Exchange { .. }) {
                        return no("who comes first differs: no exchange in `exact`");
                    }
                }
                Statement::WorkGroupUniformLoad { .. } => {
                    return no("`workgroupUniformLoad` is not offered: write a barrier");
                }
                _ => return no("this is not offered to shaders here"),
            }
        }
        Ok(())
    }

    fn store(&self, pointer: Handle<Expression>, span: Span) -> Result<(), ShaderRefused> {
        let Some(chain) = chain(self.function, pointer) else {
            return Ok(());
        };
        let variable = &self.shader.module.global_variables[chain.root];
        let array = matches!(self.shader.inner(variable.ty), TypeInner::Array { .. });
        let why = match self.shader.place(chain.root) {
            Place::Buffer { atomic: true, .. } | Place::WorkGroup { atomic: true } => {
                "`atomicStore` is not offered in `exact`: who comes last differs"
            }
            Place::Buffer { .. } | Place::WorkGroup { .. } if chain.step.is_none() || !array => {
                "what invocations share is written element by element, in an array"
            }
            _ => return Ok(()),
        };
        Err(self.shader.refuse(span, why))
    }
}

const fn float_function(fun: Math, exact: bool) -> Found {
    match fun {
        Math::Abs
        | Math::Min
        | Math::Max
        | Math::Clamp
        | Math::Saturate
        | Math::Ceil
        | Math::Floor
        | Math::Round
        | Math::Trunc
        | Math::Sign => Ok(()),
        _ if exact => Err(FUNCTION),
        _ if is_rounded(fun) => Ok(()),
        _ => Err(UNKNOWN_FUNCTION),
    }
}

/// Functions of floats that devices round each in their own way, or work out by other steps.
pub(crate) const fn is_rounded(fun: Math) -> bool {
    matches!(
        fun,
        Math::Cos
            | Math::Cosh
            | Math::Sin
            | Math::Sinh
            | Math::Tan
            | Math::Tanh
            | Math::Acos
            | Math::Asin
            | Math::Atan
            | Math::Atan2
            | Math::Asinh
            | Math::Acosh
            | Math::Atanh
            | Math::Radians
            | Math::Degrees
            | Math::Fract
            | Math::Exp
            | Math::Exp2
            | Math::Log
            | Math::Log2
            | Math::Pow
            | Math::Dot
            | Math::Cross
            | Math::Distance
            | Math::Length
            | Math::Normalize
            | Math::FaceForward
            | Math::Reflect
            | Math::Refract
            | Math::Fma
            | Math::Mix
            | Math::Step
            | Math::SmoothStep
            | Math::Sqrt
            | Math::InverseSqrt
    )
}

const fn whole_function(fun: Math) -> Found {
    match fun {
        Math::Abs
        | Math::Min
        | Math::Max
        | Math::Clamp
        | Math::Sign
        | Math::Dot
        | Math::Dot4I8Packed
        | Math::Dot4U8Packed
        | Math::CountTrailingZeros
        | Math::CountLeadingZeros
        | Math::CountOneBits
        | Math::ReverseBits
        | Math::ExtractBits
        | Math::InsertBits
        | Math::FirstTrailingBit
        | Math::FirstLeadingBit => Ok(()),
        _ => Err(FUNCTION),
    }
}
