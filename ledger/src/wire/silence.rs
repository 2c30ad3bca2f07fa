//! Which members are silent, so that their turns to lead do not cost a whole view time each.
//!
//! ```text
//! spoken to us ──▶ heard      its turn ends by its proposal, or when the view's time is up
//!   │    ▲
//!   │    └── one frame, any frame
//!   └──▶ silent               led a whole view that we gave up, and said not one word in it:
//!                             we vote to leave its next views after a moment
//! ```
//!
//! To leave a view early is always safe: a certificate of timeouts moves members on and decides
//! nothing. What may be voted for is bound by the lock and by the last view voted in, which both
//! stay as they are, and a proposal that comes after our vote to leave is still voted for. It
//! needs a quorum of such votes to end a view, and each is cast on its sender's own observation
//! alone, so no member can talk others into leaving an honest leader's view.

use super::{Lane, Post, count};
use crate::engine::MemberKey;
use borsh_engine::{BorshDeserialize, BorshSerialize};
use ed25519_dalek::Signer;
use hotstuff_rs::block_tree::pluggables::KVGet;
use hotstuff_rs::networking::messages::Message;
use hotstuff_rs::pacemaker::messages::{PacemakerMessage, TimeoutVote};
use hotstuff_rs::types::data_types::{ChainID, SignatureBytes, ViewNumber};
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How much of the view time a silent leader is given. Enough for its first word to arrive, if it
/// has just come back; and votes to leave stay fewer than a member may send.
const SILENT_LEADER_PERCENT: u32 = 15;

#[derive(Default)]
struct State {
    view: u64,
    entered: Option<Instant>,
    /// Who spoke in this view. Only members get in here, so it is as short as their list.
    heard: BTreeSet<MemberKey>,
    silent: BTreeSet<MemberKey>,
    /// The last view that was given up early.
    left: Option<u64>,
}

/// What one member knows of the others' silence.
#[derive(Default)]
pub(super) struct Silence(Mutex<State>);

impl Silence {
    /// A frame came from this member, whatever is in it.
    pub(super) fn heard(&self, member: MemberKey) {
        let mut state = self.lock();
        if state.heard.insert(member) {
            state.silent.remove(&member);
        }
    }

    /// We are in this view from now on.
    pub(super) fn entered(&self, view: u64, now: Instant) {
        let mut state = self.lock();
        (state.view, state.entered) = (view, Some(now));
        state.heard.clear();
    }

    /// The whole time of this view is over, and `leader` has not ended it.
    fn expired(&self, leader: MemberKey) {
        let mut state = self.lock();
        if !state.heard.contains(&leader) {
            state.silent.insert(leader);
        }
    }

    /// The view to vote out of now if its leader is silent, once for each view; else how long to
    /// wait before asking again, if at all.
    fn due(
        &self,
        view_time: Duration,
        now: Instant,
        leader: impl FnOnce(u64) -> Option<MemberKey>,
    ) -> Due {
        let mut state = self.lock();
        let Some(entered) = state.entered.filter(|_| !state.silent.is_empty()) else {
            return Due::Never;
        };
        let view = state.view;
        let is_silent = leader(view).is_some_and(|leader| state.silent.contains(&leader));
        if state.left == Some(view) || !is_silent {
            return Due::Never;
        }
        let patience = view_time * SILENT_LEADER_PERCENT / 100;
        let left = patience.saturating_sub(now.saturating_duration_since(entered));
        if !left.is_zero() {
            return Due::In(left);
        }
        state.left = Some(view);
        Due::Now(view)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Post {
    /// Votes to leave the view if its leader is known to be silent; else says how long to wait
    /// before looking again, if at all.
    pub(super) fn leave_silence(&self) -> Option<Duration> {
        let (view_time, now) = (self.kit.view_time, Instant::now());
        match self.silence.due(view_time, now, |view| self.leader(view)) {
            Due::Never => None,
            Due::In(left) => Some(left),
            Due::Now(view) => {
                count(&self.kit.counts.left_early);
                self.tell_all(None, Lane::Votes, self.timeout_vote(view));
                None
            }
        }
    }

    /// The view's time is over, and the engine votes to leave it.
    pub(super) fn expired(&self, view: u64) {
        if let Some(leader) = self.leader(view).filter(|leader| *leader != self.me) {
            self.silence.expired(leader);
        }
    }

    fn leader(&self, view: u64) -> Option<MemberKey> {
        self.kit.disk.electorate()?.now.leader(view)
    }

    /// Our vote to leave `view`, as the engine itself would cast it.
    fn timeout_vote(&self, view: u64) -> Message {
        let signed = (ChainID::new(self.kit.chain), ViewNumber::new(view));
        let (chain_id, view) = signed;
        let signed = signed.try_to_vec().expect("a Vec takes all bytes");
        let signature = self.kit.key.sign(&signed).to_bytes();
        let signature = SignatureBytes::try_from_slice(&signature);
        Message::from(PacemakerMessage::TimeoutVote(TimeoutVote {
            chain_id,
            view,
            signature: signature.expect("a signature has 64 bytes"),
            highest_tc: self.kit.disk.highest_tc().ok().flatten(),
        }))
    }
}

/// When to vote to leave the view we are in, as far as silence goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// Its leader speaks, or this view was voted out of.
    Never,
    /// After so long.
    In(Duration),
    /// Now, out of this view.
    Now(u64),
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: Duration = Duration::from_secs(1);

    fn member(number: u64) -> MemberKey {
        MemberKey::new([u8::try_from(number).unwrap(); 32])
    }

    fn leader(view: u64) -> Option<MemberKey> {
        Some(member(view % 4))
    }

    fn ask(silence: &Silence, now: Instant) -> Due {
        silence.due(VIEW, now, leader)
    }

    #[test]
    fn a_silent_leaders_next_turn_is_short_and_a_word_makes_it_whole_again() {
        let (silence, now) = (Silence::default(), Instant::now());
        silence.entered(3, now);
        silence.heard(member(2));
        assert_eq!(ask(&silence, now + VIEW), Due::Never, "not silent yet");
        silence.expired(member(3));
        silence.entered(4, now);
        assert_eq!(ask(&silence, now), Due::Never, "member 0 leads, and speaks");
        silence.entered(7, now);
        assert_eq!(ask(&silence, now), Due::In(VIEW * 15 / 100));
        let later = now + VIEW * 15 / 100;
        assert_eq!(ask(&silence, later), Due::Now(7));
        assert_eq!(ask(&silence, later), Due::Never, "once for each view");
        silence.entered(11, later);
        silence.heard(member(3));
        assert_eq!(ask(&silence, later + VIEW), Due::Never, "it spoke");
    }

    #[test]
    fn a_leader_that_speaks_but_does_not_lead_is_given_its_whole_view() {
        let (silence, now) = (Silence::default(), Instant::now());
        for view in [3, 7, 11] {
            silence.entered(view, now);
            silence.heard(member(3));
            silence.expired(member(3));
            assert_eq!(ask(&silence, now + VIEW), Due::Never);
        }
    }
}
