//! Chance, from one seed: the same numbers on every machine and in every build. Integers alone.

use protocol::units::Millis;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// The one stream of chance that a play draws from.
#[derive(Debug)]
pub(crate) struct Chance(ChaCha8Rng);

impl Chance {
    /// The stream of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A number from 0 to `below` - 1; 0 if `below` is 0.
    pub(crate) fn below(&mut self, below: u64) -> u64 {
        let wide = u128::from(self.0.next_u64()) * u128::from(below);
        u64::try_from(wide >> 64).expect("the upper half of 128 bits fits 64")
    }

    /// A number from `least` to `most`.
    pub(crate) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most.saturating_sub(least) + 1)
    }

    /// Yes, in so many of ten thousand cases.
    pub(crate) fn says(&mut self, bps: u32) -> bool {
        self.below(10_000) < u64::from(bps)
    }

    /// How long it takes until something happens that happens every `mean` on average and does not
    /// remember when it did last: von Neumann's way, which needs comparisons only.
    pub(crate) fn wait(&mut self, mean: Millis) -> Millis {
        let mut whole = 0_u64;
        loop {
            let first = self.0.next_u64();
            let (mut last, mut falls) = (first, 1_u32);
            loop {
                let next = self.0.next_u64();
                if next >= last {
                    break;
                }
                (last, falls) = (next, falls + 1);
            }
            if falls % 2 == 1 {
                let part = u128::from(mean.get()) * u128::from(first);
                let part = u64::try_from(part >> 64).expect("a part of 64 bits fits them");
                return Millis::new(mean.get().saturating_mul(whole).saturating_add(part));
            }
            whole += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_have_the_mean_and_the_spread_of_what_does_not_remember() {
        let mut chance = Chance::new(7);
        let mean = Millis::new(60_000);
        let waits: Vec<u64> = (0..20_000).map(|_| chance.wait(mean).get()).collect();
        let found = waits.iter().sum::<u64>() / 20_000;
        assert!((58_000..62_000).contains(&found), "{found}");
        let over = waits.iter().filter(|wait| **wait > 60_000).count();
        assert!((7_100..7_600).contains(&over), "e^-1 of 20 000, not {over}");
    }
}
