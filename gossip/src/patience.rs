//! How long to wait before trying again: 100 ms at first, 1.7 times longer each time, 5 s at most,
//! each wait drawn between half and all of that, so that peers do not knock in step.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LAST: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience(Duration);

impl Default for Patience {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl Patience {
    /// The next wait.
    pub(crate) fn wait(&mut self) -> Duration {
        let whole = self.0;
        self.0 = whole.mul_f64(1.7).min(LAST);
        let mut chance = [0];
        // Without chance the wait is simply the longest one.
        let chance = getrandom::fill(&mut chance).map_or(u8::MAX, |()| chance[0]);
        whole.mul_f64(0.5 + f64::from(chance) / 510.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_within_bounds() {
        let mut patience = Patience::default();
        let waits: Vec<_> = (0..30).map(|_| patience.wait()).collect();
        assert!(waits[0] >= FIRST / 2 && waits[0] <= FIRST);
        assert!(waits[29] >= LAST / 2 && waits.iter().all(|wait| *wait <= LAST));
    }
}
