//! Who is drawn how often: by weight, under the caps, and no more often under many names.

use std::collections::BTreeMap;

use protocol::ids::Digest;
use protocol::units::{Millis, Moment};

use super::*;
use crate::money::posting::{Posting, post};
use crate::money::{About, Account, Code};
use crate::people::Peer;
use crate::people::reputation::{Reputation, Reputations};
use crate::state::tests::on_nothing_at;

const CLASS: Class = Class::Grid;
const OWNER: PartyId = PartyId::new([7; 32]);
/// A month after everyone was let in.
const NOW: Moment = Moment::new(30 * 24 * 3_600_000);

fn peer(n: u32) -> PeerId {
    PeerId::new(*Digest::of(&n.to_le_bytes()).bytes())
}

fn sponsor(n: u32) -> PartyId {
    PartyId::new(*Digest::of(&(1_000_000 + n).to_le_bytes()).bytes())
}

/// A peer that stands ready, with so many checked runs behind it and 10 000 credits of bond.
fn enter(draft: &mut Draft<'_>, n: u32, of: u32, slots: u16, verified: u64) {
    let row = Peer {
        number: n.into(),
        owner: OWNER,
        sponsor: sponsor(of),
        admitted: Moment::new(0),
        locked: Credits::ZERO,
        forfeited: Credits::ZERO,
        unbonding: Vec::new(),
        jailed_until: Moment::new(0),
        struck: false,
        suspended: false,
    };
    draft.put::<Peers>(&peer(n), &row);
    let known = Reputation {
        right: verified << 16,
        wrong: 0,
        epoch: draft.epoch(),
        verified,
    };
    draft.put::<Reputations>(&(peer(n), CLASS), &known);
    let posting = Posting {
        from: Account::Mint,
        to: Account::Bond(peer(n)),
        amount: Credits::new(10_000_000_000),
        code: Code::Bond,
        about: About::Ledger,
    };
    post(draft, posting).expect("minted");
    let price = Credits::new(1);
    roster::publish(draft, OWNER, (peer(n), CLASS), slots, price).expect("it may");
}

fn wish(copies: u8) -> Wish {
    Wish {
        class: CLASS,
        per_gfuel: Credits::new(1),
        lock: Credits::new(1),
        pay: Credits::new(1),
        copies: (copies, 7),
        barred: Vec::new(),
        anchor: None,
    }
}

/// Bundles of a job.
fn dealt(draft: &Draft<'_>, bundles: usize, copies: u8) -> Vec<Vec<Drawn>> {
    let mut chance = Chance::new("test", &[b"seed"]);
    let mut deck = Deck::new(draft, wish(copies));
    (0..bundles)
        .map(|_| deck.deal_bundle(&mut chance).expect("there are enough"))
        .collect()
}

/// How often each was dealt, by what `key` says of it.
fn counted<K: Ord>(bundles: &[Vec<Drawn>], key: impl Fn(&Drawn) -> K) -> BTreeMap<K, u64> {
    let mut counts = BTreeMap::new();
    for drawn in bundles.iter().flatten() {
        *counts.entry(key(drawn)).or_insert(0) += 1;
    }
    counts
}

fn runs(bundles: &[Vec<Drawn>]) -> u64 {
    bundles.iter().map(|bundle| bundle.len() as u64).sum()
}

#[test]
fn the_established_are_drawn_by_slots_and_squared_score() {
    on_nothing_at(NOW, |draft| {
        for n in 0..60 {
            let verified = [20, 60, 400][n as usize % 3];
            enter(
                draft,
                n,
                n % 12,
                1 + u16::try_from(n % 4).unwrap(),
                verified,
            );
        }
        let bundles = dealt(draft, 1_500, 2);
        let all = runs(&bundles);
        let counts = counted(&bundles, |drawn| drawn.standing.peer);
        let weight = |n| roster::offer(draft, peer(n), CLASS).unwrap().weight;
        let total: u64 = (0..60).map(weight).sum();
        for n in 0..60 {
            let expected = all * weight(n) / total;
            let got = counts.get(&peer(n)).copied().unwrap_or(0);
            let off = got.abs_diff(expected);
            assert!(off * 5 <= expected + 10, "{n}: {got} for {expected}");
        }
    });
}

#[test]
fn a_bundle_has_distinct_sponsors_and_as_many_copies_as_its_tiers_ask_for() {
    on_nothing_at(NOW, |draft| {
        for n in 0..40 {
            enter(draft, n, n % 8, 2, if n < 30 { 100 } else { 0 });
        }
        let bundles = dealt(draft, 500, 1);
        let params = draft.params();
        for bundle in &bundles {
            let mut sponsors: Vec<PartyId> = bundle.iter().map(|d| d.standing.sponsor).collect();
            sponsors.sort_unstable();
            sponsors.dedup();
            assert_eq!(sponsors.len(), bundle.len(), "I12");
            let tier = |drawn: &Drawn| {
                let row = draft.row::<Peers>(&drawn.standing.peer).unwrap();
                tier::of(draft, drawn.standing.peer, &row, CLASS)
            };
            let asked = bundle.iter().map(|drawn| tier(drawn).copies(params)).max();
            assert_eq!(asked, Some(u8::try_from(bundle.len()).unwrap()));
        }
        let explored = bundles.iter().filter(|bundle| bundle.len() == 3).count();
        assert!((30..=75).contains(&explored), "a tenth of 500: {explored}");
    });
}

#[test]
fn newcomers_have_their_share_and_while_the_established_are_few_a_larger_one() {
    let share = |established: u32, newcomers: u32| {
        on_nothing_at(NOW, |draft| {
            for n in 0..established + newcomers {
                enter(draft, n, n % 10, 2, if n < established { 100 } else { 0 });
            }
            let bundles = dealt(draft, 1_000, 2);
            let new = |bundle: &&Vec<Drawn>| bundle.len() == 3;
            bundles.iter().filter(new).count()
        })
    };
    let tenth = share(60, 60);
    assert!((75..=125).contains(&tenth), "a tenth: {tenth}");
    assert_eq!(share(60, 0), 0, "there are none");
    // Four of a roster of eighty can have a fifth of it.
    let most = share(4, 76);
    assert!(
        (765..=835).contains(&most),
        "what the few cannot do: {most}"
    );
}

#[test]
fn no_sponsor_is_drawn_beyond_its_cap() {
    on_nothing_at(NOW, |draft| {
        // One sponsor has six of seven slots.
        for n in 0..200 {
            enter(draft, n, 0, 4, 400);
        }
        for n in 200..260 {
            enter(draft, n, 1 + n % 20, 2, 400);
        }
        let bundles = dealt(draft, 2_000, 2);
        let all = runs(&bundles);
        let big = counted(&bundles, |drawn| drawn.standing.sponsor)[&sponsor(0)];
        assert!(big * 1_000 <= all * 205, "{big} of {all}");
        assert!(big * 1_000 >= all * 180, "{big} of {all}");
        // And under the cap work is spread evenly.
        let peers = counted(&bundles, |drawn| drawn.standing.peer);
        let most = (0..200).filter_map(|n| peers.get(&peer(n))).max();
        assert!(most <= Some(&12), "{most:?} of {big}");
    });
}

#[test]
fn no_peer_is_drawn_beyond_its_cap() {
    on_nothing_at(NOW, |draft| {
        enter(draft, 0, 0, 60, 400);
        for n in 1..101 {
            enter(draft, n, n % 10, 3, 400);
        }
        let bundles = dealt(draft, 2_000, 2);
        let all = runs(&bundles);
        let big = counted(&bundles, |drawn| drawn.standing.peer)[&peer(0)];
        assert!(big * 1_000 <= all * 60, "{big} of {all}");
        assert!(big * 1_000 >= all * 40, "{big} of {all}");
    });
}

#[test]
fn many_names_are_drawn_no_more_often_than_one() {
    // A ring of 16 slots, as one, four or sixteen peers, below and far above the cap.
    let share = |names: u32, slots: u16, fresh: bool| {
        on_nothing_at(NOW, |draft| {
            let verified = if fresh { 0 } else { 400 };
            for n in 0..100 {
                enter(draft, n, n % 20, 4, verified);
            }
            for n in 0..names {
                let each = slots / u16::try_from(names).unwrap();
                enter(draft, 1_000 + n, 99, each, verified);
            }
            let bundles = dealt(draft, 1_500, 2);
            let ring = counted(&bundles, |drawn| drawn.standing.sponsor == sponsor(99))[&true];
            ring * 10_000 / runs(&bundles)
        })
    };
    for fresh in [false, true] {
        for slots in [16, 512] {
            let one = share(1, slots, fresh);
            let fair = (u64::from(slots) * 10_000 / (400 + u64::from(slots))).min(2_000);
            for names in [4, 16] {
                let many = share(names, slots, fresh);
                assert!(
                    many <= fair + fair / 10,
                    "{names} of {slots}: {many}, fair {fair}"
                );
                if slots == 16 {
                    assert!(many.abs_diff(one) * 8 <= one, "{names}: {many} and {one}");
                }
            }
        }
    }
}

#[test]
fn who_cannot_be_held_to_it_is_not_drawn_whatever_it_weighs() {
    on_nothing_at(NOW, |draft| {
        for n in 0..12 {
            enter(draft, n, n % 6, 2, 100);
        }
        let change = |draft: &mut Draft<'_>, n, by: fn(&mut Peer)| {
            let mut row = draft.row::<Peers>(&peer(n)).unwrap();
            by(&mut row);
            draft.put::<Peers>(&peer(n), &row);
        };
        change(draft, 0, |row| row.struck = true);
        change(draft, 1, |row| row.jailed_until = NOW.after(Millis::new(1)));
        change(draft, 2, |row| row.locked = Credits::new(10_000_000_000));
        let dear = Credits::new(2);
        roster::publish(draft, OWNER, (peer(3), CLASS), 2, dear).unwrap();
        let drawn = counted(&dealt(draft, 300, 2), |drawn| drawn.standing.peer);
        let missing: Vec<u32> = (0..12).filter(|n| !drawn.contains_key(&peer(*n))).collect();
        assert_eq!(missing, [0, 1, 2, 3]);
    });
}

#[test]
fn a_beginner_is_drawn_without_a_bond_beside_two_who_have_one() {
    on_nothing_at(NOW, |draft| {
        for n in 0..20 {
            enter(draft, n, n % 5, 2, 100);
        }
        for n in 100..104 {
            enter(draft, n, 10 + n, 1, 0);
            let posting = Posting {
                from: Account::Bond(peer(n)),
                to: Account::Burn,
                amount: Credits::new(10_000_000_000),
                code: Code::Slash,
                about: About::Ledger,
            };
            post(draft, posting).unwrap();
        }
        let bundles = dealt(draft, 60, 2);
        let beginners = bundles.iter().filter(|bundle| {
            let uncovered = bundle
                .iter()
                .filter(|drawn| drawn.lock == Credits::ZERO)
                .count();
            assert!(uncovered == 0 || (uncovered == 1 && bundle.len() >= 3));
            uncovered == 1
        });
        // In a job each of the four has one such run.
        assert!((1..=4).contains(&beginners.count()));
        let mut deck = Deck::new(
            draft,
            Wish {
                pay: Credits::new(10_000_001),
                ..wish(2)
            },
        );
        let mut chance = Chance::new("test", &[b"large work"]);
        for _ in 0..60 {
            let bundle = deck.deal_bundle(&mut chance).unwrap();
            assert!(bundle.iter().all(|drawn| drawn.lock == Credits::new(1)));
        }
    });
}

#[test]
fn a_witness_runs_every_bundle_and_who_is_barred_none() {
    on_nothing_at(NOW, |draft| {
        for n in 0..40 {
            enter(draft, n, n % 8, 2, if n % 3 == 0 { 0 } else { 100 });
        }
        let (witness, barred) = (sponsor(3), vec![sponsor(4), sponsor(5)]);
        let anchor = Some(witness);
        let wish = Wish {
            anchor,
            barred,
            ..wish(2)
        };
        let mut deck = Deck::new(draft, wish);
        let mut chance = Chance::new("test", &[b"witness"]);
        for _ in 0..200 {
            let bundle = deck.deal_bundle(&mut chance).unwrap();
            let of: Vec<PartyId> = bundle.iter().map(|drawn| drawn.standing.sponsor).collect();
            assert_eq!(of.iter().filter(|party| **party == witness).count(), 1);
            assert!(!of.contains(&sponsor(4)) && !of.contains(&sponsor(5)));
        }
    });
}

#[test]
fn a_named_peer_is_held_to_all_that_a_drawn_one_is() {
    on_nothing_at(NOW, |draft| {
        enter(draft, 0, 0, 2, 400);
        enter(draft, 1, 1, 2, 0);
        let nobody: &[PartyId] = &[];
        let of = |n| (nobody, Some(sponsor(n)));
        let any = (nobody, None);
        let named = |wish: Wish, n, apart, past: &[PeerId], copies| {
            let drawn = Deck::new(draft, wish).named(peer(n), apart, past, copies);
            drawn.map(|drawn| (drawn.standing.peer, drawn.lock))
        };
        let has_it = |n| Some((peer(n), Credits::new(1)));
        assert_eq!(named(wish(1), 0, any, &[peer(1)], 1), has_it(0));
        assert_eq!(named(wish(1), 0, of(0), &[], 1), has_it(0));
        assert_eq!(named(wish(1), 0, of(1), &[], 1), None, "another's witness");
        let seated = [sponsor(0)];
        assert_eq!(named(wish(1), 0, (&seated, None), &[], 1), None, "seated");
        assert_eq!(named(wish(1), 0, any, &[peer(0)], 1), None, "had it");
        let probation = Tier::Probation.copies(draft.params());
        assert_eq!(named(wish(1), 1, any, &[], probation), has_it(1));
        assert_eq!(named(wish(1), 1, any, &[], probation - 1), None, "its tier");
        let barred = vec![sponsor(0)];
        let dear = Credits::new(20_000_000_000);
        let cheap = Credits::ZERO;
        for (wish, why) in [
            (Wish { barred, ..wish(1) }, "barred"),
            (
                Wish {
                    lock: dear,
                    ..wish(1)
                },
                "its bond",
            ),
            (
                Wish {
                    per_gfuel: cheap,
                    ..wish(1)
                },
                "its price",
            ),
        ] {
            assert_eq!(named(wish, 0, any, &[], 1), None, "{why}");
        }
        assert_eq!(named(wish(1), 2, any, &[], 7), None, "not on offer");
    });
}
