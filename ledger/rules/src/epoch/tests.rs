//! What an epoch may mint, and how it is split, for any numbers.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    reason = "a test that overflows, or finds nothing, has failed"
)]

use proptest::prelude::*;
use protocol::units::{Bps, Millis};

use super::*;
use crate::params::SUPPLY_MAX;

proptest! {
    /// I8, over a thousand epochs: none mints more than its cap, all of them together no more than
    /// a year's share for each year, and the parts add up to the whole but for the subsidy's rest.
    #[test]
    fn a_thousand_epochs_never_mint_more_than_their_cap(
        supply in 0..SUPPLY_MAX / 2,
        cap_bps in 0..=1_000_u32,
        burned in 0..1_000_000_000_000_u64,
        epoch_ms in 600_000..=86_400_000_u64,
    ) {
        let mut params = Params::standard();
        params.inflation_cap = Bps::new(cap_bps);
        params.epoch = Millis::new(epoch_ms);
        let mut circulating = Credits::new(supply);
        let burned = Credits::new(burned);
        let mut minted = 0_u128;
        let mut allowed = 0_u128;
        for _ in 0..1_000 {
            let cap = cap(&params, circulating);
            let pools = split(&params, cap, burned);
            let exact = u128::from(circulating.get()) * u128::from(cap_bps) * u128::from(epoch_ms);
            prop_assert!(u128::from(cap.get()) * 10_000 * u128::from(YEAR.get()) <= exact);
            prop_assert!(pools.supply.get() <= burned.get() / 2);
            let unspent = cap.share(params.epoch_split[3]).minus(pools.supply).unwrap();
            prop_assert_eq!(pools.sum().plus(unspent), Some(cap));
            circulating = circulating.plus(pools.sum()).unwrap();
            minted += u128::from(pools.sum().get());
            allowed += u128::from(cap.get());
        }
        prop_assert!(minted <= allowed);
    }
}
