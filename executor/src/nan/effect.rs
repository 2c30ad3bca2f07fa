//! What an instruction does with the bits of a NaN.
//!
//! Only what is listed here may leave them open or overlook them. Every other instruction of a
//! known proposal sees the bits it takes, and leaves none open: [`Effect::Plain`].

use wasmparser::Operator;

use super::class::{Class, Kind};

/// What the pass must know of an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Changes the flow of control.
    Flow,
    /// Reads a local.
    Get(u32),
    /// Writes a local.
    Set(u32),
    /// Writes a local, and keeps the value.
    Tee(u32),
    /// Takes a value away unseen.
    Drop,
    /// Gives one of two values.
    Select,
    /// Gives a value that is known.
    Constant(Class),
    /// Makes a number of an integer, or of integers.
    Number(Kind),
    /// Takes so many of a kind without seeing a NaN's bits, and leaves those of its result open.
    Arithmetic(u8, Kind, Kind),
    /// Takes so many of a kind without seeing a NaN's bits, and gives no floats.
    Judge(u8, Kind),
    /// Turns a scalar's sign.
    Negate,
    /// Clears signs.
    Absolute(Kind),
    /// Takes the sign from one scalar, and the rest from another.
    CopySign,
    /// Gives for each lane that of one of two vectors, whatever a NaN's bits.
    Pick(Kind),
    /// Puts a scalar in all lanes.
    Splat(Kind),
    /// Takes a scalar out.
    Extract(Kind),
    /// Puts a scalar in one lane.
    Replace(Kind),
    /// Sees what it takes, and leaves nothing open.
    Plain,
}

const F32_CANONICAL: u32 = 0x7fc0_0000;
const F64_CANONICAL: u64 = 0x7ff8_0000_0000_0000;

fn constant(is_nan: bool, is_canonical: bool, is_negative: bool) -> Effect {
    Effect::Constant(match (is_nan, is_canonical, is_negative) {
        (false, ..) => Class::NUMBER,
        (true, true, false) => Class::CANONICAL,
        (true, true, true) => Class::NEGATED,
        (true, false, _) => Class::EXACT,
    })
}

/// The effect, or `None` for an instruction that this pass was not written for.
pub(super) fn effect(op: &Operator<'_>) -> Option<Effect> {
    if !is_known(op) {
        return None;
    }
    Some(
        flow(op)
            .or_else(|| scalar(op))
            .or_else(|| vector(op))
            .unwrap_or(Effect::Plain),
    )
}

fn is_known(op: &Operator<'_>) -> bool {
    macro_rules! proposal {
        ($(@$proposal:ident $op:ident $({ $($arg:ident: $type:ty),* })? => $visit:ident
            ($($ann:tt)*))*) => {
            match op {
                $(Operator::$op { .. } => stringify!($proposal),)*
                _ => "",
            }
        };
    }
    let proposal = wasmparser::for_each_operator!(proposal);
    matches!(
        proposal,
        "mvp"
            | "sign_extension"
            | "saturating_float_to_int"
            | "bulk_memory"
            | "reference_types"
            | "tail_call"
            | "simd"
            | "relaxed_simd"
            | "threads"
            | "exceptions"
    )
}

fn flow(op: &Operator<'_>) -> Option<Effect> {
    use Operator as O;
    Some(match op {
        O::LocalGet { local_index } => Effect::Get(*local_index),
        O::LocalSet { local_index } => Effect::Set(*local_index),
        O::LocalTee { local_index } => Effect::Tee(*local_index),
        O::Drop => Effect::Drop,
        O::Select | O::TypedSelect { .. } => Effect::Select,
        O::Block { .. }
        | O::Loop { .. }
        | O::If { .. }
        | O::Else
        | O::End
        | O::TryTable { .. }
        | O::Br { .. }
        | O::BrIf { .. }
        | O::BrTable { .. }
        | O::Return
        | O::ReturnCall { .. }
        | O::ReturnCallIndirect { .. }
        | O::Unreachable
        | O::Throw { .. }
        | O::ThrowRef => Effect::Flow,
        _ => return None,
    })
}

fn scalar(op: &Operator<'_>) -> Option<Effect> {
    use Kind::{F32, F64};
    use Operator as O;
    Some(match op {
        O::F32Const { value } => {
            let bits = value.bits();
            let canonical = bits & 0x7fff_ffff == F32_CANONICAL;
            constant(f32::from_bits(bits).is_nan(), canonical, bits >> 31 == 1)
        }
        O::F64Const { value } => {
            let bits = value.bits();
            let canonical = bits << 1 == F64_CANONICAL << 1;
            constant(f64::from_bits(bits).is_nan(), canonical, bits >> 63 == 1)
        }
        O::F32ConvertI32S | O::F32ConvertI32U | O::F32ConvertI64S | O::F32ConvertI64U => {
            Effect::Number(F32)
        }
        O::F64ConvertI32S | O::F64ConvertI32U | O::F64ConvertI64S | O::F64ConvertI64U => {
            Effect::Number(F64)
        }
        O::F32Ceil | O::F32Floor | O::F32Trunc | O::F32Nearest | O::F32Sqrt => {
            Effect::Arithmetic(1, F32, F32)
        }
        O::F64Ceil | O::F64Floor | O::F64Trunc | O::F64Nearest | O::F64Sqrt => {
            Effect::Arithmetic(1, F64, F64)
        }
        O::F32Add | O::F32Sub | O::F32Mul | O::F32Div | O::F32Min | O::F32Max => {
            Effect::Arithmetic(2, F32, F32)
        }
        O::F64Add | O::F64Sub | O::F64Mul | O::F64Div | O::F64Min | O::F64Max => {
            Effect::Arithmetic(2, F64, F64)
        }
        O::F32DemoteF64 => Effect::Arithmetic(1, F64, F32),
        O::F64PromoteF32 => Effect::Arithmetic(1, F32, F64),
        O::F32Neg | O::F64Neg => Effect::Negate,
        O::F32Abs => Effect::Absolute(F32),
        O::F64Abs => Effect::Absolute(F64),
        O::F32Copysign | O::F64Copysign => Effect::CopySign,
        O::F32Eq | O::F32Ne | O::F32Lt | O::F32Gt | O::F32Le | O::F32Ge => Effect::Judge(2, F32),
        O::F64Eq | O::F64Ne | O::F64Lt | O::F64Gt | O::F64Le | O::F64Ge => Effect::Judge(2, F64),
        O::I32TruncF32S | O::I32TruncF32U | O::I64TruncF32S | O::I64TruncF32U => {
            Effect::Judge(1, F32)
        }
        O::I32TruncF64S | O::I32TruncF64U | O::I64TruncF64S | O::I64TruncF64U => {
            Effect::Judge(1, F64)
        }
        O::I32TruncSatF32S | O::I32TruncSatF32U | O::I64TruncSatF32S | O::I64TruncSatF32U => {
            Effect::Judge(1, F32)
        }
        O::I32TruncSatF64S | O::I32TruncSatF64U | O::I64TruncSatF64S | O::I64TruncSatF64U => {
            Effect::Judge(1, F64)
        }
        _ => return None,
    })
}

fn vector(op: &Operator<'_>) -> Option<Effect> {
    use Kind::{F32x4, F64x2};
    use Operator as O;
    Some(match op {
        O::F32x4Ceil | O::F32x4Floor | O::F32x4Trunc | O::F32x4Nearest | O::F32x4Sqrt => {
            Effect::Arithmetic(1, F32x4, F32x4)
        }
        O::F64x2Ceil | O::F64x2Floor | O::F64x2Trunc | O::F64x2Nearest | O::F64x2Sqrt => {
            Effect::Arithmetic(1, F64x2, F64x2)
        }
        O::F32x4Add | O::F32x4Sub | O::F32x4Mul | O::F32x4Div | O::F32x4Min | O::F32x4Max => {
            Effect::Arithmetic(2, F32x4, F32x4)
        }
        O::F64x2Add | O::F64x2Sub | O::F64x2Mul | O::F64x2Div | O::F64x2Min | O::F64x2Max => {
            Effect::Arithmetic(2, F64x2, F64x2)
        }
        O::F32x4RelaxedMin | O::F32x4RelaxedMax => Effect::Arithmetic(2, F32x4, F32x4),
        O::F64x2RelaxedMin | O::F64x2RelaxedMax => Effect::Arithmetic(2, F64x2, F64x2),
        O::F32x4RelaxedMadd | O::F32x4RelaxedNmadd => Effect::Arithmetic(3, F32x4, F32x4),
        O::F64x2RelaxedMadd | O::F64x2RelaxedNmadd => Effect::Arithmetic(3, F64x2, F64x2),
        O::F32x4DemoteF64x2Zero => Effect::Arithmetic(1, F64x2, F32x4),
        O::F64x2PromoteLowF32x4 => Effect::Arithmetic(1, F32x4, F64x2),
        O::F32x4ConvertI32x4S | O::F32x4ConvertI32x4U => Effect::Number(F32x4),
        O::F64x2ConvertLowI32x4S | O::F64x2ConvertLowI32x4U => Effect::Number(F64x2),
        O::V128Const { value } => Effect::Constant(Class::vector(value.bytes())),
        O::F32x4Abs => Effect::Absolute(F32x4),
        O::F64x2Abs => Effect::Absolute(F64x2),
        O::F32x4PMin | O::F32x4PMax => Effect::Pick(F32x4),
        O::F64x2PMin | O::F64x2PMax => Effect::Pick(F64x2),
        O::F32x4Splat => Effect::Splat(F32x4),
        O::F64x2Splat => Effect::Splat(F64x2),
        O::F32x4ExtractLane { .. } => Effect::Extract(F32x4),
        O::F64x2ExtractLane { .. } => Effect::Extract(F64x2),
        O::F32x4ReplaceLane { .. } => Effect::Replace(F32x4),
        O::F64x2ReplaceLane { .. } => Effect::Replace(F64x2),
        O::F32x4Eq | O::F32x4Ne | O::F32x4Lt | O::F32x4Gt | O::F32x4Le | O::F32x4Ge => {
            Effect::Judge(2, F32x4)
        }
        O::F64x2Eq | O::F64x2Ne | O::F64x2Lt | O::F64x2Gt | O::F64x2Le | O::F64x2Ge => {
            Effect::Judge(2, F64x2)
        }
        O::I32x4TruncSatF32x4S
        | O::I32x4TruncSatF32x4U
        | O::I32x4RelaxedTruncF32x4S
        | O::I32x4RelaxedTruncF32x4U => Effect::Judge(1, F32x4),
        O::I32x4TruncSatF64x2SZero
        | O::I32x4TruncSatF64x2UZero
        | O::I32x4RelaxedTruncF64x2SZero
        | O::I32x4RelaxedTruncF64x2UZero => Effect::Judge(1, F64x2),
        _ => return None,
    })
}
