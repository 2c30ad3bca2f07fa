//! Entries of a peer that has heard of no block yet.

use std::path::Path;
use std::time::Duration;

use ledger::{NoCarrier, Role, WallClock};
use protocol::ids::PartyId;
use protocol::units::Credits;
use rules::Refusal;

use super::*;
use crate::devnet::Plan;
use crate::driver::now;
use crate::parts::read_genesis;

/// The entries of a devnet's researcher, who has heard of no block yet.
fn researcher(dir: &Path) -> (Entries, Genesis) {
    let plan = Plan::make(dir, 4, 0).unwrap();
    let home = &plan.place("researcher").unwrap().home;
    let genesis = read_genesis(&home.genesis()).unwrap();
    let config = ledger::Config {
        home: home.root().to_owned(),
        genesis: genesis.clone(),
        role: Role::Follower,
        view_time: Duration::from_secs(1),
        clock: Arc::new(WallClock),
    };
    let ledger = Arc::new(Ledger::start(config, Arc::new(NoCarrier)).unwrap());
    let keys = Arc::new(Keys::load(&home.keys()).unwrap());
    (Entries::new(&genesis, keys, ledger).unwrap(), genesis)
}

fn sent(entries: &mut Entries) -> SignedEntry {
    let messages = entries.take_messages();
    let [Message::Entries(sent)] = &messages[..] else {
        panic!("one message: {messages:?}")
    };
    sent.first().expect("one entry").clone()
}

#[test]
fn members_are_believed_when_one_of_those_who_refuse_must_be_right() {
    let dir = tempfile::tempdir().unwrap();
    let (mut entries, genesis) = researcher(dir.path());
    let member = |nth: usize| genesis.members[nth].peer;
    let body = || Body::Transfer {
        moves: vec![(PartyId::of(&genesis.members[0].party), Credits::new(1))],
    };
    let token = ProposalToken(1);
    assert_eq!(entries.propose(now(), token, body()), None);
    let entry = sent(&mut entries);
    let id = entry.entry_id();
    let why = "it touches too many rows";
    assert_eq!(entries.refused(PeerId::new([7; 32]), id, why), None);
    assert_eq!(entries.refused(member(0), id, why), None);
    assert_eq!(entries.refused(member(0), id, why), None, "it is one voice");
    let fate = Fate::Refused {
        trouble: Trouble::new(Kind::Other, format!("members refuse it: {why}")),
        may_retry: true,
    };
    let told = entries.refused(member(3), id, why);
    assert_eq!(told, Some(Input::Answered { token, fate }));
    assert_eq!(entries.refused(member(2), id, why), None, "it is told once");
    assert_eq!(entries.wake_at(), None, "it is not sent again");

    assert_eq!(entries.propose(now(), ProposalToken(2), body()), None);
    let next = sent(&mut entries);
    assert_eq!(next.unchecked().nonce, 0, "nothing waits behind it");
    assert_ne!(next.unchecked().lane, entry.unchecked().lane);
}

#[test]
fn refusals_keep_their_kinds() {
    let (needs, has) = (Credits::new(2), Credits::new(1));
    for (refusal, expected) in [
        (Refusal::FeeUnpayable { needs, has }, Kind::Money),
        (Refusal::InsufficientBalance { needs, has }, Kind::Money),
        (Refusal::AmountTooLarge, Kind::Money),
        (Refusal::TooFewCopies { min: 2 }, Kind::Request),
        (Refusal::PriceIsZero { needed: needs }, Kind::Request),
        (Refusal::RosterFull, Kind::Other),
        (Refusal::UnknownJob, Kind::Other),
    ] {
        assert_eq!(kind(refusal.code()), expected, "{refusal}");
    }
    let offers = Refusal::NotEnoughOffers {
        class: "grid",
        have: 1,
        copies: 2,
    };
    assert_eq!(kind(offers.code()), Kind::Offers);
}
