//! The bytes of requests and events about parties and about credits set apart; see `golden.rs`.

#[path = "kept/entries.rs"]
mod entries;
mod kept;

use ed25519_dalek::SigningKey;
use entries::{entry, golden_entry};
use kept::golden;
use protocol::bytes;
use protocol::entry::{
    self, BankRequest, Body, Classes, Entry, OpKeyPowers, PartyRequest, Quorum, Scope, SpendPolicy,
};
use protocol::event::{BankEvent, Event, PartyEvent};
use protocol::ids::{JobId, PartyId, PeerId, PublicKey, PurseId};
use protocol::job::Class;
use protocol::signed::Signed;
use protocol::units::{Credits, Moment};

const PARTY: PartyId = PartyId::new([2; 32]);
const PEER: PeerId = PeerId::new([3; 32]);
const JOB: JobId = JobId::new([4; 32]);

fn bodies_of_parties() -> Vec<Body> {
    let (key, party) = (PublicKey::new([6; 32]), PARTY);
    let powers = OpKeyPowers {
        scope: Scope::SPEND.and(Scope::REVOKE),
        expires: Moment::new(9),
        per_entry: Credits::new(7),
        per_epoch: Credits::new(70),
    };
    let quorum = Quorum {
        keys: vec![(key, 1), (PublicKey::new([7; 32]), 2)],
        threshold: 2,
    };
    let one = Body::Party(PartyRequest::BeginRecovery {
        party,
        root: entry::Root::One(key),
    });
    let root = entry::Root::Many(quorum);
    let requests = vec![
        PartyRequest::SetOpKey { key, powers },
        PartyRequest::RevokeKey { key },
        PartyRequest::RotateRoot { root },
        PartyRequest::SetGuardian {
            guardian: Some(party),
        },
        PartyRequest::Vouch { party },
        PartyRequest::CancelRecovery { party },
        PartyRequest::FinishRecovery { party },
        PartyRequest::SuspendPeer {
            peer: PEER,
            suspended: true,
        },
    ];
    let requests = requests.into_iter().map(Body::Party);
    requests.chain([one]).collect()
}

fn bodies_of_the_bank() -> Vec<Body> {
    let (amount, expires, delegate) = (Credits::new(7), Moment::new(9), PARTY);
    let purse = PurseId::new([8; 32]);
    let policy = SpendPolicy {
        per_task: amount,
        per_epoch: amount,
        total: amount,
        classes: Classes::NONE.and(Class::Edge),
        expires,
    };
    let requests = vec![
        BankRequest::OpenTaskWallet { amount },
        BankRequest::TopUp { purse, amount },
        BankRequest::Allow {
            purse,
            delegate,
            policy,
        },
        BankRequest::Disallow { purse, delegate },
        BankRequest::CloseTaskWallet { purse },
        BankRequest::MintGrant {
            to: PARTY,
            amount,
            expires,
        },
        BankRequest::ReturnGrant { purse },
    ];
    requests.into_iter().map(Body::Bank).collect()
}

#[test]
fn entries_of_parties_and_of_the_bank() {
    let bodies = [bodies_of_parties(), bodies_of_the_bank()].concat();
    bodies.into_iter().for_each(golden_entry);
}

#[test]
fn an_entry_that_several_sign_for_another_to_pay() {
    let mut keys = [9, 10, 11].map(|n| SigningKey::from_bytes(&[n; 32]));
    keys.sort_by_key(|key| key.verifying_key().to_bytes());
    let public = |key: &SigningKey| PublicKey::new(key.verifying_key().to_bytes());
    let joint = Entry {
        fee_payer: Some(PARTY),
        cosigners: keys[1..].iter().map(public).collect(),
        ..entry(Body::Sweep { job: JOB })
    };
    let mut signed = Signed::sign(joint, &keys[0]);
    assert!(signed.cosign(&keys[2]) && signed.cosign(&keys[1]));
    let written = bytes::write(&signed);
    assert_eq!(bytes::read(&written, 1 << 20), Ok(signed.clone()));
    assert!(signed.check().is_ok());
    golden("entry-joint", &written);
}

#[test]
fn events_of_people() {
    let (party, key, amount) = (PARTY, PublicKey::new([6; 32]), Credits::new(7));
    let purse = PurseId::new([8; 32]);
    let events = [
        Event::Party(PartyEvent::OpKeySet { party, key }),
        Event::Party(PartyEvent::OpKeyRevoked { party, key }),
        Event::Party(PartyEvent::RootChanged { party }),
        Event::Party(PartyEvent::RecoveryBegun {
            party,
            guardian: party,
            ready: Moment::new(9),
        }),
        Event::Party(PartyEvent::RecoveryCancelled { party }),
        Event::Party(PartyEvent::PeerSuspended {
            peer: PEER,
            suspended: true,
        }),
        Event::Bank(BankEvent::PurseOpened {
            purse,
            owner: party,
            amount,
            granted_by: Some(party),
        }),
        Event::Bank(BankEvent::PurseFilled { purse, amount }),
        Event::Bank(BankEvent::PurseEmptied { purse, amount }),
    ];
    golden(
        "events-people",
        &events.iter().flat_map(bytes::write).collect::<Vec<_>>(),
    );
}
