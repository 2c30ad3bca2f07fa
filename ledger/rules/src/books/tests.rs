//! Books that do not balance are found, whichever row it is that does not fit.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    reason = "where a book is not as a test says, the test has failed"
)]

use protocol::entry::Proposal;
use protocol::event::Decision;
use protocol::ids::{PartyId, PublicKey};
use protocol::units::Moment;

use super::*;
use crate::money::posting::{Posting, post};
use crate::money::{About, Channel, Code, Lane};
use crate::state::Draft;
use crate::state::tests::on_nothing;

const PARTY: PartyId = PartyId::new([1; 32]);
const PEER: PeerId = PeerId::new([2; 32]);
const CHANNEL: ChannelId = ChannelId::new([3; 32]);

const fn amount(micro: u64) -> Credits {
    Credits::new(micro)
}

fn pay(draft: &mut Draft<'_>, from: Account, to: Account, micro: u64) {
    let posting = Posting {
        from,
        to,
        amount: amount(micro),
        code: Code::Transfer,
        about: About::Ledger,
    };
    post(draft, posting).unwrap();
}

fn peer(locked: u64) -> Peer {
    Peer {
        number: 0,
        owner: PARTY,
        sponsor: PARTY,
        admitted: Moment::new(0),
        locked: amount(locked),
        forfeited: Credits::ZERO,
        unbonding: Vec::new(),
        jailed_until: Moment::new(0),
        struck: false,
        suspended: false,
    }
}

/// A channel of 100 whose one lane has paid so much.
fn channel(nonce: u64, paid: u64) -> Channel {
    let redeemed = amount(paid);
    Channel {
        from: PARTY,
        to: PARTY,
        signer: PublicKey::new([4; 32]),
        deposit: amount(100),
        lanes: vec![Lane { nonce, redeemed }],
        min_settle: Moment::new(0),
        settling_at: None,
        places: [0, 0],
    }
}

fn ballot(ended: Option<Decision>) -> Ballot {
    Ballot {
        number: 0,
        by: PARTY,
        what: Proposal::Params {
            changes: Vec::new(),
        },
        opened: Moment::new(0),
        votes_until: Moment::new(0),
        lapses: Moment::new(0),
        deposit: amount(5),
        votes: Vec::new(),
        executable: None,
        signals_yes: 0,
        signals_no: 0,
        ended,
    }
}

/// What is said of books in which one thing is other than it should be: by `check`, of what a
/// block changed, and by `recount`, of every row.
fn said(change: impl FnOnce(&mut Draft<'_>)) -> [Option<Unbalanced>; 2] {
    on_nothing(|draft| {
        pay(draft, Account::Mint, Account::Wallet(PARTY), 1_000);
        pay(draft, Account::Wallet(PARTY), Account::Bond(PEER), 10);
        let escrow = Account::ChannelEscrow(CHANNEL);
        pay(draft, Account::Wallet(PARTY), escrow, 93);
        pay(draft, Account::Wallet(PARTY), Account::Deposit(0), 5);
        draft.put::<Peers>(&PEER, &peer(10));
        draft.put::<Channels>(&CHANNEL, &channel(7, 7));
        draft.put::<Ballots>(&0, &ballot(None));
        let written = draft.updates().clone().into_iter();
        let before: BTreeMap<_, _> = written.filter_map(|(key, row)| Some((key, row?))).collect();
        change(draft);
        let after = draft.updates().clone();
        // A block changes what is other than before.
        let mut changed = after.clone();
        changed.retain(|key, row| before.get(key) != row.as_ref());
        let rows = after.into_iter().filter_map(|(key, row)| Some((key, row?)));
        [check(&before, &changed).err(), recount(rows).err()]
    })
}

fn both(what: Unbalanced) -> [Option<Unbalanced>; 2] {
    [Some(what.clone()), Some(what)]
}

#[test]
fn what_balances_passes() {
    assert_eq!(said(|_| {}), [None, None]);
    let moved = said(|draft| pay(draft, Account::Wallet(PARTY), Account::Treasury, 5));
    assert_eq!(moved, [None, None]);
    let paid = said(|draft| {
        let escrow = Account::ChannelEscrow(CHANNEL);
        pay(draft, escrow, Account::Wallet(PARTY), 1);
        draft.put::<Channels>(&CHANNEL, &channel(8, 8));
    });
    assert_eq!(paid, [None, None]);
}

#[test]
fn no_peer_has_more_locked_than_bonded() {
    let uncovered = Unbalanced::BondUncovered {
        peer: PEER,
        locked: amount(11),
        bond: amount(10),
    };
    let found = said(|draft| draft.put::<Peers>(&PEER, &peer(11)));
    assert_eq!(found, both(uncovered));
}

#[test]
fn an_ended_proposal_holds_nothing() {
    let left = amount(5);
    let found = said(|draft| draft.put::<Ballots>(&0, &ballot(Some(Decision::Lapsed))));
    assert_eq!(found, both(Unbalanced::DepositLeft { proposal: 0, left }));
}

#[test]
fn a_channel_holds_what_it_has_not_paid() {
    let uneven = |holds, needs| Unbalanced::ChannelUneven {
        channel: CHANNEL,
        holds: amount(holds),
        needs: amount(needs),
    };
    let escrow = Account::ChannelEscrow(CHANNEL);
    let more = said(|draft| pay(draft, Account::Wallet(PARTY), escrow, 1));
    assert_eq!(more, both(uneven(94, 93)));
    let less = said(|draft| draft.put::<Channels>(&CHANNEL, &channel(8, 6)));
    let [by_block, by_count] = less;
    assert_eq!(by_block, Some(Unbalanced::ChannelBack(CHANNEL)));
    assert_eq!(by_count, Some(uneven(93, 94)));
    // One that has ended holds nothing.
    let gone = said(|draft| draft.remove::<Channels>(&CHANNEL));
    assert_eq!(gone, both(uneven(93, 0)));
}

#[test]
fn credits_are_neither_made_nor_lost_and_only_the_mint_is_below_zero() {
    let wallet = Account::Wallet(PARTY);
    let set = |draft: &mut Draft<'_>, change: fn(&mut Balance)| {
        let mut row = balance(draft, wallet);
        change(&mut row);
        draft.put::<Accounts>(&wallet, &row);
    };
    let [by_block, by_count] = said(|draft| set(draft, |row| row.credits += 1));
    let (debits, credits) = (0, 1);
    assert_eq!(by_block, Some(Unbalanced::Leak { debits, credits }));
    assert!(matches!(by_count, Some(Unbalanced::Leak { .. })));
    let lost = said(|draft| set(draft, |row| row.debits += 1));
    assert!(
        lost.iter()
            .all(|one| matches!(one, Some(Unbalanced::Leak { .. })))
    );
    let below = said(|draft| set(draft, |row| row.debits = row.credits + 1));
    assert_eq!(below, both(Unbalanced::BelowZero(wallet)));
}
