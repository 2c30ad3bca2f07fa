//! Who this peer is: what it is told once, at its start, and what it derives from that.
//!
//! Salts and chain secrets are derived, never stored, so a peer that was killed finds them again.

use std::fmt;

use protocol::ids::{BundleId, Digest, FederationId, JobId, PartyId, PeerId};
use protocol::job::{Class, Profile};
use protocol::units::{Bytes, Credits, Fuel, Millis, Moment};

use crate::owner::Rest;

/// A secret that salts and chain secrets are derived from. It is never shown and signs nothing.
#[derive(Clone)]
pub struct SaltKey([u8; 32]);

impl SaltKey {
    /// Takes 32 bytes that only this peer knows, and knows again after a restart.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The salt of this peer's seal of a bundle.
    pub(crate) fn seal_salt(&self, bundle: BundleId) -> Digest {
        let index = bundle.index.to_le_bytes();
        let parts: [&[u8]; 3] = [&self.0, bundle.job.bytes(), &index];
        Digest::derive("tallygrid steward seal salt v1", &parts)
    }

    /// The salt of this member's answer as a judge.
    pub(crate) fn panel_salt(&self, bundle: BundleId, round: u8) -> Digest {
        let index = bundle.index.to_le_bytes();
        let parts: [&[u8]; 4] = [&self.0, bundle.job.bytes(), &index, &[round]];
        Digest::derive("tallygrid steward panel salt v1", &parts)
    }

    /// The salt of this member's findings as an auditor.
    pub(crate) fn audit_salt(&self, job: JobId, seat: u16) -> Digest {
        let parts: [&[u8]; 3] = [&self.0, job.bytes(), &seat.to_le_bytes()];
        Digest::derive("tallygrid steward audit salt v1", &parts)
    }

    /// The salt of a submission's canaries, by which they are chosen too.
    pub(crate) fn canary_salt(&self, job: &Digest, submission: u64) -> Digest {
        let parts: [&[u8]; 3] = [&self.0, job.bytes(), &submission.to_le_bytes()];
        Digest::derive("tallygrid steward canary salt v1", &parts)
    }

    /// The start of a submission's hash chain.
    pub(crate) fn chain_secret(&self, job: &Digest, submission: u64) -> Digest {
        let parts: [&[u8]; 3] = [&self.0, job.bytes(), &submission.to_le_bytes()];
        Digest::derive("tallygrid steward chain secret v1", &parts)
    }
}

impl fmt::Debug for SaltKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SaltKey(hidden)")
    }
}

/// An institution that votes and judges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its party.
    pub party: PartyId,
    /// Its node.
    pub peer: PeerId,
    /// What people call it.
    pub name: String,
}

/// How a peer of a `devnet` is told to do wrong, so that people can watch it being caught.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misbehave {
    /// It returns an altered output for every task whose number `every` divides; 0 is never.
    WrongOutcome {
        /// See there.
        every: u32,
    },
}

/// What a peer knows of itself when it starts.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The federation it belongs to.
    pub federation: FederationId,
    /// Its node.
    pub peer: PeerId,
    /// The party that owns it and signs its entries.
    pub party: PartyId,
    /// Whether it is the node of a member, and so judges when its party is called; see
    /// [`crate::Input::Seated`].
    pub member: bool,
    /// Whether its party may let peers in: a member's or a desk's.
    pub sponsor: bool,
    /// Whether the federation is a `devnet`; nowhere else is `misbehave` heard.
    pub devnet: bool,
    /// Where its salts come from.
    pub salt_key: SaltKey,
    /// When it started, by its own clock: orders its live offers across restarts.
    pub boot: Moment,
    /// Whether genesis itself let it in.
    pub admitted: bool,
    /// The bond that genesis gave this peer.
    pub bond: Credits,
    /// The bond it keeps up; zero if it does not work for others.
    pub bond_target: Credits,
    /// The classes it works in; none if it does not work for others.
    pub classes: Vec<Class>,
    /// How many tasks it runs at once.
    pub slots: u16,
    /// What it asks for a Gfuel.
    pub per_gfuel: Credits,
    /// The guest worlds it can run.
    pub profiles: Vec<Profile>,
    /// The memory it has for one guest.
    pub memory: Bytes,
    /// The fuel that one task's place does in a second; zero if that was not measured.
    pub speed: Fuel,
    /// What it all does in an hour, in whole GCU; zero if that was not measured.
    pub gcu: u32,
    /// The members, as genesis names them.
    pub members: Vec<Member>,
    /// The least seal window that the rules accept.
    pub seal_window_min: Millis,
    /// The most copies of a bundle that the tiers of drawn peers ask for: a job must be able to pay
    /// for as many.
    pub copies_asked: u8,
    /// Whether, and why, its owner lets it take no work now; see [`crate::Input::Owner`].
    pub rest: Option<Rest>,
    /// Other peers of its owner, at most [`crate::limits::SIBLINGS_MAX`]: what this one must leave
    /// goes to the first of them that can take it, and what they leave it goes on with.
    pub siblings: Vec<PeerId>,
    /// The fault switch of a `devnet`.
    pub misbehave: Option<Misbehave>,
}

impl Identity {
    /// Whether this peer works for others.
    pub(crate) fn works(&self) -> bool {
        self.slots > 0 && !self.classes.is_empty()
    }

    /// Which of these tasks it is told to answer wrongly. None outside a `devnet`.
    pub(crate) fn lies(&self, tasks: &[u32]) -> Vec<u32> {
        match self.misbehave {
            Some(Misbehave::WrongOutcome { every }) if self.devnet => {
                let chosen = |task: &&u32| every > 0 && task.is_multiple_of(every);
                tasks.iter().filter(chosen).copied().collect()
            }
            Some(_) | None => Vec::new(),
        }
    }
}
