//! Every answer of a peer, as the API writes it and the command line reads it.
//!
//! Each document says what it is (`"kind":"peer.v1.Job"`); money is an integer count of
//! micro-credits in a string; times are RFC 3339 in UTC; ids are written whole. A field may be
//! added; one that is taken away or changes its meaning makes a new kind.

mod dispute;
mod job;
mod market;
mod news;
mod peer;
mod submit;
mod wallet;
mod written;

pub use dispute::{Claim, DisputeState, DisputeView, DisputedTaskView, SlashView};
pub use job::{
    EndedView, Ends, ExplainView, JobState, JobView, PeerReason, Reason, Tally, TaskState, TaskView,
};
pub use market::{LiveOffer, NodeView, OfferView};
pub use news::News;
pub use peer::{FederationView, KeysView, LedgerView, MemberView, Role, StatusView, VerifyView};
pub use submit::{
    ArrayForm, BlobForm, EnvForm, InputForm, JobForm, LimitsForm, SubmittedView, Wish,
};
pub use wallet::{BalanceView, Direction, Held, HistoryItem, HistoryPage};
pub use written::{Document, Done, Id, Kind, List, Money, Named, Time};
