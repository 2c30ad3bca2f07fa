//! The first state of a federation: its members, parties and numbers, or why there is none.

use std::collections::{BTreeMap, BTreeSet};

use protocol::bytes::{Limited, Malformed};
use protocol::genesis::{Genesis, Member as Founder};
use protocol::ids::{Digest, PartyId, PublicKey};
use protocol::units::{Credits, Height};
use thiserror::Error;

use crate::books;
use crate::money::posting::{Posting, post};
use crate::money::{About, Account, Code, issue};
use crate::params::{self, ParamsRefused};
use crate::people::{
    Desks, Member, MemberNumbers, Members, Parties, Party, Sponsor, Sponsors, is_known, sponsor,
    voter,
};
use crate::refusal::Refusal;
use crate::state::{At, Clock, Draft, Federation, Founding};

/// A federation cannot begin like this.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum GenesisRefused {
    /// It is outside the limits of its type.
    #[error("malformed genesis: {0}")]
    Malformed(#[from] Malformed),
    /// Its numbers are out of bounds, or make cheating pay.
    #[error("the genesis' numbers are refused: {0}")]
    Params(#[from] ParamsRefused),
    /// One member could stop all others.
    #[error(
        "member `{name}` has {power} of {all} power: more than a third, so it could stop the others"
    )]
    TooMuchPower {
        /// Its name.
        name: String,
        /// Its power.
        power: u8,
        /// All power.
        all: u32,
    },
    /// Something that must be there once is there twice.
    #[error("{what} of `{name}` is another's too")]
    Twice {
        /// What.
        what: &'static str,
        /// Whose, the second time.
        name: String,
    },
    /// There would be more credits than there may be.
    #[error("the grants are more than all credits there can be")]
    TooManyCredits,
    /// The grants are more than the reserve covers.
    #[error("the grants are more than the reserve covers")]
    ReserveShort,
    /// A member's bond is more than it is granted.
    #[error("member `{name}` bonds {needs} and is granted {has}")]
    BondUncovered {
        /// Its name.
        name: String,
        /// Its bond.
        needs: Credits,
        /// Its grants.
        has: Credits,
    },
}

/// The rows a federation begins with. Each member's node is admitted as a peer, owned and sponsored
/// by its member.
///
/// # Errors
/// [`GenesisRefused`].
pub fn begin(genesis: &Genesis) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, GenesisRefused> {
    genesis.within_limits()?;
    params::check_for(&genesis.params, genesis.devnet)?;
    found(genesis)
}

/// As [`begin`], with numbers that no federation may have: so that the simulator can show what such
/// numbers would bring. Only `sim` may name it, and only for a devnet; the house rules see to that.
///
/// # Errors
/// [`GenesisRefused`], for everything but its numbers.
pub fn begin_even_if_cheating_pays(
    genesis: &Genesis,
) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, GenesisRefused> {
    assert!(genesis.devnet, "such numbers are for trials alone");
    genesis.within_limits()?;
    found(genesis)
}

/// The rows of a genesis whose numbers are accepted.
fn found(genesis: &Genesis) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, GenesisRefused> {
    check_members(genesis)?;
    let founding = Founding {
        id: genesis.id(),
        name: genesis.name.clone(),
        devnet: genesis.devnet,
        params: genesis.params.clone(),
        epochs: (0, genesis.begins),
        issuance: genesis.issuance.clone(),
        emergency: genesis.emergency.clone(),
    };
    let at = At {
        height: Height::GENESIS,
        now: genesis.begins,
        parent: Digest::new([0; 32]),
    };
    let nothing: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let mut draft = Draft::new(&nothing, &founding, at);
    draft.put::<Federation>(&(), &founding);
    draft.put::<Clock>(&(), &(at.height, at.now));
    for grant in &genesis.grants {
        let party = know(&mut draft, grant.party);
        issue::grant(&mut draft, party, grant.amount)
            .map_err(|_| GenesisRefused::TooManyCredits)?;
    }
    for (number, member) in (0..).zip(&genesis.members) {
        seat(&mut draft, number, member)?;
    }
    for (number, desk) in (0..).zip(&genesis.desks) {
        let party = know(&mut draft, desk.party);
        draft.put::<Desks>(&number, &party);
        let name = desk.name.clone();
        let member = false;
        draft.put::<Sponsors>(&party, &Sponsor { name, member });
        draft.count(|counts| counts.desks = counts.desks.saturating_add(1));
    }
    issue::found(&mut draft).map_err(|_| GenesisRefused::ReserveShort)?;
    books::check(&nothing, draft.updates()).expect("grants are minted by postings alone");
    let rows = draft.into_changes().updates.into_iter();
    Ok(rows.filter_map(|(key, row)| Some((key, row?))).collect())
}

fn check_members(genesis: &Genesis) -> Result<(), GenesisRefused> {
    let all = genesis.members.iter().fold(0, |sum: u32, member| {
        sum.saturating_add(member.power.into())
    });
    let mut parties = BTreeSet::new();
    let (mut votes, mut nodes) = (BTreeSet::new(), BTreeSet::new());
    let twice = |what, name: &str| {
        let name = name.to_owned();
        Err(GenesisRefused::Twice { what, name })
    };
    for member in &genesis.members {
        if u32::from(member.power).saturating_mul(3) > all {
            return Err(GenesisRefused::TooMuchPower {
                name: member.name.clone(),
                power: member.power,
                all,
            });
        }
        if !parties.insert(member.party) {
            return twice("the party", &member.name);
        }
        if !votes.insert(member.consensus) {
            return twice("the consensus key", &member.name);
        }
        if !nodes.insert(member.peer) {
            return twice("the peer", &member.name);
        }
    }
    for desk in &genesis.desks {
        if !parties.insert(desk.party) {
            return twice("the party", &desk.name);
        }
    }
    Ok(())
}

fn know(draft: &mut Draft<'_>, root: PublicKey) -> PartyId {
    let party = PartyId::of(&root);
    if !is_known(draft, party) {
        let since = Height::GENESIS;
        draft.put::<Parties>(&party, &Party::new(root, since, None));
    }
    party
}

fn seat(draft: &mut Draft<'_>, number: u32, founder: &Founder) -> Result<(), GenesisRefused> {
    let party = know(draft, founder.party);
    let name = founder.name.clone();
    let member = Member {
        name: name.clone(),
        party,
        consensus: founder.consensus,
        peer: founder.peer,
        power: founder.power,
    };
    draft.put::<Members>(&number, &member);
    draft.put::<MemberNumbers>(&party, &number);
    voter::note(draft, founder.consensus, party);
    draft.put::<Sponsors>(&party, &Sponsor { name, member: true });
    draft.count(|counts| {
        counts.members = counts.members.saturating_add(1);
        counts.power = counts.power.saturating_add(founder.power.into());
    });
    sponsor::admit(draft, party, founder.peer, party)
        .expect("a member sponsors, its party is known, and no node is named twice");
    post(
        draft,
        Posting {
            from: Account::Wallet(party),
            to: Account::MemberBond(party),
            amount: founder.bond,
            code: Code::MemberBond,
            about: About::Ledger,
        },
    )
    .map_err(|refusal| match refusal {
        Refusal::InsufficientBalance { needs, has } => GenesisRefused::BondUncovered {
            name: founder.name.clone(),
            needs,
            has,
        },
        other => panic!("a posting is only refused for its balance, but: {other}"),
    })
}
