//! What can become of a channel, and what cannot.

use protocol::ids::{PartyId, PublicKey};
use protocol::units::{Credits, Moment};

use super::{Channel, Lane};

const fn lane(nonce: u64, redeemed: u64) -> Lane {
    let redeemed = Credits::new(redeemed);
    Lane { nonce, redeemed }
}

/// A channel two of whose lanes have paid 5 and 7 of 100.
fn channel() -> Channel {
    Channel {
        from: PartyId::new([1; 32]),
        to: PartyId::new([2; 32]),
        signer: PublicKey::new([3; 32]),
        deposit: Credits::new(100),
        lanes: vec![lane(5, 5), lane(7, 7)],
        min_settle: Moment::new(10),
        settling_at: None,
        places: [0, 0],
    }
}

/// Whether this can become of it.
fn can_become(change: impl FnOnce(&mut Channel)) -> bool {
    let mut after = channel();
    change(&mut after);
    after.follows(&channel())
}

#[test]
fn a_channel_only_grows_and_stays_the_same_parties() {
    assert!(can_become(|_| {}));
    assert!(can_become(|is| is.deposit = Credits::new(101)));
    assert!(!can_become(|is| is.deposit = Credits::new(99)));
    assert!(can_become(|is| is.min_settle = Moment::new(11)));
    assert!(!can_become(|is| is.min_settle = Moment::new(9)));
    assert!(!can_become(|is| is.from = PartyId::new([9; 32])));
    assert!(!can_become(|is| is.to = PartyId::new([9; 32])));
    assert!(!can_become(|is| is.signer = PublicKey::new([9; 32])));
}

#[test]
fn a_lane_grows_in_nonce_and_amount_together() {
    for (nonce, redeemed, can) in [
        (5, 5, true),
        (6, 6, true),
        (6, 5, false),
        (6, 4, false),
        (5, 6, false),
        (5, 4, false),
        (4, 5, false),
        (4, 6, false),
        (4, 4, false),
    ] {
        let became = can_become(|is| is.lanes[0] = lane(nonce, redeemed));
        assert_eq!(became, can, "nonce {nonce}, {redeemed} redeemed");
        // Whatever becomes of the other.
        let both = can_become(|is| is.lanes = vec![lane(nonce, redeemed), lane(8, 8)]);
        assert_eq!(
            both, can,
            "nonce {nonce}, {redeemed} redeemed, and the other lane grew"
        );
    }
    // A lane that was not used yet begins; one that was used is not forgotten.
    assert!(can_become(|is| is.set_lane(15, lane(1, 1))));
    assert!(!can_become(|is| is.lanes.truncate(1)));
}

#[test]
fn what_is_left_is_what_no_lane_has_paid() {
    assert_eq!(channel().redeemed(), Credits::new(12));
    assert_eq!(channel().left(), Credits::new(88));
    assert_eq!(channel().lane(1), lane(7, 7));
    assert_eq!(channel().lane(2), Lane::default());
}
