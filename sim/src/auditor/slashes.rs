//! Where a slash goes, worked out anew.

use protocol::entry::bill;
use protocol::event::{Ending, Fault, FaultEvent};
use protocol::ids::{BundleId, PartyId, PeerId};

use super::{Auditor, Held, Purse, Share, micro, part};

impl Auditor {
    /// A bond lost credits: they are held, and where they will go is worked out at once.
    pub(super) fn slashed(&mut self, bundle: BundleId, peer: PeerId, fault: Fault, amount: i128) {
        self.seize(peer, fault, amount);
        let mut shares = Vec::new();
        let [burn, mut victims, find, _] = self
            .params
            .slash_split
            .map(|share| part(amount, share.get()));
        let mut left = amount - burn;
        shares.push((self.end_of_credits(), burn));
        for (victim, to, claim) in self.claims(bundle, fault) {
            // Where several peers are fined for one bundle, a claim is met once.
            let met = self.met.entry((bundle, victim)).or_insert(0);
            let got = victims.min(claim - *met);
            *met += got;
            victims -= got;
            left -= got;
            shares.push((Purse::Wallet(to), got));
        }
        if let Some(book) = self.jobs.get(&bundle.job) {
            left -= victims;
            shares.push((Purse::Wallet(book.sender), victims));
        }
        let kin = self.owners.get(&peer).copied();
        let shown = self.finders.get(&bundle).copied();
        let finder = match fault {
            Fault::WrongOutcome => self.panels.finder(bundle, shown),
            Fault::TwoSeals => shown,
            _ => None,
        };
        if let Some(finder) = finder.filter(|f| kin.is_none_or(|(o, s)| o != *f && s != *f)) {
            left -= find;
            shares.push((Purse::Wallet(finder), find));
        }
        if fault == Fault::WrongOutcome {
            let price = self.jobs.get(&bundle.job);
            let price = price.and_then(|book| book.terms.task_price_max());
            for (judge, pay) in self.panels.pay(bundle, left, price.map_or(0, micro)) {
                left -= pay;
                shares.push((Purse::Wallet(judge), pay));
            }
        }
        shares.push((Purse::Treasury, left));
        self.held.insert(self.slashes, Held { peer, shares });
        self.slashes += 1;
    }

    /// Takes from a bond, and then from what is leaving it, the newest first.
    fn seize(&mut self, peer: PeerId, fault: Fault, amount: i128) {
        let judge = matches!(fault, Fault::WrongJudgement | Fault::NoJudgement);
        if let Some(member) = self.owner(&peer).filter(|_| judge) {
            self.turn(Purse::Judge(member), -amount);
            return;
        }
        let bond = self.purses.get(&Purse::Bond(peer)).copied().unwrap_or(0);
        let first = amount.min(bond);
        self.turn(Purse::Bond(peer), -first);
        let mut rest = amount - first;
        self.turn(Purse::Leaving(peer), -rest);
        for (leaving, _) in self.leaving.entry(peer).or_default().iter_mut().rev() {
            let less = rest.min(*leaving);
            *leaving -= less;
            rest -= less;
        }
    }

    /// What follows from a fault, after the slash itself.
    pub(super) fn fault(&mut self, event: &FaultEvent) {
        match event {
            FaultEvent::SlashGiven { number, .. } => self.given(*number),
            FaultEvent::RedressOpened {
                slash,
                rest_to,
                amount,
                ..
            } => {
                let (from, to) = (Purse::Wallet(*rest_to), Purse::Redress(*slash));
                self.pay(from, to, micro(*amount));
            }
            FaultEvent::Redressed {
                slash, to, amount, ..
            }
            | FaultEvent::RedressOver {
                slash, to, amount, ..
            } => self.pay(Purse::Redress(*slash), Purse::Wallet(*to), micro(*amount)),
            _ => {}
        }
    }

    /// The appeal window of a slash is over.
    fn given(&mut self, number: u64) {
        let Some(held) = self.held.remove(&number) else {
            return;
        };
        for (purse, amount) in held.shares {
            self.turn(purse, amount);
            if let Purse::Wallet(to) = purse {
                let from = held.peer;
                self.shares.push(Share { from, to, amount });
            }
        }
    }

    /// Who lost its pay by this fault, and how much: peers that opened where too few others did.
    fn claims(&self, bundle: BundleId, fault: Fault) -> Vec<(PeerId, PartyId, i128)> {
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
                Some((*peer, self.owner(peer)?, micro(bill)))
            })
            .collect()
    }
}
