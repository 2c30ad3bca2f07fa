//! Members that were seen to vote twice, until that is shown on the ledger.
//!
//! ```text
//! two votes ──note──▶ waits for its turn ──due──▶ an entry that shows them, previewed first
//! ```
//!
//! Every member sees the same, and one proof is enough: each has a turn of its own, and whoever
//! finds at its turn that others were sooner pays for no entry.

use std::collections::BTreeMap;

use protocol::entry::TwoVotes;
use protocol::ids::PublicKey;
use protocol::units::{Millis, Moment};

/// So many keys are remembered; more are not heard of, until the oldest are forgotten.
pub const KEYS_MAX: usize = 128;
/// The turns of two members lie so far apart.
pub const TURN: Millis = Millis::new(2_000);
/// Of a key that was shown nothing is shown again for so long; then the rules are asked anew.
pub const AGAIN_AFTER: Millis = Millis::new(60_000);

/// What is known of one key.
#[derive(Clone, Copy, Debug)]
struct Seen {
    votes: TwoVotes,
    due: Moment,
    /// Whether its turn has come.
    shown: bool,
}

/// What a member saw, and when it shows it.
#[derive(Debug, Default)]
pub struct Witness(BTreeMap<PublicKey, Seen>);

impl Witness {
    /// Two votes were seen; `turn` is this member's place among all. Of each key the newest wait.
    pub fn note(&mut self, now: Moment, turn: u64, votes: TwoVotes) {
        self.forget(now);
        if let Some(seen) = self.0.get_mut(&votes.key) {
            if !seen.shown {
                seen.votes = votes;
            }
        } else if self.0.len() < KEYS_MAX {
            let due = now.after(Millis::new(TURN.get().saturating_mul(turn)));
            let shown = false;
            self.0.insert(votes.key, Seen { votes, due, shown });
        }
    }

    /// What is to be shown now, each once.
    pub fn due(&mut self, now: Moment) -> Vec<TwoVotes> {
        let waits = self.0.values_mut().filter(|seen| !seen.shown);
        waits
            .filter(|seen| seen.due <= now)
            .map(|seen| {
                seen.shown = true;
                seen.votes
            })
            .collect()
    }

    fn forget(&mut self, now: Moment) {
        self.0
            .retain(|_, seen| !seen.shown || seen.due.after(AGAIN_AFTER) > now);
    }
}

#[cfg(test)]
mod tests {
    use protocol::entry::Vote;
    use protocol::ids::Digest;

    use super::*;

    fn votes(key: u8, view: u64) -> TwoVotes {
        let vote = |block| Vote {
            block: Digest::new([block; 32]),
            signature: [0; 64],
        };
        TwoVotes {
            key: PublicKey::new([key; 32]),
            view,
            phase: 0,
            first: vote(1),
            second: vote(2),
        }
    }

    #[test]
    fn each_key_is_shown_once_in_turn_and_later_again() {
        let (mut witness, start) = (Witness::default(), Moment::new(1_000));
        witness.note(start, 2, votes(1, 7));
        witness.note(start, 2, votes(1, 8));
        witness.note(start, 2, votes(2, 8));
        assert_eq!(witness.due(start), []);
        let turn = start.after(TURN).after(TURN);
        assert_eq!(witness.due(turn), [votes(1, 8), votes(2, 8)]);
        witness.note(turn, 2, votes(1, 9));
        assert_eq!(witness.due(turn.after(TURN).after(TURN)), []);
        let again = turn.after(AGAIN_AFTER);
        witness.note(again, 0, votes(1, 10));
        assert_eq!(witness.due(again), [votes(1, 10)]);
    }

    #[test]
    fn only_so_many_keys_are_remembered() {
        let (mut witness, start) = (Witness::default(), Moment::new(1_000));
        for key in 0..=u8::try_from(KEYS_MAX).unwrap() {
            witness.note(start, 0, votes(key, 1));
        }
        assert_eq!(witness.due(start).len(), KEYS_MAX);
    }
}
