//! Writing functions with their remedies: everything else stays byte for byte.

use wasmparser::{FunctionBody, Operator};

use super::class::Mark;
use super::plan::Marks;
use super::shape::Locals;
use crate::passes::{self, BODY_BYTES_MAX, NotRewritten, number};

const F32: u8 = 0x7d;
const F64: u8 = 0x7c;
const V128: u8 = 0x7b;

const LOCAL_GET: u8 = 0x20;
const LOCAL_TEE: u8 = 0x22;
const SELECT: u8 = 0x1b;
const F32_CONST: u8 = 0x43;
pub(super) const F64_CONST: u8 = 0x44;
// Not `eq`, which x86 answers by two flags: each number is at least itself, and a NaN is not.
const F32_GE: u8 = 0x60;
const F64_GE: u8 = 0x66;
const SIMD: u8 = 0xfd;
const V128_CONST: u8 = 0x0c;
const V128_BITSELECT: u8 = 0x52;
const F32X4_EQ: u8 = 0x41;
const F64X2_EQ: u8 = 0x47;

/// A NaN, as the values that take its place: one for each kind of remedy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nan {
    single: u32,
    double: u64,
}

impl Nan {
    /// The one that the profile has.
    pub(super) const CANONICAL: Self = Self {
        single: 0x7fc0_0000,
        double: 0x7ff8_0000_0000_0000,
    };

    /// Another, for tests: a machine is free to leave any in the results of arithmetic.
    pub(super) fn other(number: usize) -> Self {
        let number = u64::try_from(number)
            .unwrap_or(0)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self {
            single: 0x7f80_0001 | (number >> 32) as u32,
            double: 0x7ff0_0000_0000_0001 | number,
        }
    }
}

/// The locals that remedies work with.
#[derive(Debug, Default)]
struct Spare {
    next: u32,
    extra: Vec<u8>,
    places: [Option<u32>; 3],
}

impl Spare {
    fn of(&mut self, kind: u8) -> u32 {
        let place = match kind {
            F32 => 0,
            F64 => 1,
            _ => 2,
        };
        *self.places[place].get_or_insert_with(|| {
            self.extra.push(kind);
            self.next += 1;
            self.next - 1
        })
    }
}

fn remedy(into: &mut Vec<u8>, mark: Mark, nan: Nan, held: Option<u32>, spare: &mut Spare) {
    let kind = match mark {
        Mark::F32 | Mark::MinusF32 => F32,
        Mark::F64 | Mark::MinusF64 => F64,
        Mark::Singles | Mark::Doubles => V128,
    };
    // A local that holds the very value saves a copy.
    let local = held.unwrap_or_else(|| {
        let local = spare.of(kind);
        into.push(LOCAL_TEE);
        number(into, local);
        local
    });
    let sign = u8::from(matches!(mark, Mark::MinusF32 | Mark::MinusF64));
    let single = (nan.single ^ u32::from(sign) << 31).to_le_bytes();
    let double = (nan.double ^ u64::from(sign) << 63).to_le_bytes();
    match mark {
        Mark::F32 | Mark::MinusF32 => {
            into.push(F32_CONST);
            into.extend(single);
        }
        Mark::F64 | Mark::MinusF64 => {
            into.push(F64_CONST);
            into.extend(double);
        }
        Mark::Singles => {
            into.extend([SIMD, V128_CONST]);
            (0..4).for_each(|_| into.extend(single));
        }
        Mark::Doubles => {
            into.extend([SIMD, V128_CONST]);
            (0..2).for_each(|_| into.extend(double));
        }
    }
    for _ in 0..2 {
        into.push(LOCAL_GET);
        number(into, local);
    }
    match mark {
        Mark::F32 | Mark::MinusF32 => into.extend([F32_GE, SELECT]),
        Mark::F64 | Mark::MinusF64 => into.extend([F64_GE, SELECT]),
        Mark::Singles => into.extend([SIMD, F32X4_EQ, SIMD, V128_BITSELECT]),
        Mark::Doubles => into.extend([SIMD, F64X2_EQ, SIMD, V128_BITSELECT]),
    }
}

/// A function's body with these remedies. With `noise`, every arithmetic result that is not a
/// number is first made another NaN than the machine's.
pub(super) fn body(
    body: &FunctionBody<'_>,
    locals: &Locals,
    marks: &Marks,
    noise: Option<&Marks>,
) -> Result<Vec<u8>, NotRewritten> {
    let at = body.range().start;
    let bytes = body.as_bytes();
    if marks.iter().all(Option::is_none) && noise.is_none() {
        return Ok(bytes.to_vec());
    }
    let mut spare = Spare {
        next: locals.count(),
        ..Spare::default()
    };
    let mut code = Vec::with_capacity(bytes.len() * 2);
    let mut operators = body.get_operators_reader()?;
    let start = operators.original_position();
    let mut copied = start;
    let mut place = 0;
    while !operators.eof() {
        let op = operators.read()?;
        let end = operators.original_position();
        let made = noise.and_then(|noise| noise[place]);
        if made.is_some() || marks[place].is_some() {
            code.extend(&bytes[copied - at..end - at]);
            copied = end;
        }
        if let Some(mark) = made {
            remedy(&mut code, mark, Nan::other(end), None, &mut spare);
        }
        if let Some(mark) = marks[place] {
            let held = match op {
                Operator::LocalGet { local_index } | Operator::LocalTee { local_index } => {
                    Some(local_index)
                }
                _ => None,
            };
            remedy(&mut code, mark, Nan::CANONICAL, held, &mut spare);
        }
        if code.len() > BODY_BYTES_MAX {
            return Err(NotRewritten::Function { at });
        }
        place += 1;
    }
    code.extend(&bytes[copied - at..]);
    passes::body(body, locals.count(), &spare.extra, &code)
}
