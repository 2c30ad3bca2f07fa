//! Payments between so many accounts, each an entry of its own.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use protocol::entry::{Body, TRANSFERS_MAX};
use protocol::ids::{Digest, PartyId, PublicKey};
use protocol::units::Credits;

use crate::ledger::{Ledger, SPONSORS};

/// So many payments are timed.
const PAYMENTS: u32 = 50_000;

fn receiver(n: u32) -> PublicKey {
    PublicKey::new(*Digest::derive("bench receiver", &[&n.to_le_bytes()]).bytes())
}

/// Registers so many parties and gives each its first credits.
pub fn open_accounts(ledger: &mut Ledger, accounts: u32) {
    ledger.blocks((0..accounts).map(|n| (n % SPONSORS, Body::Register { key: receiver(n) })));
    let all: Vec<u32> = (0..accounts).collect();
    ledger.blocks(all.chunks(TRANSFERS_MAX).map(|some| {
        let moves = some
            .iter()
            .map(|n| (PartyId::of(&receiver(*n)), Credits::new(1_000)));
        let moves = moves.collect();
        (some[0] % SPONSORS, Body::Transfer { moves })
    }));
}

/// Where the `n`th payment goes: from one end of the accounts to the other, in no order.
fn payment(n: u32, accounts: u32) -> u32 {
    n.wrapping_mul(2_654_435_761) % accounts
}

/// How long one payment took the rules, and a map of balances that checks nothing.
pub fn measure(ledger: &mut Ledger, accounts: u32) -> (Duration, Duration) {
    let parties: Vec<PartyId> = (0..accounts).map(|n| PartyId::of(&receiver(n))).collect();
    let ruled = ledger.blocks((0..PAYMENTS).map(|n| {
        let to = parties[payment(n, accounts) as usize];
        let moves = vec![(to, Credits::new(7))];
        (n % SPONSORS, Body::Transfer { moves })
    }));
    let mut bare: HashMap<PartyId, u64> = parties.iter().map(|party| (*party, 1_000)).collect();
    let mut purse = u64::from(PAYMENTS) * 7;
    let begun = Instant::now();
    for n in 0..PAYMENTS {
        purse -= 7;
        *bare
            .get_mut(&parties[payment(n, accounts) as usize])
            .expect("it is there") += 7;
    }
    let bare_took = begun.elapsed();
    assert_eq!(purse, 0, "all was paid");
    (ruled / PAYMENTS, bare_took / PAYMENTS)
}
