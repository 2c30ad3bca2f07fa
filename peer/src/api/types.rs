//! Every answer of a peer, as the API writes it and the command line reads it.
//!
//! Each document says what it is (`"kind":"peer.v1.Job"`); money is an integer count of
//! micro-credits in a string; times are RFC 3339 in UTC; ids are written whole. A field may be
//! added; one that is taken away or changes its meaning makes a new kind.

mod channel;
mod devices;
mod dispute;
mod doctor;
mod govern;
mod job;
mod kernel;
mod lease;
mod market;
mod news;
mod party;
mod peer;
mod submit;
mod trust;
mod wallet;
mod written;

pub use channel::{ChannelView, LaneView, VoucherView};
pub use devices::{CpuView, DevicesView, GpuFiguresView};
pub use dispute::{Claim, DisputeState, DisputeView, DisputedTaskView, SlashView};
pub use doctor::{CheckView, DoctorView, Health};
pub use govern::{
    AccusationView, ChangedView, ClassView, CouncilStateView, EmergencyView, EpochView, NoticeView,
    ParamView, PendingView, PoolView, ProposalState, ProposalView, ReserveView, UpgradeView,
    VoteView,
};
pub use job::{
    CanariesView, EndedView, Ends, ExplainView, JobState, JobView, PeerReason, Reason, Tally,
    TaskState, TaskView,
};
pub use kernel::{BufferForm, CheckerForm, GpuTestView, GpuView, KernelForm, PassForm};
pub use lease::{LeaseTermsView, LeaseView};
pub use market::{LiveOffer, NodeView, OfferView};
pub use news::News;
pub use party::{
    AllowanceView, EntryForm, EntryView, LimitsView, OpKeyView, PartyView, PurseView, RootKeyView,
    SigningView,
};
pub use peer::{FederationView, KeysView, LedgerView, MemberView, Role, StatusView, VerifyView};
pub use submit::{
    ArrayForm, BlobForm, EnvForm, InputForm, JobForm, LimitsForm, SubmittedView,
    UnknownImportsForm, Wish,
};
pub use trust::{
    BackerView, DoubtView, FaultCount, HoldView, KeptView, LeavingView, NodeFullView, PreviewView,
    ShareView, TrustView, WeightView, WhyNot, WhyView,
};
pub use wallet::{BalanceView, Direction, Held, HistoryItem, HistoryPage};
pub use written::{Document, Done, Id, Kind, List, Money, Named, Time};
