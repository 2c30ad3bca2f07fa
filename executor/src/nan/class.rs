//! What is known of a value beside the one that the profile defines.
//!
//! The profile's value is the one in a world where every arithmetic result that is not a number is
//! the canonical one (positive, only the top bit of the fraction set) the moment it is made. The
//! real value may differ from it in the bits of a NaN, and only in the ways of its class.

/// A set of true statements about a value; where control flow meets, only the common ones stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Class(u8);

impl Class {
    /// It is bit for bit the profile's.
    const SAME: u8 = 1;
    /// A scalar: it becomes the profile's if a NaN is replaced by the canonical one.
    const PLUS: u8 = 2;
    /// A scalar: the same with the canonical one negated.
    const MINUS: u8 = 4;
    /// A vector: like `PLUS` for each of four lanes.
    const SINGLES: u8 = 8;
    /// A vector: like `PLUS` for each of two lanes.
    const DOUBLES: u8 = 16;
    /// A vector: as four lanes, it differs from the profile's only in the bits of NaNs.
    const LIKE_SINGLES: u8 = 32;
    /// A vector: the same as two lanes.
    const LIKE_DOUBLES: u8 = 64;
    const LIKE: u8 = Self::LIKE_SINGLES | Self::LIKE_DOUBLES;

    /// Everything holds: no NaN in any reading, or a place that is never reached.
    pub(super) const NUMBER: Self = Self(127);
    /// It is the profile's value, which may be any NaN.
    pub(super) const EXACT: Self = Self(Self::SAME | Self::LIKE);
    /// It is the profile's value; a NaN in it is the canonical one.
    pub(super) const CANONICAL: Self = Self(Self::SAME | Self::PLUS | Self::LIKE);
    /// It is the profile's value; a NaN in it is the canonical one, negated.
    pub(super) const NEGATED: Self = Self(Self::SAME | Self::MINUS | Self::LIKE);

    /// The result of arithmetic.
    pub(super) const fn open(kind: Kind) -> Self {
        Self(match kind {
            Kind::F32 | Kind::F64 => Self::PLUS | Self::LIKE,
            Kind::F32x4 => Self::SINGLES | Self::LIKE_SINGLES,
            Kind::F64x2 => Self::DOUBLES | Self::LIKE_DOUBLES,
        })
    }

    /// Lanes made from integers: numbers when read as this kind, anything when read otherwise.
    pub(super) const fn number(kind: Kind) -> Self {
        match kind {
            Kind::F32 | Kind::F64 => Self::NUMBER,
            Kind::F32x4 | Kind::F64x2 => Self(Self::EXACT.0 | Self::open(kind).0),
        }
    }

    /// A vector of which every bit is known.
    pub(super) fn vector(bytes: &[u8; 16]) -> Self {
        let (singles, doubles) = (bytes.as_chunks().0, bytes.as_chunks().0);
        let mut class = Self::EXACT.0;
        if !singles
            .iter()
            .any(|lane| f32::from_le_bytes(*lane).is_nan())
        {
            class |= Self::SINGLES;
        }
        if !doubles
            .iter()
            .any(|lane| f64::from_le_bytes(*lane).is_nan())
        {
            class |= Self::DOUBLES;
        }
        Self(class)
    }

    /// What holds of a value that may be either.
    pub(super) const fn meet(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether it is the profile's.
    pub(super) const fn is_exact(self) -> bool {
        self.0 & Self::SAME != 0
    }

    /// Whether an operation that sees numbers of this kind, but no NaN's bits, may take it.
    pub(super) const fn is_like(self, kind: Kind) -> bool {
        match kind {
            Kind::F32 | Kind::F64 => true,
            Kind::F32x4 => self.0 & Self::LIKE_SINGLES != 0,
            Kind::F64x2 => self.0 & Self::LIKE_DOUBLES != 0,
        }
    }

    /// How it can be made the profile's; `None` if no one way is right.
    pub(super) const fn remedy(self, is_double: bool) -> Option<Mark> {
        if self.0 & Self::SINGLES != 0 {
            Some(Mark::Singles)
        } else if self.0 & Self::DOUBLES != 0 {
            Some(Mark::Doubles)
        } else if self.0 & Self::PLUS != 0 {
            Some(if is_double { Mark::F64 } else { Mark::F32 })
        } else if self.0 & Self::MINUS != 0 {
            Some(if is_double {
                Mark::MinusF64
            } else {
                Mark::MinusF32
            })
        } else {
            None
        }
    }

    /// After its remedy.
    pub(super) const fn remedied(self) -> Self {
        Self(self.0 | Self::EXACT.0)
    }

    /// A scalar's negative: the sign of a NaN turns with it.
    pub(super) const fn negated(self) -> Self {
        let turned = (self.0 & Self::PLUS) << 1 | (self.0 & Self::MINUS) >> 1;
        Self(self.0 & !(Self::PLUS | Self::MINUS) | turned)
    }

    /// The absolute value, read as this kind. A vector of the other lanes must be exact before.
    pub(super) const fn absolute(self, kind: Kind) -> Self {
        if self.0 == Self::NUMBER.0 {
            return self;
        }
        let kept = self.0 & (Self::SAME | Self::LIKE);
        Self(match kind {
            Kind::F32 | Kind::F64 if self.0 & (Self::PLUS | Self::MINUS) != 0 => kept | Self::PLUS,
            Kind::F32 | Kind::F64 => kept,
            Kind::F32x4 => kept | self.0 & Self::SINGLES,
            Kind::F64x2 => kept | self.0 & Self::DOUBLES,
        })
    }

    /// A vector with this scalar in its lanes.
    pub(super) const fn spread(self, kind: Kind) -> Self {
        if self.0 == Self::NUMBER.0 {
            return Self::number(kind);
        }
        let exact = if self.is_exact() { Self::EXACT.0 } else { 0 };
        let open = if self.0 & Self::PLUS != 0 {
            Self::open(kind).0
        } else {
            0
        };
        Self(exact | open)
    }

    /// One lane of a vector of this kind.
    pub(super) const fn lane(self, kind: Kind) -> Self {
        let exact = if self.is_exact() { Self::EXACT.0 } else { 0 };
        let bit = match kind {
            Kind::F32x4 => Self::SINGLES,
            _ => Self::DOUBLES,
        };
        let open = if self.0 & bit != 0 {
            Self::PLUS | Self::LIKE
        } else {
            0
        };
        Self(exact | open)
    }
}

/// How an operation reads its operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    F32,
    F64,
    F32x4,
    F64x2,
}

/// How a value is made the profile's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    F32,
    F64,
    MinusF32,
    MinusF64,
    Singles,
    Doubles,
}
