//! The council, keys, task wallets and grants on real processes, from the command line alone.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[allow(dead_code, unreachable_pub, reason = "other tests use the rest of it")]
mod scene;

use std::process::Output;

use peer::api::problem::{Code, Problem};
use peer::api::types::{
    AccusationView, BalanceView, EntryForm, EntryView, HistoryPage, KeysView, List, NodeFullView,
    NoticeView, ParamView, PartyView, PreviewView, ProposalState, ProposalView, PurseView,
    SigningView, StatusView, WhyView,
};
use peer::keys::Keys;
use protocol::entry::{Body, Entry};
use protocol::ids::PartyId;
use protocol::units::{Credits, Millis};
use scene::{Scene, examples, told};

/// Asks a peer by name; the researcher is asked by `line`.
fn at(scene: &Scene, name: &str, line: &str) -> Output {
    scene.run_at(name, &line.split(' ').collect::<Vec<_>>())
}

fn ok(output: &Output) -> String {
    assert!(output.status.success(), "{}", told(output));
    String::from_utf8(output.stdout.clone())
        .unwrap()
        .trim()
        .to_owned()
}

/// A refusal: its exit code, nothing on stdout, these words on stderr.
fn refused(output: &Output, exit: i32, words: &str) {
    assert_eq!(output.status.code(), Some(exit), "{}", told(output));
    assert!(output.stdout.is_empty(), "{}", told(output));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(words), "{words} is not in {said}");
    assert!(said.contains("try: "), "nothing helps: {said}");
}

fn line(scene: &Scene, line: &str) -> Output {
    scene.run(&line.split(' ').collect::<Vec<_>>())
}

fn json<T: serde::de::DeserializeOwned>(scene: &Scene, line: &str) -> T {
    scene.json(&line.split(' ').collect::<Vec<_>>())
}

/// What a command answers once it is so: what one peer had agreed reaches others a moment later.
fn agreed<T: serde::de::DeserializeOwned>(scene: &Scene, line: &str, so: impl Fn(&T) -> bool) -> T {
    scene.until(line, || so(&json(scene, line)));
    json(scene, line)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_read_proposed_voted_on_and_changed() {
    let scene = Scene::start(None).await;
    let before: ParamView = json(&scene, "params show audit.grid");
    assert_eq!((before.value, before.changed), (500, None));
    let unknown = line(&scene, "params show audit.gird");
    refused(&unknown, 4, "there is no governed number");

    let propose = "council propose params audit.grid=6% -o id";
    refused(&line(&scene, propose), 7, "has no seat in the council");
    let large = at(&scene, "uni-1", "council propose params audit.grid=60%");
    refused(&large, 2, "one decision changes it by at most 125");
    let bare = at(&scene, "uni-1", "council propose params audit.grid=600");
    refused(&bare, 2, "with its unit");
    let number = ok(&at(&scene, "uni-1", propose));
    let pending: ParamView = agreed(&scene, "params show audit.grid", |param: &ParamView| {
        !param.pending.is_empty()
    });
    assert_eq!((pending.value, pending.pending[0].to), (500, 600));

    let show = format!("council show {number}");
    let vote = format!("council vote {number} yes");
    let execute = format!("council execute {number}");
    let known = |name: &str| {
        scene.until("the news of a proposal", || {
            at(&scene, name, &show).status.success()
        });
    };
    for name in ["uni-1", "uni-2"] {
        known(name);
        ok(&at(&scene, name, &vote));
    }
    agreed(&scene, &show, |shown: &ProposalView| shown.yes == 2);
    refused(&line(&scene, &execute), 10, "2 of 4 power: not enough yet");
    known("uni-3");
    ok(&at(&scene, "uni-3", &vote));
    let decided = agreed(&scene, &show, |shown: &ProposalView| shown.yes == 3);
    assert_eq!((decided.yes, decided.all), (3, 4));
    assert_eq!(decided.state, ProposalState::Decided);
    refused(&line(&scene, &execute), 10, "can be carried out from 20");
    scene.until("the timelock's end", || {
        json::<ProposalView>(&scene, &show).state == ProposalState::Ready
    });
    ok(&line(&scene, &execute));
    let after: ParamView = json(&scene, "params show audit.grid");
    let changed = after.changed.unwrap();
    assert_eq!((after.value, changed.proposal), (600, 0));
    assert!(changed.at.unwrap() >= changed.not_before);
    refused(&line(&scene, &execute), 1, "it was carried out");

    let accused: List<AccusationView> = json(&scene, "council accused");
    assert!(accused.items.is_empty(), "{accused:?}");
    let text = "council notify maintenance --severity warning";
    ok(&at(&scene, "uni-4", text));
    let notices = agreed(&scene, "council notices", |all: &List<NoticeView>| {
        !all.items.is_empty()
    });
    assert_eq!(notices.items[0].by_name.as_deref(), Some("uni-4"));
    assert_eq!(notices.items[0].text, "maintenance");
    scene.verify_everywhere().await;
    scene.devnet.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_speak_within_their_limits_and_roots_can_change() {
    let scene = Scene::start(None).await;
    let laptop: KeysView = json(&scene, "key new laptop.keys");
    refused(&line(&scene, "key new laptop.keys"), 2, "exists");
    let key = laptop.party_key.full();
    let send = |amount: &str| {
        line(
            &scene,
            &format!("wallet send uni-1 {amount} --key laptop.keys"),
        )
    };
    refused(&send("1"), 7, "does not speak for");
    let powers = "--scope spend --per-entry 2 --per-epoch 1000 --for 1h";
    ok(&line(&scene, &format!("key add {key} {powers}")));
    ok(&send("1"));
    refused(&send("5"), 5, "the key that signed may spend");
    let unbond = line(&scene, "wallet unbond uni-1 1 --key laptop.keys");
    refused(&unbond, 7, "needs the root");
    let listed: PartyView = json(&scene, "key ls");
    assert_eq!(listed.keys[0].key, laptop.party_key);
    assert_eq!(listed.keys[0].scope, ["spend"]);
    let history: HistoryPage = json(&scene, "wallet history");
    let sent = history.items.iter().filter(|item| item.what == "transfer");
    let sent: Vec<Credits> = sent.map(|item| item.amount.0).collect();
    assert_eq!(
        sent,
        [Credits::new(1_000_000)],
        "what was refused moved nothing"
    );
    ok(&line(&scene, &format!("key revoke {key}")));
    refused(&send("1"), 7, "does not speak for");

    // A party of its own, whose root changes.
    let bob: KeysView = json(&scene, "key new bob.keys");
    ok(&line(
        &scene,
        &format!("key register {}", bob.party_key.full()),
    ));
    ok(&line(
        &scene,
        &format!("wallet send {} 10", bob.party.full()),
    ));
    for file in ["a.keys", "b.keys"] {
        ok(&line(&scene, &format!("key new {file}")));
    }
    ok(&line(
        &scene,
        "key rotate --key bob.keys --new a.keys --new b.keys --threshold 1",
    ));
    let old = line(&scene, "wallet send me 1 --key bob.keys");
    refused(&old, 7, "does not speak for");
    let party = bob.party.full();
    ok(&line(
        &scene,
        &format!("wallet send me 1 --key b.keys --party {party}"),
    ));
    let own = scene.devnet.plan.place("researcher").unwrap().home.keys();
    let own = own.to_str().unwrap();
    let rotate = scene.run(&["key", "rotate", "--key", own, "--new", "a.keys"]);
    refused(&rotate, 7, "this peer's own root stays");
    scene.verify_everywhere().await;
    scene.devnet.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn credits_are_set_apart_and_granted_and_what_peers_risk_is_shown() {
    let scene = Scene::start(None).await;
    let tiny = examples().join("jobs/tiny/tiny.wasm");
    let run = scene.run(&["run", tiny.to_str().unwrap(), "--array", "0-9", "-o", "id"]);
    ok(&run);
    let bob: KeysView = json(&scene, "key new bob.keys");
    let bob = (bob.party_key.full(), bob.party.full());
    ok(&line(&scene, &format!("key register {}", bob.0)));

    let purse = ok(&line(&scene, "wallet task open 20 -o id"));
    let limits = "--per-task 0.5 --per-epoch 2 --total 5 --classes grid,edge";
    ok(&line(
        &scene,
        &format!("wallet task policy {purse} {} {limits}", bob.1),
    ));
    let shown: PurseView = json(&scene, &format!("wallet task show {purse}"));
    assert_eq!(shown.available.0, Credits::new(20_000_000));
    let allowed = shown.delegates[0].limits.as_ref().unwrap();
    assert_eq!(allowed.classes, ["grid", "edge"]);
    assert_eq!(allowed.total.0, Credits::new(5_000_000));
    let wallet: BalanceView = json(&scene, "wallet balance");
    assert_eq!(wallet.set_apart.0, Credits::new(20_000_000));
    let tiny = tiny.to_str().unwrap();
    let before = shown.available.0;
    ok(&scene.run(&["run", tiny, "--purse", &purse]));
    let after: PurseView = json(&scene, &format!("wallet task show {purse}"));
    assert!(after.available.0 < before, "it paid for the job");
    let other = purse.replace(&purse[6..10], "aaaa");
    let unknown = scene.run(&["submit", tiny, "--purse", &other]);
    refused(&unknown, 4, "no such task wallet");
    let stranger = line(&scene, &format!("wallet task close {purse} --key bob.keys"));
    refused(&stranger, 5, "insufficient balance");
    ok(&line(&scene, &format!("wallet task close {purse}")));
    let all: List<PurseView> = json(&scene, "wallet task ls");
    assert!(all.items[0].over && all.items[0].available.0 == Credits::ZERO);

    // What is agreed for bob here, the first member may hear a moment later.
    scene.until("the news of bob", || {
        at(&scene, "uni-1", &format!("key ls {}", bob.1))
            .status
            .success()
    });
    // What members earned for the treasury by the job, they may grant.
    let give = |amount: &str| format!("grant give {} {amount} --for 1h -o id", bob.1);
    refused(
        &line(&scene, &give("0.000001")),
        7,
        "only members give grants",
    );
    refused(&at(&scene, "uni-1", &give("1000")), 5, "the quota leaves");
    let grant = ok(&at(&scene, "uni-1", &give("0.000001")));
    let ls = format!("grant ls {}", bob.1);
    let grants = agreed(&scene, &ls, |all: &List<PurseView>| !all.items.is_empty());
    assert_eq!(grants.items[0].purse.full(), grant);
    let wallet: BalanceView = json(&scene, &format!("wallet balance {}", bob.1));
    assert_eq!(wallet.granted.0, Credits::new(1));
    let back = line(&scene, &format!("grant return {grant}"));
    refused(&back, 10, "the grant is good until 20");

    let node: NodeFullView = json(&scene, "node show uni-1");
    assert_eq!(node.node.member.as_deref(), Some("uni-1"));
    assert!(node.usable.0 > Credits::ZERO && node.usable.0 <= node.counts.0);
    let why: WhyView = json(&scene, "node explain me");
    assert!(!why.drawn && why.reasons[0].fix.is_some(), "{why:?}");
    let one: PreviewView = json(&scene, "slash preview uni-1 last --fault F1");
    let parts = [one.burned, one.harmed, one.finder, one.treasury];
    let sum: u64 = parts.iter().map(|part| part.0.get()).sum();
    assert!(sum > 0 && sum == one.amount.0.get(), "{one:?}");
    scene.verify_everywhere().await;
    scene.devnet.stop().await.unwrap();
}

/// A key is revoked while an entry of its waits for its turn: no member of the federation takes
/// that entry any more, and whoever handed it in hears so rather than waiting in vain.
#[tokio::test(flavor = "multi_thread")]
async fn what_members_come_to_refuse_is_told_to_who_handed_it_in() {
    let scene = Scene::start(None).await;
    let laptop: KeysView = json(&scene, "key new laptop.keys");
    let key = laptop.party_key.full();
    let powers = "--scope spend --per-entry 2 --per-epoch 1000 --for 1h";
    ok(&line(&scene, &format!("key add {key} {powers}")));
    let home = &scene.devnet.plan.place("researcher").unwrap().home;
    let root = Keys::load(&home.keys()).unwrap();
    let laptop = Keys::load(&scene.dir.path().join("laptop.keys")).unwrap();
    let client = scene.client("researcher");
    let status: StatusView = client.get("/status").await.unwrap();
    let signing: SigningView = client.get(&format!("/signing/{key}?lane=7")).await.unwrap();
    let to: PartyId = status.ledger.members[0].party.0;
    let entry = |keys: &Keys, nonce: u64| {
        let entry = keys.sign_entry(Entry {
            federation: status.federation.id.0,
            sender: root.party(),
            lane: 7,
            nonce,
            valid_until: signing.now.0.after(Millis::new(600_000)),
            fee_payer: None,
            cosigners: Vec::new(),
            body: Body::Transfer {
                moves: vec![(to, Credits::new(1))],
            },
        });
        let written = protocol::bytes::write(&entry);
        EntryForm {
            bytes: written.iter().map(|byte| format!("{byte:02x}")).collect(),
            signed: true,
        }
    };
    let (waits, turn) = (entry(&laptop, 1), entry(&root, 0));
    let second = scene.client("researcher");
    let told: tokio::task::JoinHandle<Result<EntryView, Problem>> =
        tokio::spawn(async move { second.post("/entries", &waits).await });
    // Anything agreed after the entry was handed in is agreed while it waits.
    ok(&line(&scene, "wallet send uni-1 1"));
    ok(&line(&scene, &format!("key revoke {key}")));
    assert!(!told.is_finished(), "it waits for its turn");
    let agreed: EntryView = client.post("/entries", &turn).await.unwrap();
    assert_eq!(agreed.what, "transfer");
    let problem = told.await.unwrap().unwrap_err();
    assert_eq!(problem.code, Code::NotAllowed, "{problem}");
    assert_eq!(problem.code.exit(), 7);
    let why = problem.detail.unwrap();
    assert!(why.contains("does not speak for"), "{why}");
    scene.verify_everywhere().await;
    scene.devnet.stop().await.unwrap();
}
