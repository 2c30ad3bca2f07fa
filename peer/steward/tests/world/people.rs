//! Who lives in the world: members, desks, and one with only a wallet.

use protocol::job::Profile;

use super::*;

pub(super) fn root(n: u8) -> PublicKey {
    PublicKey::new(key(100 + n).verifying_key().to_bytes())
}

pub(super) fn genesis() -> Genesis {
    let credits = |n: u64| Credits::new(n * 1_000_000);
    let member = |n| Member {
        name: format!("member {n}"),
        party: root(n),
        consensus: PublicKey::new(key(200 + n).verifying_key().to_bytes()),
        peer: peer(n),
        power: 1,
        bond: credits(10_000),
    };
    let desk = |n| Desk {
        name: format!("desk {n}"),
        party: root(n),
    };
    let grant = |n| Grant {
        party: root(n),
        amount: credits(1_000_000),
    };
    Genesis {
        name: "stewards".to_owned(),
        begins: Moment::new(1_000_000),
        devnet: true,
        members: (1..=4).map(member).collect(),
        desks: (5..=7).map(desk).collect(),
        grants: (1..=PEERS).map(grant).collect(),
        params: Params {
            copies_probation: 2,
            ..Params::standard()
        },
        issuance: Issuance::Fixed,
        emergency: Committee::NOBODY,
    }
}

impl World {
    pub(super) fn identity(&self, n: u8) -> Identity {
        let works = n != PEERS;
        let members = (1..=4).map(|n| steward::Member {
            party: PartyId::of(&root(n)),
            peer: peer(n),
            name: format!("member {n}"),
        });
        Identity {
            federation: self.genesis.id(),
            party: PartyId::of(&root(n)),
            member: n <= 4,
            sponsor: works,
            admitted: n <= 4,
            bond_target: Credits::new(if works { 50_000_000_000 } else { 0 }),
            classes: if works { vec![Class::Grid] } else { Vec::new() },
            slots: if works { 2 } else { 0 },
            per_gfuel: Credits::new(1_000_000),
            members: members.collect(),
            profiles: vec![Profile::WASM_3, Profile::WGSL_1],
            ..crate::scene::identity(n)
        }
    }
}
