//! Chance, as far as the rules have any: numbers that follow from a seed, and are the same on every
//! machine.

use std::num::NonZeroU64;

use protocol::ids::Digest;

/// Numbers that follow from a seed alone.
pub(crate) struct Chance {
    seed: Digest,
    drawn: u64,
}

impl Chance {
    pub(crate) fn new(context: &str, parts: &[&[u8]]) -> Self {
        let seed = Digest::derive(context, parts);
        Self { seed, drawn: 0 }
    }

    /// A number from 0 to `below` - 1.
    pub(crate) fn below(&mut self, below: NonZeroU64) -> u64 {
        let parts: [&[u8]; 2] = [self.seed.bytes(), &self.drawn.to_le_bytes()];
        let digest = Digest::derive("tallygrid chance v1", &parts);
        self.drawn = self.drawn.saturating_add(1);
        let (first, _) = digest
            .bytes()
            .split_first_chunk::<8>()
            .expect("a digest has 32 bytes");
        let wide = u128::from(u64::from_le_bytes(*first)).saturating_mul(below.get().into());
        u64::try_from(wide >> 64).expect("the upper half of 128 bits fits 64")
    }

    /// A place, each as likely as its weight; `None` if all weights are zero.
    pub(crate) fn place(&mut self, weights: &[u64]) -> Option<usize> {
        let total = weights
            .iter()
            .fold(0, |sum: u64, weight| sum.saturating_add(*weight));
        let mut rest = self.below(NonZeroU64::new(total)?);
        weights
            .iter()
            .position(|weight| match rest.checked_sub(*weight) {
                Some(less) => {
                    rest = less;
                    false
                }
                None => true,
            })
    }
}
