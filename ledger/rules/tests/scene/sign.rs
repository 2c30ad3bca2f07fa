//! Entries that others than the sender's first root sign, and that others pay for.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each file of tests uses a part of the scene, and fails where it is not as it says"
)]

use protocol::entry::{
    Body, CheckedEntry, Entry, OpKeyPowers, PartyRequest, Quorum, Root, Scope, SignedEntry,
};
use protocol::units::{Credits, Millis, Moment};
use rules::{Refusal, read};

use super::scene::*;

impl Scene {
    /// One entry of `sender`, signed by the keys of these, in a block of its own.
    pub(crate) fn enter_by(
        &mut self,
        sender: Who,
        keys: &[Who],
        body: Body,
    ) -> Result<(), Refusal> {
        let entry = self.joint(sender, keys, None, body);
        self.block(10, vec![entry]).remove(0)
    }

    /// The same, for another to pay.
    pub(crate) fn enter_paid_by(
        &mut self,
        (sender, payer): (Who, Who),
        keys: &[Who],
        body: Body,
    ) -> Result<(), Refusal> {
        let entry = self.joint(sender, keys, Some(payer), body);
        self.block(10, vec![entry]).remove(0)
    }

    /// An entry signed by the keys of these; the first sends it.
    pub(crate) fn joint(
        &self,
        sender: Who,
        keys: &[Who],
        payer: Option<Who>,
        body: Body,
    ) -> CheckedEntry {
        let mut cosigners: Vec<_> = keys[1..].iter().map(|who| public(who.0)).collect();
        cosigners.sort();
        let entry = Entry {
            federation: self.genesis.id(),
            sender: sender.party(),
            lane: 0,
            nonce: read::nonce(&self.rows, sender.party(), 0),
            valid_until: self.at.now.after(Millis::new(60_000)),
            fee_payer: payer.map(Who::party),
            cosigners,
            body,
        };
        let mut signed = SignedEntry::sign(entry, &key(keys[0].0));
        for who in &keys[1..] {
            assert!(signed.cosign(&key(who.0)));
        }
        signed.check().unwrap()
    }

    /// A key that may do so much, until told otherwise.
    pub(crate) fn set_key(&mut self, party: Who, holder: Who, powers: OpKeyPowers) {
        let key = public(holder.0);
        let set = PartyRequest::SetOpKey { key, powers };
        self.enter(party, Body::Party(set)).unwrap();
    }
}

/// Powers without limits, for a day of the scene.
pub(crate) fn powers(scene: &Scene, scope: Scope) -> OpKeyPowers {
    OpKeyPowers {
        scope,
        expires: scene.at.now.after(Millis::new(86_400_000)),
        per_entry: Credits::MAX,
        per_epoch: Credits::MAX,
    }
}

/// A root of several keys.
pub(crate) fn quorum(weights: &[(Who, u16)], threshold: u32) -> Root {
    let mut keys: Vec<_> = weights.iter().map(|(who, w)| (public(who.0), *w)).collect();
    keys.sort();
    Root::Many(Quorum { keys, threshold })
}

/// A plain payment.
pub(crate) fn pay(to: Who, amount: Credits) -> Body {
    let moves = vec![(to.party(), amount)];
    Body::Transfer { moves }
}

/// The code of an answer; 0 for yes.
pub(crate) fn code(answer: Result<(), Refusal>) -> u16 {
    answer.map_or_else(|no| no.code(), |()| 0)
}

/// So long after a moment of the scene.
pub(crate) fn later(scene: &Scene, ms: u64) -> Moment {
    scene.at.now.after(Millis::new(ms))
}
