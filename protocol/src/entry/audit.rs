//! Audits: members run some tasks of a closed job again, and seal what they found before the job's
//! peers open. And everything by which a wrong or silent peer is brought before the ledger.

use borsh::{BorshDeserialize, BorshSerialize};

use super::{CANARIES_MAX, Canary, DISPUTED_MAX, Opening, PeerSeal, SEALS_MAX};
use crate::bytes::{self, Limited, Malformed, at_most};
use crate::ids::{BundleId, Digest, JobId, PartyId, PeerId};
use crate::job::{COPIES_MAX, TASKS_PER_BUNDLE_MAX};
use crate::outcome::{LeafProof, Outcome};

/// One part of an auditor's findings holds so many outcomes; all but the last part hold as many.
pub const AUDITED_PER_PART: u32 = 2_048;
/// An auditor's findings have so many parts at most: those of a job's most tasks.
pub const AUDIT_PARTS_MAX: usize = crate::job::TASKS_MAX.div_ceil(AUDITED_PER_PART) as usize;
/// One entry carries so many parts of findings at most.
pub const FINDINGS_MAX: usize = 64;

/// One entry claims for so many results at most.
pub const REDRESSED_MAX: usize = 16;

/// What an entry asks about audits, disputes and faults. A variant's number never changes its
/// meaning.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum AuditRequest {
    /// An auditor's sealed findings: one per job, whatever its bundles.
    Seal {
        /// The job.
        job: JobId,
        /// [`Findings::seal`].
        hash: Digest,
    },
    /// Opens what peers and auditors sealed. Anyone may enter it: openings prove themselves.
    /// Auditors open when every peer has opened, in this entry or before.
    Open {
        /// The job.
        job: JobId,
        /// Peers' openings.
        openings: Vec<Opening>,
        /// Auditors' findings.
        findings: Vec<Findings>,
        /// The submitter has compared both and finds no difference: what agrees is settled once
        /// every auditor has opened. Only the submitter may say so.
        content: bool,
    },
    /// Shows that what a bundle's peers opened is not what an auditor found, or not what the sender
    /// opened of its own as a canary.
    Contest {
        /// The bundle.
        bundle: BundleId,
        /// Outcomes that the peers opened, each proved against their root, at rising places.
        proofs: Vec<LeafProof>,
    },
    /// Demands all outcomes of a bundle from a peer that opened a root. Whoever has a stake in the
    /// bundle may, once per peer, and leaves a deposit.
    Demand {
        /// The bundle.
        bundle: BundleId,
        /// The peer.
        peer: PeerId,
    },
    /// Answers a demand. Anyone may: the outcomes prove themselves.
    Answer {
        /// The bundle.
        bundle: BundleId,
        /// The peer that they were demanded from.
        peer: PeerId,
        /// One outcome per task, in order.
        outcomes: Vec<Outcome>,
    },
    /// Shows two different seals of one peer for one bundle. Anyone may, also after its end.
    TwoSeals {
        /// The job.
        job: JobId,
        /// Both.
        seals: Box<[PeerSeal; 2]>,
    },
    /// Claims what the sender paid for results of a convicted peer, to have them run again. Pays as
    /// long as something is left of what the peer's slash keeps for that.
    Redress {
        /// The slash's number.
        slash: u64,
        /// The results' numbers among the peer's, rising; at least one.
        results: Vec<u64>,
    },
    /// Opens the canaries that the job was submitted with, once every peer has opened. Only the
    /// submitter may, once. Where a canary differs from what all copies opened, it may contest.
    Canaries {
        /// The job.
        job: JobId,
        /// 32 bytes that only the submitter knew.
        salt: Digest,
        /// All of them, tasks rising.
        canaries: Vec<Canary>,
    },
    /// The opened outcomes of a bundle differ, and those of some peers are accepted: these are
    /// paid, the others are neither paid nor punished. Only the submitter may say so, once, of a
    /// job that it compares itself ([`Judge::Submitter`](crate::job::Judge::Submitter)).
    Alike {
        /// The bundle.
        bundle: BundleId,
        /// Whose outcomes are accepted: peers that opened, rising, each once; at least one.
        peers: Vec<PeerId>,
    },
}

/// A part of what an auditor found.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Findings {
    /// The auditor's party.
    pub member: PartyId,
    /// 32 bytes that only the auditor knew.
    pub salt: Digest,
    /// [`part_digest`] of every part, in order.
    pub parts: Vec<Digest>,
    /// Which part this is.
    pub part: u32,
    /// One outcome per audited task of this part, tasks rising; `None` where the run had none.
    pub outcomes: Vec<Option<Outcome>>,
}

impl Findings {
    /// All parts of what an auditor found, in the order of its tasks.
    pub fn all(member: PartyId, salt: Digest, found: &[Option<Outcome>]) -> Vec<Self> {
        let chunks: Vec<&[Option<Outcome>]> = found.chunks(AUDITED_PER_PART as usize).collect();
        let parts: Vec<Digest> = chunks.iter().map(|part| part_digest(part)).collect();
        let findings = (0..).zip(&chunks).map(|(part, outcomes)| Self {
            member,
            salt,
            parts: parts.clone(),
            part,
            outcomes: outcomes.to_vec(),
        });
        findings.collect()
    }

    /// The hash that an auditor seals: the same for every part of its findings, and bound to the
    /// job and the auditor, so that no one can use it as its own.
    pub fn seal(&self, job: &JobId) -> Digest {
        let parts = bytes::write(&self.parts);
        let all: [&[u8]; 4] = [job.bytes(), self.member.bytes(), self.salt.bytes(), &parts];
        Digest::derive("tallygrid audit seal v1", &all)
    }

    /// Whether the outcomes are those of the part they are said to be.
    pub fn is_whole(&self) -> bool {
        let named = self.parts.get(self.part as usize);
        named == Some(&part_digest(&self.outcomes))
    }
}

/// The digest of one part of an auditor's findings.
pub fn part_digest(outcomes: &[Option<Outcome>]) -> Digest {
    let written: Vec<u8> = outcomes.iter().flat_map(bytes::write).collect();
    Digest::derive("tallygrid audit part v1", &[&written])
}

impl AuditRequest {
    /// What people call this kind of entry.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Seal { .. } => "audit-seal",
            Self::Open { .. } => "audit-open",
            Self::Contest { .. } => "contest",
            Self::Demand { .. } => "demand-leaves",
            Self::Answer { .. } => "answer-leaves",
            Self::TwoSeals { .. } => "two-seals",
            Self::Redress { .. } => "redress",
            Self::Canaries { .. } => "open-canaries",
            Self::Alike { .. } => "accept-alike",
        }
    }
}

impl Limited for Findings {
    fn within_limits(&self) -> Result<(), Malformed> {
        at_most("parts", self.parts.len(), AUDIT_PARTS_MAX)?;
        at_most("findings", self.outcomes.len(), AUDITED_PER_PART as usize)
    }
}

impl Limited for AuditRequest {
    fn within_limits(&self) -> Result<(), Malformed> {
        match self {
            Self::Open {
                openings,
                findings,
                content,
                ..
            } => {
                if openings.is_empty() && findings.is_empty() && !content {
                    return Err(Malformed::Senseless(
                        "an entry with nothing to open asks for nothing",
                    ));
                }
                at_most("openings", openings.len(), SEALS_MAX)?;
                at_most("findings", findings.len(), FINDINGS_MAX)?;
                findings.iter().try_for_each(Limited::within_limits)
            }
            Self::Contest { proofs, .. } => {
                if proofs.is_empty() {
                    return Err(Malformed::Senseless("a contest names at least one task"));
                }
                at_most("contested tasks", proofs.len(), DISPUTED_MAX)?;
                proofs.iter().try_for_each(Limited::within_limits)
            }
            Self::Answer { outcomes, .. } => {
                at_most("outcomes", outcomes.len(), TASKS_PER_BUNDLE_MAX as usize)
            }
            Self::Redress { results, .. } => {
                if !results.is_sorted_by(|one, next| one < next) {
                    return Err(Malformed::Senseless("results stand in order, each once"));
                }
                super::council::some("results", results.len(), REDRESSED_MAX)
            }
            Self::Canaries { canaries, .. } => {
                if !canaries.is_sorted_by(|one, next| one.task < next.task) {
                    return Err(Malformed::Senseless("canaries stand in order, each once"));
                }
                super::council::some("canaries", canaries.len(), CANARIES_MAX as usize)
            }
            Self::Alike { peers, .. } => {
                if !peers.is_sorted_by(|one, next| one < next) {
                    return Err(Malformed::Senseless("peers stand in order, each once"));
                }
                super::council::some("peers", peers.len(), COPIES_MAX.into())
            }
            Self::Seal { .. } | Self::Demand { .. } | Self::TwoSeals { .. } => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted_peers_stand_in_order_each_once_and_are_as_many_as_there_are_copies() {
        let accepts = |peers: &[u8]| {
            let job = JobId::new([1; 32]);
            let (bundle, peers) = (BundleId { job, index: 0 }, peers.iter());
            let peers = peers.map(|n| PeerId::new([*n; 32])).collect();
            AuditRequest::Alike { bundle, peers }.within_limits()
        };
        let all: Vec<u8> = (0..=COPIES_MAX).collect();
        for sound in [&all[..1], &[3, 5], &all[1..]] {
            assert_eq!(accepts(sound), Ok(()), "{sound:?}");
        }
        for bad in [&[][..], &[5, 3], &[3, 3], &all] {
            assert!(accepts(bad).is_err(), "{bad:?}");
        }
    }
}
