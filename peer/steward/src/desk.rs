//! What we want to be entered in the ledger, and how often we have asked.
//!
//! The rooms of this crate say at every turn what they *want*; the desk decides whether to ask now.
//! So a wish that was lost is repeated, one that was refused waits, and after a restart all open
//! wishes come up again by themselves.

use std::collections::BTreeMap;

use protocol::entry::Body;
use protocol::ids::{BundleId, JobId, PeerId};
use protocol::job::Class;
use protocol::units::{Millis, Moment};

use crate::effect::{Effect, Outbox, ProposalToken, Report};
use crate::input::Fate;
use crate::trouble::Trouble;

/// A proposal without an answer is sent again after this, then after twice as long, and so on.
pub const LOST_AFTER: Millis = Millis::new(3_000);
/// A proposal refused for a passing reason is made again after this, then after twice as long.
pub const REFUSED_AFTER: Millis = Millis::new(50);
/// No wait between two tries is longer.
pub const WAIT_MAX: Millis = Millis::new(30_000);
/// A wish is given up after so many tries.
pub const TRIES_MAX: u32 = 40;
/// So many wishes are open at most; further ones wait.
pub const WISHES_MAX: usize = 16 * 1_024;

/// Who enters a batch: the job's submitter, or a drawn peer that waited long enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    Submitter,
    Worker,
}

/// What we want to become true. One aim is asked for by one proposal at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Aim {
    Admit,
    Bond,
    Offer(Class),
    Withdraw(Class),
    Submit(u64),
    Cancel(JobId),
    Start(JobId),
    Close(JobId),
    Seals(Role, JobId, u32),
    Openings(Role, JobId, u32),
    Dispute(BundleId),
    Decline(BundleId),
    PanelSeal(BundleId, u8),
    PanelOpen(BundleId, u8),
    AuditSeal(JobId, u16),
    AuditOpen(JobId, u16, u32),
    Accept(JobId),
    Canaries(JobId),
    Contest(BundleId),
    Alike(BundleId),
    Demand(BundleId, PeerId),
    Answer(BundleId),
}

impl Aim {
    const fn job(&self) -> Option<JobId> {
        match self {
            Self::Cancel(job)
            | Self::Start(job)
            | Self::Close(job)
            | Self::Seals(_, job, _)
            | Self::Openings(_, job, _)
            | Self::AuditSeal(job, _)
            | Self::AuditOpen(job, ..)
            | Self::Accept(job)
            | Self::Canaries(job) => Some(*job),
            Self::Dispute(bundle)
            | Self::Contest(bundle)
            | Self::Alike(bundle)
            | Self::Demand(bundle, _)
            | Self::Answer(bundle)
            | Self::Decline(bundle)
            | Self::PanelSeal(bundle, _)
            | Self::PanelOpen(bundle, _) => Some(bundle.job),
            Self::Admit | Self::Bond | Self::Offer(_) | Self::Withdraw(_) | Self::Submit(_) => None,
        }
    }
}

#[derive(Debug)]
struct Wish {
    token: ProposalToken,
    what: &'static str,
    tries: u32,
    /// When to ask again; `None` when it has been agreed or given up.
    again_at: Option<Moment>,
    /// Whether the next try is a new proposal, because the last was refused.
    renew: bool,
    refusal: Option<String>,
}

/// What became of an aim, for the room that has it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Agreed,
    Later,
    Never(Trouble),
}

#[derive(Debug, Default)]
pub(crate) struct Desk {
    wishes: BTreeMap<Aim, Wish>,
    next: u64,
}

impl Desk {
    /// Asks for `aim` unless that was done lately, was refused for good, or is to wait. Returns
    /// whether the aim is given up with this call.
    pub(crate) fn want(
        &mut self,
        aim: Aim,
        now: Moment,
        out: &mut Outbox,
        body: impl FnOnce() -> Option<Body>,
    ) -> bool {
        if let Some(wish) = self.wishes.get_mut(&aim) {
            if wish.again_at.is_none_or(|at| at > now) {
                return false;
            }
            if wish.tries >= TRIES_MAX {
                wish.again_at = None;
                out.report(Report::ProposalGivenUp { what: wish.what });
                return true;
            }
        } else if self.wishes.len() >= WISHES_MAX {
            return false;
        }
        let Some(body) = body() else { return false };
        let fresh = ProposalToken(self.next);
        let wish = self.wishes.entry(aim).or_insert_with(|| Wish {
            token: fresh,
            what: body.name(),
            tries: 0,
            again_at: None,
            renew: true,
            refusal: None,
        });
        if wish.renew {
            wish.token = fresh;
            self.next += 1;
        }
        wish.renew = false;
        wish.again_at = Some(now.after(backoff(LOST_AFTER, wish.tries)));
        wish.tries += 1;
        out.push(Effect::Propose {
            token: wish.token,
            body,
        });
        false
    }

    /// The aim is reached or pointless.
    pub(crate) fn forget(&mut self, aim: Aim) {
        self.wishes.remove(&aim);
    }

    /// A job has ended: nothing is wanted of it any more.
    pub(crate) fn forget_job(&mut self, job: JobId) {
        self.wishes.retain(|aim, _| aim.job() != Some(job));
    }

    /// What became of a proposal; `None` if nobody waits for it.
    pub(crate) fn answered(
        &mut self,
        token: ProposalToken,
        fate: Fate,
        now: Moment,
        out: &mut Outbox,
    ) -> Option<(Aim, Turn)> {
        let (aim, wish) = self
            .wishes
            .iter_mut()
            .find(|(_, wish)| wish.token == token)?;
        let turn = match fate {
            Fate::Agreed => {
                wish.again_at = None;
                Turn::Agreed
            }
            Fate::Refused { trouble, may_retry } => {
                let again = may_retry && wish.tries < TRIES_MAX;
                out.report(Report::ProposalRefused {
                    what: wish.what,
                    why: trouble.why.clone(),
                    again,
                });
                wish.renew = true;
                wish.refusal = Some(trouble.why.clone());
                let wait = backoff(REFUSED_AFTER, wish.tries.saturating_sub(1));
                wish.again_at = again.then(|| now.after(wait));
                if again {
                    Turn::Later
                } else {
                    Turn::Never(trouble)
                }
            }
        };
        Some((*aim, turn))
    }

    /// A proposal was not even sent.
    pub(crate) fn busy(&mut self, token: ProposalToken, now: Moment) {
        if let Some(wish) = self.wishes.values_mut().find(|wish| wish.token == token) {
            wish.tries = wish.tries.saturating_sub(1);
            wish.again_at = Some(now.after(REFUSED_AFTER));
        }
    }

    /// Why the ledger last refused this aim.
    pub(crate) fn refusal(&self, aim: &Aim) -> Option<&str> {
        self.wishes.get(aim)?.refusal.as_deref()
    }

    /// When a wish is to be asked again.
    pub(crate) fn wake_at(&self) -> Option<Moment> {
        self.wishes.values().filter_map(|wish| wish.again_at).min()
    }

    /// After every room has said what it wants: forgets what nobody asked for when its time came.
    pub(crate) fn sweep(&mut self, now: Moment) {
        self.wishes
            .retain(|_, wish| wish.again_at.is_none_or(|at| at > now));
    }
}

/// `first`, doubled `times` times, but never more than [`WAIT_MAX`].
pub(crate) fn backoff(first: Millis, times: u32) -> Millis {
    let factor = 1_u64 << times.min(20);
    first
        .times(factor)
        .map_or(WAIT_MAX, |wait| wait.min(WAIT_MAX))
}
