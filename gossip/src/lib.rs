//! Who is there, and what they say: one libp2p swarm, behind one handle.
//!
//! ```text
//!             Handle: announce, send, consensus, fetch, open, peers
//!                │                                            ▲
//!   driver ──────┤                                      Heard │ offers, messages, consensus,
//!                ▼                                            │ comings and goings
//!   ┌─ gate ─ streams ─┬─ messages ── consensus ── blobs ── directory ─┐
//!   │                  └─ offers (gossipsub) ───────────────────────── │
//!   └──────────────────────── one swarm, one loop ────────────────────┘
//! ```
//!
//! Every byte of a stranger passes a door here: a length before it is read, a limit before it is
//! stored, a signature or a digest before it is believed. Nothing that arrives can block the
//! swarm's loop, and nothing can make it panic.

mod behaviour;
mod blobs;
mod consensus;
mod directory;
mod gate;
mod handle;
mod heard;
#[cfg(test)]
mod hostile_tests;
mod members;
mod messages;
mod names;
mod net;
mod offers;
mod patience;
mod scores;
mod start;
mod streams;
mod swarm;
mod wire;

pub use blobs::{BlobSource, Content, FetchError};
pub use consensus::{BULK_BYTES_MAX, FRAME_BYTES_MAX, Lane};
pub use handle::{Counts, Handle};
pub use heard::Happening;
pub use libp2p::Multiaddr;
pub use messages::SendError;
pub use net::Seen;
pub use offers::OfferRate;
pub use start::{Config, Followers, Gossip, Heard, Limits, StartError};
pub use streams::{Channel, Class, OpenError, Refusal};
pub use wire::FrameError;
