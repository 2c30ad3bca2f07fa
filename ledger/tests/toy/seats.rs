//! Who is a member, as the toy writes it down.

use ledger::engine::{MemberKey, Members};

/// Marks entries that change the members.
const SEAT: u64 = 1 << 63;
/// The row of the members' powers, by their places.
pub(super) const SEATS: &[u8] = b"seats";

/// An entry that gives the member at `place` this power, or its seat to nobody if it is 0. No two
/// with the same `number` are agreed.
pub fn seat(number: u8, place: usize, power: u8) -> u64 {
    let place = u8::try_from(place).unwrap();
    SEAT | u64::from_le_bytes([power, place, number, 0, 0, 0, 0, 0])
}

/// The members' powers, from their row.
pub(super) fn of(row: Option<Vec<u8>>) -> Vec<u8> {
    row.expect("genesis has it")
}

/// Changes powers as the entries of a block say.
pub(super) fn take(seats: &mut [u8], datum: &[u8]) {
    for entry in datum.chunks(8) {
        let entry = u64::from_le_bytes(entry.try_into().unwrap());
        let [power, place, ..] = entry.to_le_bytes();
        if entry & SEAT != 0 {
            seats[usize::from(place)] = power;
        }
    }
}

/// The members with these powers.
pub(super) fn members(names: &[MemberKey], seats: &[u8]) -> Members {
    let powers = names.iter().zip(seats).filter(|(_, power)| **power > 0);
    Members::new(powers.map(|(name, power)| (*name, u64::from(*power)))).unwrap()
}
