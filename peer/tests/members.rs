//! Who votes changes while everybody runs: an institution joins, one that votes twice is shown and
//! loses its seat, and nobody is started again for it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[allow(dead_code, unreachable_pub, reason = "other tests use the rest of it")]
mod scene;

use std::sync::Arc;
use std::time::Duration;

use ed25519_dalek::Signer;
use gossip::{Gossip, Handle, Heard, Lane};
use peer::api::types::{AccusationView, LedgerView, List, ProposalState, ProposalView, StatusView};
use peer::blobs::Blobs;
use peer::config::{self, Config};
use peer::devnet::{Devnet, Plan};
use peer::keys::Keys;
use peer::parts::read_genesis;
use protocol::entry::{chain_of, vote_bytes};
use protocol::ids::{Digest, FederationId, PeerId};
use scene::{PEER, Scene, told};

fn at(scene: &Scene, name: &str, line: &str) -> String {
    let output = scene.run_at(name, &line.split(' ').collect::<Vec<_>>());
    assert!(output.status.success(), "{name}: {line}: {}", told(&output));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn json<T: serde::de::DeserializeOwned>(scene: &Scene, line: &str) -> T {
    scene.json(&line.split(' ').collect::<Vec<_>>())
}

fn keys(scene: &Scene, name: &str) -> Keys {
    let place = scene.devnet.plan.place(name).unwrap();
    Keys::load(&place.home.keys()).unwrap()
}

/// Has all of these vote for a proposal, and carries it out once it may be.
fn decide(scene: &Scene, what: &str, voters: &[&str]) {
    let number = at(scene, voters[0], &format!("council propose {what} -o id"));
    let vote = format!("council vote {number} yes");
    let vote: Vec<&str> = vote.split(' ').collect();
    for name in voters {
        scene.until(&format!("{name}'s vote for {what}"), || {
            scene.run_at(name, &vote).status.success()
        });
    }
    scene.until(&format!("the decision to {what}"), || {
        let shown = json::<ProposalView>(scene, &format!("council show {number}"));
        shown.state == ProposalState::Ready
    });
    at(scene, "researcher", &format!("council execute {number}"));
}

/// The members' names, as the researcher's peer knows them.
fn members(scene: &Scene) -> Vec<String> {
    let ledger: LedgerView = json(scene, "ledger status");
    let names = ledger.members.into_iter().map(|member| member.name);
    names.collect()
}

/// The key that signs a member's votes, as the ledger has it.
fn voting_key(scene: &Scene, name: &str) -> String {
    let ledger: LedgerView = json(scene, "ledger status");
    let found = ledger.members.iter().find(|member| member.name == name);
    found.unwrap().consensus.full()
}

/// Something is agreed on, and so enough members vote.
fn goes_on(scene: &Scene) {
    at(scene, "researcher", "wallet send uni-1 1");
}

/// A program that speaks with a member's keys and is not the peer.
struct Villain {
    keys: Keys,
    federation: FederationId,
    others: Vec<PeerId>,
    handle: Handle,
    _heard: Heard,
}

impl Villain {
    /// Meets `others` as the member of this name, whose own process is gone.
    async fn of(scene: &Scene, name: &str, others: &[&str]) -> Self {
        let home = &scene.devnet.plan.place(name).unwrap().home;
        let keys = Keys::load(&home.keys()).unwrap();
        let config = Config::read(&home.config()).unwrap();
        let places = config.bootstrap.iter();
        let bootstrap: Vec<_> = places
            .map(|place| config::read_place(place).unwrap())
            .map(|(peer, at)| (peer, vec![at]))
            .collect();
        let genesis = read_genesis(&home.genesis()).unwrap();
        let members = genesis.members.iter().map(|member| member.peer);
        let blobs = Blobs::open(&scene.dir.path().join("villain")).unwrap();
        let started = Gossip::start(gossip::Config {
            node_key: keys.node_seed(),
            listen: Vec::new(),
            federation: genesis.id(),
            members: members.collect(),
            bootstrap,
            blobs: Arc::new(blobs),
            limits: gossip::Limits::default(),
        });
        let (handle, heard) = started.await.unwrap();
        let others = others.iter().map(|name| self::keys(scene, name).node());
        Self {
            others: others.collect(),
            federation: genesis.id(),
            keys,
            handle,
            _heard: heard,
        }
    }

    /// Tells everybody that it votes for this block, as the engine writes it.
    fn vote(&self, view: u64, block: u8) {
        let chain = chain_of(&self.federation);
        let signed = vote_bytes(chain, view, &Digest::new([block; 32]), 0);
        let signature = self.keys.consensus_keys()[0].sign(&signed).to_bytes();
        let frame = [&[0, 0, 2][..], &signed, &signature].concat();
        for other in &self.others {
            self.handle.consensus(*other, frame.clone(), Lane::Urgent);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_votes_and_who_votes_twice_is_shown_while_all_others_run_on() {
    let dir = tempfile::tempdir().unwrap();
    let plan = Plan::make(&dir.path().join("grid"), 4, 1).unwrap();
    let devnet = Devnet::start(plan, std::path::Path::new(PEER), None, false).await;
    let devnet = devnet.unwrap_or_else(|problem| panic!("no devnet: {problem:?}"));
    let mut scene = Scene { dir, devnet };
    let lab = keys(&scene, "lab-1");
    let (party, votes) = (lab.party_key().full(), lab.consensus().full());
    let join = format!(
        "join lab-1 --party-key {party} --consensus-key {votes} --node {}",
        lab.node().full()
    );
    decide(&scene, &join, &["uni-1", "uni-2", "uni-3"]);
    let client = scene.client("lab-1");
    loop {
        let status: StatusView = client.get("/status").await.unwrap();
        if status.ledger.view.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(members(&scene).len(), 5);

    // The second member replaces its voting key; it goes over to the new one by itself.
    let old = voting_key(&scene, "uni-2");
    at(&scene, "uni-2", "key rotate-voting");

    // Four of five decide: without the new one nothing would, once an old one is gone.
    assert!(scene.devnet.kill("uni-4"));
    goes_on(&scene);
    goes_on(&scene);

    // Whoever has its keys now votes for two blocks at once.
    let left = ["uni-1", "uni-2", "uni-3", "lab-1"];
    let villain = Villain::of(&scene, "uni-4", &left).await;
    scene.until("the proof against uni-4", || {
        villain.vote(3, 1);
        villain.vote(3, 2);
        let accused: List<AccusationView> = json(&scene, "council accused");
        !accused.items.is_empty()
    });
    let accused: List<AccusationView> = json(&scene, "council accused");
    let [one] = &accused.items[..] else {
        panic!("one is accused: {accused:?}")
    };
    assert_eq!(
        (one.name.as_str(), one.view, one.punished),
        ("uni-4", 3, false)
    );
    let suspend = format!("suspend uni-4 --evidence {}", one.evidence.full());
    decide(&scene, &suspend, &left);
    let accused: List<AccusationView> = json(&scene, "council accused");
    assert!(accused.items[0].punished, "{accused:?}");
    assert!(!members(&scene).contains(&"uni-4".to_owned()));

    // Three of four decide, one of them with its new key.
    assert_ne!(voting_key(&scene, "uni-2"), old);
    assert!(scene.devnet.kill("uni-3"));
    goes_on(&scene);
    villain.handle.shutdown().await;
    for name in ["uni-1", "uni-2", "lab-1"] {
        at(&scene, name, "ledger verify");
    }
    scene.devnet.stop().await.unwrap();
}
