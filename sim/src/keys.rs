//! The keys of everyone who plays: derived from the seed and a number, so nothing needs entropy.

use ed25519_dalek::SigningKey;
use protocol::entry::{CheckedEntry, Entry, Seal};
use protocol::ids::{Digest, PartyId, PeerId, PublicKey};
use protocol::signed::Signed;

/// One player's keys: of its party, of its node, of its votes.
#[derive(Debug)]
pub(crate) struct Keys {
    party: SigningKey,
    node: SigningKey,
    /// The party's name on the ledger.
    pub(crate) id: PartyId,
    /// The node's name.
    pub(crate) peer: PeerId,
}

impl Keys {
    /// The keys of player `number` in the play of `seed`.
    pub(crate) fn of(seed: u64, number: usize) -> Self {
        let party = key(seed, number, 0);
        let node = key(seed, number, 1);
        Self {
            id: PartyId::of(&public(&party)),
            peer: PeerId::new(node.verifying_key().to_bytes()),
            party,
            node,
        }
    }

    /// The root key of the party.
    pub(crate) fn root(&self) -> PublicKey {
        public(&self.party)
    }

    /// The key of a member's votes; nobody votes here, so it signs nothing.
    pub(crate) fn consensus(seed: u64, number: usize) -> PublicKey {
        public(&key(seed, number, 2))
    }

    /// 32 bytes that only this player knows.
    pub(crate) fn secret(&self) -> [u8; 32] {
        *Digest::derive("tallygrid sim salt v1", &[&self.node.to_bytes()]).bytes()
    }

    /// An entry of the party, as it is behind the ledger's door. Signatures of entries are the
    /// door's business, and two fifths of a play would go into them.
    pub(crate) fn enter(&self, entry: Entry) -> CheckedEntry {
        CheckedEntry::vouched(entry, &self.party).expect("no player asks for cosigners")
    }

    /// Signs a seal as the node.
    pub(crate) fn seal(&self, seal: Seal) -> [u8; 64] {
        Signed::sign(seal, &self.node).signature()
    }
}

fn key(seed: u64, number: usize, what: u8) -> SigningKey {
    let number = (number as u64).to_le_bytes();
    let parts: [&[u8]; 3] = [&seed.to_le_bytes(), &number, &[what]];
    SigningKey::from_bytes(Digest::derive("tallygrid sim key v1", &parts).bytes())
}

fn public(key: &SigningKey) -> PublicKey {
    PublicKey::new(key.verifying_key().to_bytes())
}
