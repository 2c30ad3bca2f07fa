//! Who plays. A villain bends what the real steward of its peer does, or has its party sign entries
//! of its own; it changes no rule. One villain, one file, one sentence on its crime.

use std::collections::{BTreeMap, BTreeSet};

use protocol::entry::{Body, CheckedEntry};
use protocol::event::Event;
use protocol::ids::{BundleId, PeerId};
use protocol::units::Moment;
use serde::Deserialize;
use steward::{Effect, Identity, Why};

use crate::chance::Chance;
use crate::keys::Keys;

mod byzantine_member;
mod copycat;
mod flash_staker;
mod griefer;
mod hoarder;
mod honest;
mod lazy;
mod lazy_auditor;
mod liar;
mod ring;
mod silent;
mod spammer;
mod spoofer;
mod trust_then_cheat;
mod two_faced;
mod wash_trader;
mod whitewasher;

/// What a group does wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Crime {
    /// Nothing.
    #[default]
    None,
    /// Works, and alters what it found; alone.
    Liar,
    /// Guesses instead of working; alone.
    Lazy,
    /// Agrees on a lie with its kin, whoever else is drawn.
    BlindRing,
    /// Agrees on a lie with its kin, where nobody else is drawn.
    InformedRing,
    /// Seals and never opens.
    Silent,
    /// Submits jobs that come out differently on every machine.
    Nondeterministic,
    /// Seals what a neighbour sealed.
    Copycat,
    /// Signs two results for one bundle.
    TwoFaced,
    /// Does not audit what it is to audit.
    LazyAuditor,
    /// Swears to lies as auditor and judge.
    ByzantineMember,
    /// Cheats for a while and takes its bond out.
    FlashStaker,
    /// Cheats once it is trusted.
    TrustThenCheat,
    /// Cheats under one name after the other.
    Whitewasher,
    /// Lies about everything, at any loss.
    Griefer,
    /// Offers what it does not have.
    Spoofer,
    /// Fills blocks.
    Spammer,
    /// Buys its own work.
    WashTrader,
    /// Buys up capacity, so that the price of its own rises.
    Hoarder,
}

impl Crime {
    /// The name of it in files and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Liar => "liar",
            Self::Lazy => "lazy",
            Self::BlindRing => "blind-ring",
            Self::InformedRing => "informed-ring",
            Self::Silent => "silent",
            Self::Nondeterministic => "nondeterministic",
            Self::Copycat => "copycat",
            Self::TwoFaced => "two-faced",
            Self::LazyAuditor => "lazy-auditor",
            Self::ByzantineMember => "byzantine-member",
            Self::FlashStaker => "flash-staker",
            Self::TrustThenCheat => "trust-then-cheat",
            Self::Whitewasher => "whitewasher",
            Self::Griefer => "griefer",
            Self::Spoofer => "spoofer",
            Self::Spammer => "spammer",
            Self::WashTrader => "wash-trader",
            Self::Hoarder => "hoarder",
        }
    }

    pub(crate) fn role(self) -> Box<dyn Role> {
        match self {
            Self::None | Self::Nondeterministic => Box::new(honest::Honest),
            Self::Liar => Box::new(liar::Liar),
            Self::Lazy => Box::new(lazy::Lazy),
            Self::BlindRing => Box::new(ring::Ring { informed: false }),
            Self::InformedRing => Box::new(ring::Ring { informed: true }),
            Self::Silent => Box::new(silent::Silent),
            Self::Copycat => Box::new(copycat::Copycat::default()),
            Self::TwoFaced => Box::new(two_faced::TwoFaced::default()),
            Self::LazyAuditor => Box::new(lazy_auditor::LazyAuditor),
            Self::ByzantineMember => Box::new(byzantine_member::ByzantineMember),
            Self::FlashStaker => Box::new(flash_staker::FlashStaker::default()),
            Self::TrustThenCheat => Box::new(trust_then_cheat::TrustThenCheat),
            Self::Whitewasher => Box::new(whitewasher::Whitewasher::default()),
            Self::Griefer => Box::new(griefer::Griefer),
            Self::Spoofer => Box::new(spoofer::Spoofer::default()),
            Self::Spammer => Box::new(spammer::Spammer),
            Self::WashTrader => Box::new(wash_trader::WashTrader),
            Self::Hoarder => Box::new(hoarder::Hoarder),
        }
    }
}

/// What is said of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// It is run, and told as it came out.
    Truth,
    /// It is run, and told in this voice.
    Lie(u64),
    /// It is not run, and told in this voice.
    Guess(u64),
    /// It is not run, and said to be impossible to run.
    Nothing,
}

/// A task in front of the executor.
pub(crate) struct Case<'a> {
    /// Which player it is.
    pub(crate) number: u64,
    pub(crate) why: Why,
    /// Who is drawn for the bundle, as far as the ledger tells.
    pub(crate) seats: &'a [PeerId],
    /// Everybody of the same crime, wherever they sit.
    pub(crate) kin: &'a BTreeSet<PeerId>,
    /// Whether this is one of its chances to do wrong.
    pub(crate) tempted: bool,
}

/// What a villain sees when a block is agreed.
pub(crate) struct Seen<'a> {
    pub(crate) keys: &'a Keys,
    pub(crate) now: Moment,
    pub(crate) entries: &'a [CheckedEntry],
    pub(crate) events: &'a [Event],
    pub(crate) seats: &'a BTreeMap<BundleId, Vec<PeerId>>,
    pub(crate) kin: &'a BTreeSet<PeerId>,
    pub(crate) rows: &'a BTreeMap<Vec<u8>, Vec<u8>>,
}

/// How a peer behaves. What it does not say, its steward does.
pub(crate) trait Role: std::fmt::Debug {
    /// What it claims of a task.
    fn claim(&mut self, _case: &Case<'_>) -> Claim {
        Claim::Truth
    }

    /// What becomes of one effect of its steward.
    fn bend(&mut self, effect: Effect) -> Option<Effect> {
        Some(effect)
    }

    /// What its party enters by itself after a block.
    fn enter(&mut self, _seen: &Seen<'_>, _chance: &mut Chance) -> Vec<Body> {
        Vec::new()
    }

    /// The slots that are really there, of those that its machine offers.
    fn slots(&self, offered: u16) -> u16 {
        offered
    }

    /// Another identity than the one its group gives it.
    fn dress(&mut self, _me: &mut Identity) {}

    /// Whether blocks interest it, beyond its steward.
    fn watches(&self) -> bool {
        false
    }
}
