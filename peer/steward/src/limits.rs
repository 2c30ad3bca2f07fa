//! Every limit and wait of this crate, by name.

pub use crate::audit::AUDITS_MAX;
pub use crate::book::OFFERS_MAX;
pub use crate::crew::{REST, TASKS_PER_SLOT};
pub use crate::desk::{LOST_AFTER, REFUSED_AFTER, TRIES_MAX, WAIT_MAX, WISHES_MAX};
pub use crate::duty::DUTIES_MAX;
pub use crate::duty::by_step::STEP_TIME_PARTS;
pub use crate::duty::disputed::ASK_STATE_EVERY;
pub use crate::faults::{FORGIVE_EVERY, PATIENCE, REMEMBERED_MAX};
pub use crate::gather::{GATHER_FOR, GATHER_MAX};
pub use crate::handover::{ASK_KEPT_EVERY, ASK_KEPT_FOR, FETCH_KEPT_FOR, HANDED_MAX, SIBLINGS_MAX};
pub use crate::jobs::alike::OUTPUT_WAIT;
pub use crate::jobs::checker::CHECK_TRIES_MAX;
pub use crate::jobs::demand::DEMAND_AFTER_ASKS;
pub use crate::jobs::drive::{ASK_EVERY, ASKS_MAX};
pub use crate::jobs::early::{EARLY_FOR, EARLY_MAX, EARLY_PER_PEER_MAX};
pub use crate::jobs::price::{BUNDLES_AIMED_AT, FUEL_PER_SECOND, PRICE_SPREAD};
pub use crate::jobs::{JOBS_ENDED_MAX, JOBS_OPEN_MAX, SUBMISSIONS_SEARCHED};
pub use crate::offer::{ANNOUNCE_EVERY, CHANGE_AFTER, OFFER_TTL};
pub use crate::standing::{AGAIN_AFTER, AGAIN_AFTER_MAX};
pub use crate::states::{STATE_ASKERS_MAX, STATES_BUNDLES_MAX, STATES_PER_BUNDLE_MAX};
pub use crate::stock::{
    FETCH_AGAIN_AFTER, FETCH_TRIES_MAX, FETCHES_MAX, JOBS_HELD_MAX, SOURCES_MAX, STOCK_MAX,
};
pub use crate::work::answer::FIND_AGAIN_AFTER;
pub use crate::work::lent::SEAL_TIME;
pub use crate::work::run::{OPEN_SELF_AFTER, SEAL_SELF_AFTER};
pub use crate::work::{JOBS_REMEMBERED_MAX, RUNS_OPEN_MAX};
