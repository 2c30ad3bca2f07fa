//! Accounts: where credits can be, and what is remembered of how they got there.
//!
//! ```text
//!  Mint ──▶ Wallet ──▶ Escrow(job) ──▶ Wallet (pay, refund)
//!             │ ▲ └─▶ TaskWallet(purse) ──▶ Escrow(job) ──▶ TaskWallet (refund), Wallet (pay)
//!             │ │   Treasury ─▶ Grant(purse) ──▶ Escrow(job) ──▶ Grant, Treasury (refund)
//!             │ └─── Unbonding(peer) ◀── Bond(peer) ──▶ SlashHold(bundle) ──▶ Burn, Treasury,
//!             ├──▶ Demand ──▶ Wallet
//!             ├──▶ ChannelEscrow ──▶ Wallet (receiver; the rest to the payer)
//!             ├──▶ LeaseEscrow ──▶ Wallet (the peer's owner; what was missed to the holder)
//!             ├──▶ Bond(peer)        MemberBond(party) ──────▲              Wallet
//!             ├──▶ Deposit(proposal) ──▶ Wallet, Treasury
//!             └──▶ Fees ──▶ Burn, Treasury
//! ```
//!
//! Every account but `Mint` holds at least nothing. Debits equal credits, always: [`posting::post`]
//! is the only code that changes a balance.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::ids::{BundleId, ChannelId, EntryId, JobId, LeaseId, PartyId, PeerId, PurseId};
use protocol::units::{Credits, Height, Moment};

use crate::state::{Draft, View, row, table};

pub(crate) mod backer;
pub(crate) mod bank;
pub(crate) mod bond;
pub(crate) mod channel;
pub(crate) mod curve;
pub(crate) mod escrow;
pub(crate) mod exposure;
pub(crate) mod fee;
pub(crate) mod grant;
pub(crate) mod issue;
pub(crate) mod posting;
pub(crate) mod purse;
pub(crate) mod quota;
pub(crate) mod transfer;
pub(crate) mod wallet;

pub use channel::{Channel, Lane};
pub use purse::{Allowance, Purse, PurseKind};

/// So many lines of a party's history are kept; older ones are written over.
pub(crate) const HISTORY_LINES: u64 = 256;

/// Where credits can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Account {
    /// Where credits come from: the only account below zero.
    Mint,
    /// Where credits end.
    Burn,
    /// What belongs to the federation.
    Treasury,
    /// Fees of the block that is being applied.
    Fees,
    /// What a party can spend.
    Wallet(PartyId),
    /// What a peer stands to lose.
    Bond(PeerId),
    /// What leaves a bond and has not matured.
    Unbonding(PeerId),
    /// What a member stands to lose as a judge.
    MemberBond(PartyId),
    /// What is set aside for a job; empty once it has ended.
    Escrow(JobId),
    /// A slash on its way to its shares, for the time in which it can be appealed.
    SlashHold(BundleId),
    /// What a proposal's member left for it; empty once it has ended.
    Deposit(u64),
    /// The deposit of a demand for a peer's outcomes of a bundle; empty once the bundle has ended.
    Demand(BundleId, PeerId),
    /// What a party set apart for jobs that others may submit.
    TaskWallet(PurseId),
    /// What a member granted a party for jobs, until it expires.
    Grant(PurseId),
    /// What of a slash is kept for who paid for its peer's doubtful results.
    Redress(u64),
    /// What is set aside for the receiver of a payment channel; empty once it has ended.
    ChannelEscrow(ChannelId),
    /// What a lease was paid in advance and has not settled; empty once it has ended.
    LeaseEscrow(LeaseId),
}

/// What went in and out of an account, ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Balance {
    /// Micro-credits that went out.
    pub debits: u128,
    /// Micro-credits that came in.
    pub credits: u128,
    /// How many postings touched it; numbers the lines of a wallet's history.
    pub postings: u64,
}

impl Balance {
    /// What is in it; nothing for an account below zero, which only `Mint` can be.
    pub fn amount(&self) -> Credits {
        let rest = self.credits.saturating_sub(self.debits);
        Credits::new(u64::try_from(rest).expect("no account holds more than the supply's bound"))
    }
}

/// Why credits moved. The numbers are frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Code {
    /// Granted at the beginning.
    Grant = 1,
    /// One party paid another.
    Transfer = 2,
    /// The fee of an entry.
    Fee = 3,
    /// The share of fees that is burned.
    FeeBurned = 4,
    /// The share of fees that the treasury keeps.
    FeeKept = 5,
    /// A peer's bond grew.
    Bond = 6,
    /// Credits began to leave a bond.
    Unbond = 7,
    /// Matured credits came back.
    Withdraw = 8,
    /// A member's bond was set aside.
    MemberBond = 9,
    /// A job's price was set aside.
    Escrow = 10,
    /// A run was paid.
    Pay = 11,
    /// A juror was paid.
    PanelPay = 12,
    /// What a job did not use came back.
    Refund = 13,
    /// A bond was slashed.
    Slash = 14,
    /// The share of a slash that is burned.
    SlashBurned = 15,
    /// The share of a slash for those it harmed.
    SlashVictim = 16,
    /// The share of a slash for who showed it.
    SlashFinder = 17,
    /// The share of a slash for the treasury.
    SlashTreasury = 18,
    /// An auditor was paid.
    AuditPay = 19,
    /// A slash was reversed.
    SlashReturned = 20,
    /// A deposit for a demand was set aside.
    DemandDeposit = 21,
    /// It came back.
    DemandReturned = 22,
    /// It was the peer's, who had answered and was right.
    DemandPaid = 23,
    /// A submitter could have started its job and did not.
    AbortFee = 24,
    /// Who paid for a doubtful result had it back.
    Redress = 25,
    /// A proposal's deposit was set aside.
    ProposalDeposit = 60,
    /// It came back.
    DepositReturned = 61,
    /// It did not: more than a third of power vetoed.
    DepositLost = 62,
    /// The council corrected something.
    Correction = 63,
    /// A member that voted twice lost a part of its bond.
    MemberFine = 64,
    /// Minted against the reserve.
    Minted = 65,
    /// Minted for an epoch.
    Reward = 66,
    /// Given back for what the reserve holds.
    Redeemed = 67,
    /// The share of the fee for work that is burned.
    WorkFeeBurned = 68,
    /// The share of the fee for work that the treasury keeps.
    WorkFeeKept = 69,
    /// A task wallet was opened or topped up.
    TaskWalletFilled = 30,
    /// A task wallet was closed, and the rest came back.
    TaskWalletClosed = 31,
    /// A member granted a party credits of the treasury.
    GrantGiven = 32,
    /// What was left of an expired grant went back to the treasury.
    GrantReturned = 33,
    /// A payment channel was opened or topped up.
    ChannelDeposit = 34,
    /// A voucher was redeemed.
    ChannelPaid = 35,
    /// A payment channel ended, and the rest came back.
    ChannelReturned = 36,
    /// A lease was paid in advance.
    LeasePrepaid = 37,
    /// A lease was kept, or given up.
    LeasePaid = 38,
    /// What was not kept of a lease, or is not needed any more, came back.
    LeaseReturned = 39,
    /// Someone stood in for a peer that is another's.
    Back = 50,
    /// A part of a beginner's pay went into its bond.
    Vest = 51,
    /// A sponsor let a peer in.
    AdmissionFee = 52,
}

/// What a posting was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum About {
    /// The beginning, or the block as a whole.
    Ledger,
    /// An entry.
    Entry(EntryId),
    /// A peer's bond.
    Peer(PeerId),
    /// A job.
    Job(JobId),
    /// A bundle of a job.
    Bundle(BundleId),
    /// A proposal.
    Proposal(u64),
    /// A task wallet or a grant.
    Purse(PurseId),
    /// A payment channel.
    Channel(ChannelId),
    /// A lease.
    Lease(LeaseId),
}

/// One line of a party's history: a posting that touched its wallet.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Line {
    /// Its number in this history, from 0.
    pub number: u64,
    /// The block it was in.
    pub height: Height,
    /// The agreed time of that block.
    pub when: Moment,
    /// Why.
    pub code: Code,
    /// Whether the wallet grew.
    pub incoming: bool,
    /// How much.
    pub amount: Credits,
    /// The account at the other end.
    pub other: Account,
    /// What it was for.
    pub about: About,
}

table!(
    /// Every account that was ever touched.
    Accounts, 0x20, Account => Balance
);
table!(
    /// The latest lines of a party's history, each by its number modulo [`HISTORY_LINES`].
    History, 0x21, (PartyId, u64) => Line
);

/// What is in an account.
pub(crate) fn balance(view: &dyn View, account: Account) -> Balance {
    row::<Accounts>(view, &account).unwrap_or_default()
}

/// What a party can spend on something, the line of its credit included.
pub(crate) fn spendable(draft: &Draft<'_>, party: PartyId, code: Code) -> Credits {
    let wallet = balance(draft, Account::Wallet(party));
    let line = u128::from(issue::line(draft, party, code).get());
    let most = wallet.credits.saturating_add(line);
    let rest = most.saturating_sub(wallet.debits);
    Credits::new(u64::try_from(rest).expect("no wallet and no line hold more than the bound"))
}

/// What a party can spend.
pub(crate) fn available(view: &dyn View, party: PartyId) -> Credits {
    balance(view, Account::Wallet(party)).amount()
}
