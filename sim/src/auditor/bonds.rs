//! Bonds, as events tell of them: what comes, what leaves, and what has matured.

use protocol::ids::PeerId;
use protocol::units::Moment;

use super::{Auditor, Purse};

impl Auditor {
    /// A bond is now so much: credits came, began to leave, or were withdrawn.
    pub(super) fn bond(&mut self, peer: PeerId, bond: i128, now: Moment) {
        let Some(owner) = self.owner(&peer) else {
            return;
        };
        let before = self.purses.get(&Purse::Bond(peer)).copied().unwrap_or(0);
        let (more, wallet) = (bond - before, Purse::Wallet(owner));
        let leaving = self.leaving.entry(peer).or_default();
        if more > 0 {
            self.pay(wallet, Purse::Bond(peer), more);
        } else if more < 0 {
            leaving.push((-more, now.after(self.params.unbond_window)));
            self.pay(Purse::Bond(peer), Purse::Leaving(peer), -more);
        } else {
            let ripe = leaving.iter().filter(|(_, matures)| *matures <= now);
            let back = ripe.map(|(amount, _)| amount).sum();
            *self.withdrawn.entry(peer).or_insert(0) += back;
            leaving.retain(|(_, matures)| *matures > now);
            self.pay(Purse::Leaving(peer), wallet, back);
        }
    }

    /// What came back from the bond of a peer, in micro-credits.
    pub(crate) fn withdrawn(&self, peer: &PeerId) -> i128 {
        self.withdrawn.get(peer).copied().unwrap_or(0)
    }
}
