//! The rules: what is true after a block, given what was true before it. Pure.
//!
//! ```text
//! genesis ──begin──▶ rows ──apply_block(height, now, parent, entries)──▶ rows, answers, events
//! ```
//!
//! The same rows and the same block give the same rows, answers and events on every machine: there
//! is no clock, chance, float, thread, file or unordered map here, and all arithmetic is checked.
//! Rows are read by key alone; nothing scans, so the cost of a block is bounded by its entries and
//! by [`due_per_block`](params::DUE_PER_BLOCK_MAX). A refused entry changes nothing but its fee and
//! its nonce. Where the books would not balance the rules panic: a ledger that stops is better than
//! one that goes on wrong.

#![deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)]

pub mod books;
pub mod params;
pub mod read;
pub mod work;

mod apply;
mod chance;
mod council;
mod epoch;
mod genesis;
mod market;
mod money;
mod people;
mod refusal;
mod space;
mod state;

pub use apply::{Applied, apply_block, preview};
pub use council::{Ballot, Council, Emergency, Given, Tally, Upgrade};
pub use epoch::{Epoch, Pools};
pub use genesis::{GenesisRefused, begin, begin_even_if_cheating_pays};
pub use market::index::Index;
pub use market::{Pool, Standing};
pub use money::issue::Reserve;
pub use money::{About, Account, Allowance, Balance, Channel, Code, Lane, Line, Purse, PurseKind};
pub use people::{Accusation, Member, OpKey, Party, Peer, Recovery, RetiredRoot, Sponsor, Voter};
pub use refusal::{ChannelRefusal, CouncilRefusal, IssueRefusal, LeaseRefusal, Refusal};
pub use space::{Space, space_of};
pub use state::{At, View};
