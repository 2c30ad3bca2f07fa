//! Entries whose bytes are kept.

use protocol::bytes::{self, Limited};
use protocol::entry::{Body, Entry};
use protocol::ids::{FederationId, PartyId};
use protocol::signed::signing_digest;
use protocol::units::Moment;

use super::kept::golden;

/// An entry that asks for this, the same in all files of tests.
pub(crate) fn entry(body: Body) -> Entry {
    Entry {
        federation: FederationId::new([1; 32]),
        sender: PartyId::new([2; 32]),
        lane: 1,
        nonce: 2,
        valid_until: Moment::new(9),
        fee_payer: None,
        cosigners: Vec::new(),
        body,
    }
}

/// Compares an entry's bytes, and what is signed of it, with those that are kept; no byte of it may
/// be missing or left over.
pub(crate) fn golden_entry(body: Body) {
    let name = body.name();
    let entry = entry(body);
    assert_eq!(entry.within_limits(), Ok(()), "{name}");
    let mut written = bytes::write(&entry);
    assert_eq!(bytes::read(&written, 1 << 20), Ok(entry.clone()));
    for end in 0..written.len() {
        assert!(bytes::read::<Entry>(&written[..end], 1 << 20).is_err());
    }
    let longer = [&written[..], &[0]].concat();
    assert!(bytes::read::<Entry>(&longer, 1 << 20).is_err());
    written.extend(signing_digest(&entry).bytes());
    golden(&format!("entry-{name}"), &written);
}
