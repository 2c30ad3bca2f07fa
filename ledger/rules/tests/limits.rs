//! Whatever is asked, in whatever order: no operational key and no delegate exceeds any of its
//! limits, a nonce is used once, and credits are conserved (the scene counts them all).
#![allow(
    clippy::unwrap_used,
    reason = "where a scene is not as a test says, the test has failed"
)]

#[path = "scene/job.rs"]
mod job_scene;
mod scene;
#[path = "scene/sign.rs"]
mod sign;

use std::collections::BTreeMap;

use job_scene::*;
use proptest::prelude::*;
use protocol::entry::{
    BankRequest, Body, Classes, OpKeyPowers, PartyRequest, Scope, SpendPolicy, chain,
};
use protocol::ids::PurseId;
use protocol::units::{Credits, Millis};
use rules::read;
use scene::*;
use sign::*;

/// Holders of keys of the researcher.
const KEYS: [Who; 2] = [Who(70), Who(71)];
/// Parties that may spend of the researcher's task wallet.
const DELEGATES: [Who; 2] = [ANNA, Who(31)];

#[derive(Clone, Copy, Debug)]
enum Act {
    SetKey(usize, u64, u64),
    Revoke(usize),
    Pay(usize, u64),
    PayInParts(usize, u64),
    Bond(usize, u64),
    Submit(usize, u32, bool),
    Fill(usize, u64),
    Close(usize),
    Allow(usize, u64, u64),
    Disallow(usize),
    Spend(usize, u32),
    Cancel(usize),
    Wait(u64),
    NextEpoch,
}

fn acts() -> impl Strategy<Value = Act> {
    let n = || 0..2_usize;
    prop_oneof![
        2 => (n(), 0..60_u64, 0..150_u64).prop_map(|(a, b, c)| Act::SetKey(a, b, c)),
        1 => n().prop_map(Act::Revoke),
        6 => (n(), 0..60_u64).prop_map(|(a, b)| Act::Pay(a, b)),
        3 => (n(), 0..30_u64).prop_map(|(a, b)| Act::PayInParts(a, b)),
        2 => (n(), 0..60_u64).prop_map(|(a, b)| Act::Bond(a, b)),
        4 => (n(), 1..4_u32, any::<bool>()).prop_map(|(a, b, c)| Act::Submit(a, b, c)),
        2 => (n(), 0..60_u64).prop_map(|(a, b)| Act::Fill(a, b)),
        1 => n().prop_map(Act::Close),
        2 => (n(), 0..80_u64, 0..150_u64).prop_map(|(a, b, c)| Act::Allow(a, b, c)),
        1 => n().prop_map(Act::Disallow),
        8 => (n(), 1..4_u32).prop_map(|(a, b)| Act::Spend(a, b)),
        2 => (0..64_usize).prop_map(Act::Cancel),
        2 => (0..90_000_u64).prop_map(Act::Wait),
        1 => Just(Act::NextEpoch),
    ]
}

/// What someone may do at most, as the test remembers it, and what it has cost.
#[derive(Clone, Copy, Default)]
struct Book {
    per_entry: Credits,
    per_epoch: Credits,
    epoch: u64,
    spent: u64,
}

struct Play {
    scene: Scene,
    purse: PurseId,
    books: BTreeMap<Who, Book>,
    jobs: Vec<(Who, protocol::ids::JobId)>,
}

impl Play {
    fn new() -> Self {
        let mut scene = Scene::new().ready(cr(2_000), cr(1));
        let open = scene.sign(
            R,
            Body::Bank(BankRequest::OpenTaskWallet { amount: cr(300) }),
        );
        let purse = PurseId::new(*open.entry_id().bytes());
        scene.block(10, vec![open]).remove(0).unwrap();
        let admit = Body::AdmitPeer {
            peer: node(95),
            owner: R.party(),
        };
        scene.enter(desk(0), admit).unwrap();
        Self {
            scene,
            purse,
            books: BTreeMap::new(),
            jobs: Vec::new(),
        }
    }

    fn epoch(&self) -> u64 {
        let genesis = &self.scene.genesis;
        self.scene.at.now.since(genesis.begins).get() / genesis.params.epoch.get()
    }

    /// All that the researcher could lose to a key.
    fn of_researcher(&self) -> u128 {
        let debits = |account| read::account(&self.scene.rows, account).debits;
        let wallet = debits(rules::Account::Wallet(R.party()));
        wallet + debits(rules::Account::TaskWallet(self.purse))
    }

    /// An entry of the researcher's that a key signs: what it took is within the key's limits.
    fn by_key(&mut self, n: usize, body: Body) {
        let (key, closes) = (
            KEYS[n],
            matches!(body, Body::Bank(BankRequest::CloseTaskWallet { .. })),
        );
        let before = self.of_researcher();
        let nonce = read::nonce(&self.scene.rows, R.party(), 0);
        let is_submit = matches!(body, Body::Submit { .. });
        let entry = self.scene.joint(R, &[key], None, body);
        let answer = self.scene.block(10, vec![entry.clone(), entry.clone()]);
        assert!(answer[1].is_err(), "a nonce is used once");
        let used = read::nonce(&self.scene.rows, R.party(), 0) - nonce;
        let traced = answer[0]
            .as_ref()
            .err()
            .is_none_or(|no| !no.left_no_trace());
        assert_eq!(used, u64::from(traced));
        if is_submit && answer[0].is_ok() {
            let job = protocol::ids::JobId::new(*entry.entry_id().bytes());
            self.jobs.push((R, job));
        }
        if closes {
            return;
        }
        let cost = u64::try_from(self.of_researcher() - before).unwrap();
        let epoch = self.epoch();
        let Some(book) = self.books.get_mut(&key) else {
            assert_eq!(cost, 0, "no key, no cost");
            return;
        };
        if book.epoch != epoch {
            (book.epoch, book.spent) = (epoch, 0);
        }
        book.spent += cost;
        assert!(cost <= book.per_entry.get(), "{cost} in an entry");
        assert!(book.spent <= book.per_epoch.get().max(book.spent - cost));
    }

    fn act(&mut self, act: Act) {
        let (peer, purse) = (node(95), self.purse);
        match act {
            Act::SetKey(n, per_entry, per_epoch) => {
                let set = OpKeyPowers {
                    per_entry: cr(per_entry),
                    per_epoch: cr(per_epoch),
                    ..powers(&self.scene, Scope::ALL)
                };
                self.scene.set_key(R, KEYS[n], set);
                let book = self.books.entry(KEYS[n]).or_default();
                (book.per_entry, book.per_epoch) = (cr(per_entry), cr(per_epoch));
            }
            Act::Revoke(n) => {
                let key = public(KEYS[n].0);
                let revoke = Body::Party(PartyRequest::RevokeKey { key });
                if self.scene.enter(R, revoke).is_ok() {
                    self.books.remove(&KEYS[n]);
                }
            }
            Act::Pay(n, amount) => self.by_key(n, pay(ANNA, cr(amount))),
            Act::PayInParts(n, amount) => {
                let part = (ANNA.party(), cr(amount));
                let moves = vec![part, (R.party(), cr(1)), part];
                self.by_key(n, Body::Transfer { moves });
            }
            Act::Bond(n, amount) => {
                let amount = cr(amount);
                self.by_key(n, Body::Bond { peer, amount });
            }
            Act::Submit(n, tasks, from_purse) => {
                let purse = from_purse.then_some(purse);
                self.by_key(n, submit(tasks, purse));
            }
            Act::Fill(n, amount) => {
                let amount = cr(amount);
                self.by_key(n, Body::Bank(BankRequest::TopUp { purse, amount }));
            }
            Act::Close(n) => self.by_key(n, Body::Bank(BankRequest::CloseTaskWallet { purse })),
            other => self.act_of_delegate(other),
        }
    }

    fn act_of_delegate(&mut self, act: Act) {
        let purse = self.purse;
        match act {
            Act::Allow(n, per_epoch, total) => {
                let (delegate, now) = (DELEGATES[n].party(), &self.scene);
                let policy = SpendPolicy {
                    per_task: cr(2),
                    per_epoch: cr(per_epoch),
                    total: cr(total),
                    classes: Classes::ALL,
                    expires: later(now, 7_200_000),
                };
                let allow = BankRequest::Allow {
                    purse,
                    delegate,
                    policy,
                };
                self.scene.enter(R, Body::Bank(allow)).unwrap();
            }
            Act::Disallow(n) => {
                let delegate = DELEGATES[n].party();
                let disallow = BankRequest::Disallow { purse, delegate };
                let _ = self.scene.enter(R, Body::Bank(disallow));
            }
            Act::Spend(n, tasks) => {
                let who = DELEGATES[n];
                let entry = self.scene.sign(who, submit(tasks, Some(purse)));
                let job = protocol::ids::JobId::new(*entry.entry_id().bytes());
                let before = read::allowance(&self.scene.rows, purse, who.party());
                if self.scene.block(10, vec![entry]).remove(0).is_err() {
                    return;
                }
                self.jobs.push((who, job));
                let after = read::allowance(&self.scene.rows, purse, who.party()).unwrap();
                let policy = before.and_then(|row| row.policy).expect("it was allowed");
                assert!(after.in_epoch <= policy.per_epoch && after.in_all <= policy.total);
                assert!(policy.expires > self.scene.at.now);
                assert_eq!(after.in_all, self.held(who), "counted is what jobs hold");
            }
            Act::Cancel(n) => {
                if let Some((who, job)) =
                    n.checked_rem(self.jobs.len()).map(|place| self.jobs[place])
                {
                    let _ = self.scene.enter(who, Body::Cancel { job });
                }
            }
            Act::Wait(span) => self.scene.wait(Millis::new(span)),
            _ => self.scene.wait(self.scene.genesis.params.epoch),
        }
    }

    /// What jobs of a delegate have set aside, less what came back.
    fn held(&self, who: Who) -> Credits {
        let of_its = self.jobs.iter().filter(|(by, _)| *by == who);
        let rows = of_its.filter_map(|(_, job)| read::job(&self.scene.rows, *job));
        let held = rows.map(|row| row.escrow.minus(row.refunded).unwrap());
        held.fold(Credits::ZERO, |sum, held| sum.plus(held).unwrap())
    }
}

fn submit(tasks: u32, purse: Option<PurseId>) -> Body {
    Body::Submit {
        terms: terms(tasks, 1, 2),
        chain: chain(&chain(&secret())),
        purse,
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_key_and_no_delegate_exceeds_its_limits(acts in prop::collection::vec(acts(), 1..120)) {
        let mut play = Play::new();
        for act in acts {
            play.act(act);
        }
    }
}
