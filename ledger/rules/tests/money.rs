//! Credits, line by line: who asks for what, what is answered, and what everyone holds then.

mod scene;

use protocol::entry::Body;
use protocol::ids::PartyId;
use protocol::units::{Bps, Credits};
use rules::{Account, Code, Refusal, read};
use scene::*;

fn moves(to: &[(PartyId, u64)]) -> Body {
    let moves = to.iter().map(|(party, amount)| (*party, cr(*amount)));
    Body::Transfer {
        moves: moves.collect(),
    }
}

#[test]
fn a_transfer_moves_all_or_nothing() {
    let anna = ANNA.party();
    let (bert, nobody) = (owner(0).party(), Who(99).party());
    for (asked, answer, anna_got, bert_got) in [
        (moves(&[(anna, 5)]), 0, 5, 0),
        (moves(&[(anna, 5), (bert, 7)]), 0, 5, 7),
        (moves(&[(anna, 99_999), (anna, 1)]), 23, 0, 0),
        (moves(&[(anna, 5), (bert, 0)]), 20, 0, 0),
        (moves(&[(anna, 5), (nobody, 1)]), 21, 0, 0),
        (moves(&[(anna, 100_000)]), 23, 0, 0),
        (moves(&[(R.party(), 5)]), 0, 0, 0),
    ] {
        let mut scene = Scene::new();
        let code = scene
            .enter(R, asked.clone())
            .map_or_else(|no| no.code(), |()| 0);
        let got = |who| scene.has(who).minus(cr(100_000)).unwrap();
        assert_eq!(
            (code, got(ANNA), got(owner(0))),
            (answer, cr(anna_got), cr(bert_got)),
            "{asked:?}"
        );
    }
}

#[test]
fn who_pays_itself_must_have_it_too() {
    let free = Scene::with(|params| {
        (params.entry_fee, params.byte_fee) = (Credits::ZERO, Credits::ZERO);
    });
    let (to, has) = (R.party(), free.has(R));
    let less = has.minus(Credits::new(1)).unwrap();
    let more = has.plus(Credits::new(1)).unwrap();
    let short = Refusal::InsufficientBalance { needs: more, has };
    for (amount, answer) in [(less, Ok(())), (has, Ok(())), (more, Err(short))] {
        let mut scene = Scene::of(free.genesis.clone());
        let moves = vec![(to, amount)];
        assert_eq!(scene.enter(R, Body::Transfer { moves }), answer);
        assert_eq!(scene.has(R), has);
    }
}

#[test]
fn a_refusal_says_what_is_missing() {
    let mut scene = Scene::new();
    let refusal = scene
        .enter(R, moves(&[(ANNA.party(), 200_000)]))
        .unwrap_err();
    let text = refusal.to_string();
    assert!(
        text.starts_with("insufficient balance: needs 200000 cr, has 99999."),
        "{text}"
    );
}

#[test]
fn a_fee_is_burned_and_kept_by_its_shares() {
    let mut scene = Scene::with(|params| params.fee_burned = Bps::new(7_500));
    let before = read::supply(&scene.rows);
    let (had, entry) = (scene.has(R), scene.sign(R, moves(&[(ANNA.party(), 1)])));
    let bytes = protocol::bytes::write(entry.value()).len() + 96;
    scene.block(10, vec![entry]);
    let fee = 200 + u64::try_from(bytes).unwrap();
    let paid = had.minus(scene.has(R)).unwrap();
    assert_eq!(paid, cr(1).plus(Credits::new(fee)).unwrap());
    let after = read::supply(&scene.rows);
    assert_eq!(after.burned.get() - before.burned.get(), fee * 3 / 4);
    assert_eq!(
        after.treasury.get() - before.treasury.get(),
        fee - fee * 3 / 4
    );
    assert_eq!(after.minted, before.minted);
    let fees = read::account(&scene.rows, Account::Fees);
    assert_eq!(fees.amount(), Credits::ZERO);
}

#[test]
fn a_party_without_credits_cannot_even_be_refused() {
    let mut scene = Scene::new();
    let key = public(99);
    scene.enter(R, Body::Register { key }).unwrap();
    let party = Who(99).party();
    let again = scene.enter(R, Body::Register { key });
    assert_eq!(again, Err(Refusal::AlreadyRegistered { party }));
    let poor = scene.enter(Who(99), moves(&[(R.party(), 1)])).unwrap_err();
    assert!(poor.left_no_trace(), "{poor}");
    assert_eq!(read::nonce(&scene.rows, party, 0), 0);
    scene.enter(R, moves(&[(party, 2)])).unwrap();
    scene.enter(Who(99), moves(&[(R.party(), 1)])).unwrap();
    assert_eq!(read::nonce(&scene.rows, party, 0), 1);
}

#[test]
fn credits_leave_a_bond_slowly() {
    let mut scene = Scene::new();
    let (peer, amount) = (worker(0), cr(600));
    scene.admit(0, cr(1_000));
    let unbond = |amount| Body::Unbond { peer, amount };
    assert_eq!(
        scene.enter(R, unbond(amount)),
        Err(Refusal::NotYourPeer { peer })
    );
    assert_eq!(
        scene.enter(owner(0), Body::Withdraw { peer }),
        Err(Refusal::NothingMatured)
    );
    scene.enter(owner(0), unbond(amount)).unwrap();
    let (free, asked) = (cr(400), amount);
    assert_eq!(
        scene.enter(owner(0), unbond(amount)),
        Err(Refusal::BondLocked { free, asked })
    );
    let standing = read::peer(&scene.rows, peer).unwrap();
    assert_eq!((standing.bond, standing.unbonding), (cr(400), cr(600)));
    assert_eq!(
        scene.enter(owner(0), Body::Withdraw { peer }),
        Err(Refusal::NothingMatured)
    );
    scene.wait(scene.genesis.params.unbond_window);
    let before = scene.has(owner(0));
    scene.enter(owner(0), Body::Withdraw { peer }).unwrap();
    let got = scene.has(owner(0)).minus(before).unwrap();
    assert!(got > cr(599) && got < cr(600));
    for _ in 0..16 {
        scene.enter(owner(0), unbond(cr(1))).unwrap();
    }
    assert_eq!(
        scene.enter(owner(0), unbond(cr(1))),
        Err(Refusal::TooManyUnbondings)
    );
}

#[test]
fn a_history_is_kept_newest_first_and_bounded() {
    let mut scene = Scene::new();
    for _ in 0..150 {
        scene.enter(R, moves(&[(ANNA.party(), 1)])).unwrap();
    }
    // The grant, and a fee and a move for each of 150 entries.
    assert_eq!(read::wallet(&scene.rows, R.party()).lines, 301);
    let all = read::history(&scene.rows, R.party(), u64::MAX, 1_000);
    assert_eq!(all.len(), 256);
    assert!(all.is_sorted_by(|newer, older| newer.number == older.number + 1));
    assert_eq!(all[0].number, 300);
    assert_eq!((all[0].code, all[0].incoming), (Code::Transfer, false));
    assert_eq!(all[0].other, Account::Wallet(ANNA.party()));
    assert_eq!(all[1].code, Code::Fee);
    assert_eq!(read::history(&scene.rows, R.party(), 250, 3), all[50..53]);
    assert_eq!(read::history(&scene.rows, R.party(), 3, 10), []);
    assert_eq!(read::history(&scene.rows, Who(99).party(), 3, 10), []);
}
