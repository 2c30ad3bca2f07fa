//! What an instruction costs.

use wasmparser::Operator;

/// The units of an instruction, whatever it works on.
pub(super) const fn flat(op: &Operator<'_>) -> u32 {
    match op {
        // They leave no machine code, or say only where a block begins or ends.
        Operator::Nop
        | Operator::Drop
        | Operator::Block { .. }
        | Operator::Loop { .. }
        | Operator::Unreachable
        | Operator::Return
        | Operator::Else
        | Operator::End => 0,
        _ => 1,
    }
}

/// Whether an instruction costs one more unit for each byte or element in the number that it takes
/// last, an `i32` that counts as positive.
pub(super) const fn is_bulk(op: &Operator<'_>) -> bool {
    matches!(
        op,
        Operator::MemoryCopy { .. }
            | Operator::MemoryFill { .. }
            | Operator::MemoryInit { .. }
            | Operator::TableCopy { .. }
            | Operator::TableFill { .. }
            | Operator::TableInit { .. }
            | Operator::TableGrow { .. }
    )
}
