//! Runs that pass between two peers of one owner, with how far they came.
//!
//! ```text
//! ours:    handed to a sibling ··· it asks ──▶ states read from the disk ──▶ it is told
//! theirs:  a sibling's run is ours ──ask──▶ told ──fetched──▶ it goes on from there
//!               └── after some seconds, or where nothing is to be had ──▶ it begins anew
//! ```
//!
//! Nothing shows a peer that what its sibling did was right. It is convicted for it all the same,
//! so it asks nobody but whom its owner named.

use std::collections::BTreeMap;

use protocol::event::Event;
use protocol::ids::{BundleId, Digest, PeerId};
use protocol::job::Blob;
use protocol::message::Message;
use protocol::steps::STATE_BYTES_MAX;
use protocol::units::{Millis, Moment};

use crate::effect::{Effect, Size};
use crate::hand::Hand;
use crate::known::KnownJobs;
use crate::stock::Have;
use crate::work::run::fallback;

/// A sibling is asked again after this.
pub const ASK_KEPT_EVERY: Millis = Millis::new(2_000);
/// A sibling has so long to say how far it came; less where time is short.
pub const ASK_KEPT_FOR: Millis = Millis::new(20_000);
/// What it kept has so long to come; less where time is short.
pub const FETCH_KEPT_FOR: Millis = Millis::new(600_000);
/// So many bundles are handed over at a time, and taken over.
pub const HANDED_MAX: usize = 256;
/// A peer names so many siblings at most.
pub const SIBLINGS_MAX: usize = 16;

/// Numbers of tasks, each with where its roots and its last state lie.
pub(crate) type States = Vec<(u32, Blob)>;

/// A run that a sibling has from us.
#[derive(Debug)]
struct Ours {
    to: PeerId,
    job: Digest,
    tasks: Vec<u32>,
    /// Whether they are being read.
    asked: bool,
    states: Option<States>,
}

/// A run that we have from a sibling.
#[derive(Debug)]
struct Theirs {
    from: PeerId,
    seal_by: Moment,
    /// Then it begins anew.
    until: Moment,
    ask_at: Moment,
    states: Option<States>,
}

#[derive(Debug, Default)]
pub(crate) struct Handover {
    ours: BTreeMap<BundleId, Ours>,
    theirs: BTreeMap<BundleId, Theirs>,
}

impl Handover {
    /// Learns what the ledger says.
    pub(crate) fn apply(&mut self, event: &Event, known: &KnownJobs, hand: &Hand<'_>) {
        match event {
            Event::Replaced {
                bundle,
                out,
                next: Some(next),
                seal_by,
            } => self.replaced((*bundle, *seal_by), (*out, *next), known, hand),
            Event::BundleEnded { bundle, .. } => {
                self.ours.remove(bundle);
                self.theirs.remove(bundle);
            }
            _ => {}
        }
    }

    fn replaced(
        &mut self,
        (bundle, seal_by): (BundleId, Moment),
        (out, next): (PeerId, PeerId),
        known: &KnownJobs,
        hand: &Hand<'_>,
    ) {
        let (us, siblings) = (hand.me.peer, &hand.me.siblings);
        if out == us {
            self.theirs.remove(&bundle);
        }
        let Some(terms) = known.terms(&bundle.job) else {
            return;
        };
        if out == us && siblings.contains(&next) && self.ours.len() < HANDED_MAX {
            let ours = Ours {
                to: next,
                job: terms.job,
                tasks: terms.tasks_of(bundle.index).collect(),
                asked: false,
                states: None,
            };
            self.ours.insert(bundle, ours);
        }
        // What was ours before this life has states of its own, or is begun anew.
        if next == us && siblings.contains(&out) && self.theirs.len() < HANDED_MAX && hand.live {
            let theirs = Theirs {
                from: out,
                seal_by,
                until: fallback(hand.now, ASK_KEPT_FOR, seal_by),
                ask_at: hand.now,
                states: None,
            };
            self.theirs.insert(bundle, theirs);
        }
    }

    /// Somebody asks how far we came. Only who has the run from us is answered.
    pub(crate) fn asked(&mut self, from: PeerId, bundle: BundleId, hand: &mut Hand<'_>) {
        let Some(ours) = self.ours.get_mut(&bundle).filter(|ours| ours.to == from) else {
            return;
        };
        match &ours.states {
            Some(states) => {
                let states = states.clone();
                hand.send(from, Message::Kept { bundle, states });
            }
            None if !ours.asked => {
                ours.asked = true;
                hand.out.push(Effect::ReadKept {
                    bundle,
                    job: ours.job,
                    tasks: ours.tasks.clone(),
                });
            }
            None => {}
        }
    }

    /// The states that we kept of a run lie with the blobs now.
    pub(crate) fn read(&mut self, bundle: BundleId, states: States, hand: &mut Hand<'_>) {
        if let Some(ours) = self.ours.get_mut(&bundle) {
            ours.states = Some(states.clone());
            hand.send(ours.to, Message::Kept { bundle, states });
        }
    }

    /// A sibling says how far it came. What is no state of this run is let go. Returns whether we
    /// waited for that.
    pub(crate) fn told(
        &mut self,
        from: PeerId,
        bundle: BundleId,
        mut states: States,
        (known, now): (&KnownJobs, Moment),
    ) -> bool {
        let theirs = self.theirs.get_mut(&bundle);
        let theirs = theirs.filter(|theirs| theirs.from == from && theirs.states.is_none());
        let (Some(theirs), Some(terms)) = (theirs, known.terms(&bundle.job)) else {
            return false;
        };
        let tasks = terms.tasks_of(bundle.index);
        let is_its = |(task, state): &(u32, Blob)| {
            tasks.contains(task) && state.size.get() <= STATE_BYTES_MAX
        };
        states.retain(is_its);
        theirs.until = fallback(now, FETCH_KEPT_FOR, theirs.seal_by);
        theirs.states = Some(states);
        true
    }

    /// What a run goes on from: nothing, if it has no such past; `None` while that is on its way.
    pub(crate) fn states(&mut self, bundle: BundleId, hand: &mut Hand<'_>) -> Option<States> {
        let Some(theirs) = self.theirs.get_mut(&bundle) else {
            return Some(Vec::new());
        };
        let mut found = Vec::new();
        if theirs.until > hand.now {
            let Some(states) = &theirs.states else {
                if theirs.ask_at <= hand.now {
                    theirs.ask_at = hand.now.after(ASK_KEPT_EVERY);
                    hand.send(theirs.from, Message::AskKept { bundle });
                }
                return None;
            };
            let (from, mut coming) = ([theirs.from], false);
            for (task, state) in states {
                let size = Size::Exactly(state.size);
                match hand
                    .stock
                    .blob(state.digest, size, &from, hand.now, hand.out)
                {
                    Have::Home(()) => found.push((*task, *state)),
                    Have::Coming => coming = true,
                    Have::Lost(_) => {}
                }
            }
            if coming {
                return None;
            }
        }
        self.theirs.remove(&bundle);
        Some(found)
    }

    /// When a sibling is asked again, or not waited for any longer.
    pub(crate) fn wake_at(&self) -> Option<Moment> {
        let waits = self.theirs.values().map(|theirs| match theirs.states {
            None => theirs.ask_at.min(theirs.until),
            Some(_) => theirs.until,
        });
        waits.min()
    }
}
