//! The agreed ledger of one peer: rules above, consensus in the middle, a disk below.
//!
//! ```text
//! engine ── the seam: an [`engine::Application`] in, agreed blocks with proofs out
//!   wire ── what members tell each other, through one checked door
//!   disk ── rows, blocks and votes that survive a crash
//!   guard, evidence ── nobody votes twice; who does is shown
//! ```

pub mod disk;
pub mod engine;
pub mod evidence;
pub mod guard;
pub mod wire;
