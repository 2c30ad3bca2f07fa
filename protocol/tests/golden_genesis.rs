//! The written form of a genesis and the name that follows from it are frozen.

mod kept;

use ed25519_dalek::SigningKey;
use kept::golden;
use protocol::bytes;
use protocol::genesis::{Committee, Desk, Genesis, Grant, Issuance, Member, Params};
use protocol::ids::{PeerId, PublicKey};
use protocol::units::{Credits, Moment};

#[test]
fn a_genesis_and_the_federation_it_names() {
    let key = PublicKey::new([6; 32]);
    let consensus = SigningKey::from_bytes(&[7; 32]);
    let member = Member {
        name: "alder".into(),
        party: key,
        consensus: PublicKey::new(consensus.verifying_key().to_bytes()),
        peer: PeerId::new([3; 32]),
        power: 1,
        bond: Credits::new(5),
    };
    let genesis = Genesis {
        name: "golden".into(),
        begins: Moment::new(1),
        devnet: true,
        members: vec![member; 4],
        desks: vec![Desk {
            name: "desk".into(),
            party: key,
        }],
        grants: vec![Grant {
            party: key,
            amount: Credits::new(10),
        }],
        params: Params::standard(),
        issuance: Issuance::Fixed,
        emergency: Committee::NOBODY,
    };
    let written = bytes::write(&genesis);
    assert_eq!(
        bytes::read::<Genesis>(&written, 1 << 20),
        Ok(genesis.clone())
    );
    golden("genesis", &[&written[..], genesis.id().bytes()].concat());
}
