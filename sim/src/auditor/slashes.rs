//! Where a slash goes, worked out anew.

use protocol::entry::bill;
use protocol::event::{Ending, Fault};
use protocol::ids::{BundleId, PartyId, PeerId};

use super::{Auditor, Purse, Share, micro, part};

impl Auditor {
    /// A bond lost credits: where they went, by the shares that govern.
    pub(super) fn slashed(&mut self, bundle: BundleId, peer: PeerId, fault: Fault, amount: i128) {
        let judge = matches!(fault, Fault::WrongJudgement | Fault::NoJudgement);
        let kin = self.owners.get(&peer).copied();
        let from = match kin.filter(|_| judge) {
            Some((member, _)) => Purse::Judge(member),
            None => Purse::Bond(peer),
        };
        let [burn, victims, find, _] = self
            .params
            .slash_split
            .map(|share| part(amount, share.get()));
        self.turn(from, -amount);
        self.burn(burn);
        let mut left = amount - burn;
        let mut harmed = victims;
        for (to, claim) in self.claims(bundle, fault) {
            let got = harmed.min(claim);
            harmed -= got;
            left -= self.share(peer, to, got);
        }
        let sender = self.jobs.get(&bundle.job).map(|book| book.sender);
        if let Some(sender) = sender {
            left -= self.share(peer, sender, harmed);
        }
        let finds = matches!(fault, Fault::WrongOutcome | Fault::TwoSeals);
        let shown = self.finders.get(&bundle).copied();
        let finder = match fault {
            Fault::WrongOutcome => self.panels.finder(bundle, shown),
            _ => shown,
        };
        let finder = finder.filter(|_| finds);
        if let Some(finder) = finder.filter(|f| kin.is_none_or(|(o, s)| o != *f && s != *f)) {
            left -= self.share(peer, finder, find);
        }
        self.turn(Purse::Treasury, left);
        if fault == Fault::WrongOutcome {
            self.panels.kept(bundle, left);
        }
    }

    fn share(&mut self, from: PeerId, to: PartyId, amount: i128) -> i128 {
        self.turn(Purse::Wallet(to), amount);
        self.shares.push(Share { from, to, amount });
        amount
    }

    /// Who lost its pay by this fault: peers that opened where too few others did.
    fn claims(&self, bundle: BundleId, fault: Fault) -> Vec<(PartyId, i128)> {
        let short = self.ended.get(&bundle) == Some(&Ending::Short);
        let Some(book) = self.jobs.get(&bundle.job) else {
            return Vec::new();
        };
        if fault != Fault::NoOpening || !short {
            return Vec::new();
        }
        let tasks = book.terms.tasks_of(bundle.index).len();
        let tasks = u32::try_from(tasks).unwrap_or(u32::MAX);
        let opened = self.roots.get(&bundle).into_iter().flatten();
        opened
            .filter_map(|(peer, root)| {
                let bill = bill(&book.terms, tasks, root.fuel)?;
                Some((self.owner(peer)?, micro(bill)))
            })
            .collect()
    }
}
