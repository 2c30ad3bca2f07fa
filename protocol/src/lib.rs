//! The words all rooms of Tallygrid share, in the order a newcomer meets them.
//!
//! A **peer** is one machine running the binary; a **party** owns credits and signs entries. A
//! **member** is an institution that votes on blocks; a **sponsor** is the member, or the community
//! desk, that a peer belongs to. A **federation** is the members, their genesis and everyone they
//! admit. **Credits** are the ledger's money; a **bond** is what a peer stands to lose, an
//! **escrow** is set aside for one object. A party's **root** (a key, or a quorum of keys) speaks
//! for it in everything; **operational keys** within limits. A **purse** is credits set apart for
//! jobs: a task wallet that others may spend of, or a grant that expires.
//!
//! An **offer** says what a peer can do and at what price. A **job** is one module (WASM) or shader
//! (WGSL) run over n **tasks**, cut into **bundles**; each bundle is **drawn** for some peers, and
//! a peer's share of it is a **run**. An **outcome** is the digest of a task's canonical output and
//! what it cost. Peers **seal** (publish a hash of outcomes and a salt), then **open**. Where
//! opened outcomes differ, a **panel** of members runs the task and gives a **verdict**.
//!
//! An **entry** is a signed request to the ledger; an **event** is what the ledger says once a
//! block is agreed; a **refusal** is a rule saying no.
//!
//! This crate is pure: no clock, thread, socket, file or chance.

pub mod bytes;
pub mod entry;
pub mod event;
pub mod genesis;
pub mod ids;
pub mod job;
pub mod kernel;
pub mod message;
pub mod offer;
pub mod outcome;
pub mod params;
pub mod signed;
pub mod steps;
pub mod units;
