//! Who there is: what a genesis may say, who lets whom in.

mod scene;

use protocol::entry::Body;
use protocol::genesis::Genesis;
use protocol::units::{Bps, Credits};
use rules::{GenesisRefused, Refusal, begin, read};
use scene::*;

#[test]
fn a_genesis_that_lets_cheating_or_one_member_win_is_refused() {
    let refused = |change: fn(&mut Genesis)| {
        let mut genesis = genesis();
        change(&mut genesis);
        begin(&genesis).unwrap_err().to_string()
    };
    for (change, why) in [
        (
            (|g| drop(g.members.pop())) as fn(&mut Genesis),
            "malformed genesis: a federation has at least four members",
        ),
        (
            |g| g.members[0].power = 0,
            "malformed genesis: a member's power is 1 to 100",
        ),
        (
            |g| g.members[0].power = 2,
            "member `M0` has 2 of 5 power: more than a third, so it could stop the others",
        ),
        (
            |g| g.members[1].party = g.members[0].party,
            "the party of `M1` is another's too",
        ),
        (
            |g| g.members[1].consensus = g.members[0].consensus,
            "the consensus key of `M1` is another's too",
        ),
        (
            |g| g.members[1].peer = g.members[0].peer,
            "the peer of `M1` is another's too",
        ),
        (
            |g| g.desks[1].party = g.members[0].party,
            "the party of `D1` is another's too",
        ),
        (
            |g| g.members[3].bond = cr(100_001),
            "member `M3` bonds 100001 cr and is granted 100000 cr",
        ),
        (
            |g| g.grants[0].amount = Credits::new(1 << 50),
            "the grants are more than all credits there can be",
        ),
        (
            |g| g.params.audit[1] = Bps::new(1_000),
            "the genesis' numbers are refused: class edge: cheating costs only 7697 \
             ten-thousandths of what it brings, where 20000 are needed: raise the audit rate or \
             the slash multiple",
        ),
    ] {
        assert_eq!(refused(change), why);
    }
}

#[test]
fn a_federation_begins_as_its_genesis_says() {
    let scene = Scene::new();
    let counts = read::counts(&scene.rows);
    assert_eq!((counts.members, counts.desks, counts.power), (4, 6, 4));
    assert_eq!(read::federation(&scene.rows), Some(scene.genesis.id()));
    assert_eq!(
        read::params(&scene.rows),
        Some(scene.genesis.params.clone())
    );
    assert!(read::is_devnet(&scene.rows));
    assert_eq!(read::supply(&scene.rows).minted, cr(1_800_000));
    for (n, member) in (0..).zip(read::members(&scene.rows)) {
        let party = Who(1 + n).party();
        assert_eq!((member.party, member.peer), (party, node(21 + n)));
        assert_eq!(read::member_bond(&scene.rows, party), cr(1_000));
        let peer = read::peer(&scene.rows, member.peer).unwrap().peer;
        assert_eq!((peer.owner, peer.sponsor), (party, party));
        assert_eq!(
            read::peer_numbered(&scene.rows, n.into()),
            Some(member.peer)
        );
    }
    let (party, desk) = read::desk(&scene.rows, 5).unwrap();
    assert_eq!((party, desk.name.as_str()), (Who(36).party(), "D5"));
    assert!(!GenesisRefused::TooManyCredits.to_string().is_empty());
}

#[test]
fn only_a_sponsor_lets_a_peer_in_and_only_its_owner_speaks_for_it() {
    let mut scene = Scene::new();
    let peer = worker(0);
    let admit = |owner: Who| Body::AdmitPeer {
        peer,
        owner: owner.party(),
    };
    let (party, nobody) = (R.party(), Who(99).party());
    for (who, body, answer) in [
        (R, admit(R), Err(Refusal::NotASponsor { party })),
        (
            desk(0),
            admit(Who(99)),
            Err(Refusal::UnknownParty { party: nobody }),
        ),
        (
            R,
            Body::Bond {
                peer,
                amount: cr(1),
            },
            Err(Refusal::UnknownPeer { peer }),
        ),
        (desk(0), admit(R), Ok(())),
        (desk(1), admit(R), Err(Refusal::AlreadyAdmitted { peer })),
        (member(0), admit(R), Err(Refusal::AlreadyAdmitted { peer })),
        (
            ANNA,
            Body::Bond {
                peer,
                amount: cr(1),
            },
            Err(Refusal::NotYourPeer { peer }),
        ),
        (
            R,
            Body::Bond {
                peer,
                amount: cr(0),
            },
            Err(Refusal::AmountIsZero),
        ),
        (
            R,
            Body::Bond {
                peer,
                amount: cr(1),
            },
            Ok(()),
        ),
    ] {
        assert_eq!(scene.enter(who, body.clone()), answer, "{body:?}");
    }
    let standing = read::peer(&scene.rows, peer).unwrap();
    assert_eq!(
        (standing.peer.sponsor, standing.bond),
        (desk(0).party(), cr(1))
    );
    assert_eq!(read::peer_numbered(&scene.rows, 4), Some(peer));
}
