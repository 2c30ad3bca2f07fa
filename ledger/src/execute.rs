//! One block, executed: the rules applied, the root computed, the heading made or compared.
//!
//! Everybody who meets a block comes through here: the leader that makes it, the members that
//! judge it, the peers that follow, and whoever replays the ledger years later. They all compare
//! the whole heading, so no two of them can go on with different states.

use crate::commitment::{self, Growth, Nodes};
use crate::engine::{BlockHash, Change, MemberKey, Members};
use crate::feed::{Answer, Refused, Results, results_key};
use crate::header::{Datum, Heading, entries_root, entry_name};
use crate::known::{Checker, Known, NotAnEntry};
use protocol::bytes::{self, Malformed};
use protocol::event::{CouncilEvent, Event};
use protocol::ids::{Digest, EntryId};
use protocol::units::{Height, Moment};
use rules::{Applied, At, Refusal, View};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A block changes so many rows at most.
pub const TOUCHED_ROWS_MAX: usize = 65_536;

/// Rows that are set, or removed where `None`.
pub(crate) type Updates = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Where a block stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) height: Height,
    pub(crate) parent: BlockHash,
}

/// What a block does.
#[derive(Debug)]
pub(crate) struct Executed {
    pub(crate) heading: Heading,
    /// All rows it changes, ours included.
    pub(crate) updates: Updates,
    pub(crate) growth: Growth,
    pub(crate) entries: Vec<Arc<Known>>,
    pub(crate) has_events: bool,
    /// How it changes the members, if it does.
    pub(crate) members: Option<Change>,
}

/// What is wrong with a block.
#[derive(Debug, thiserror::Error)]
pub enum Wrong {
    /// Its datum does not decode.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The engine's hash covers another heading.
    #[error("its data hash is not that of its heading")]
    DataHash,
    /// It says it stands elsewhere.
    #[error("its heading says it is block {said} on {parent}, and it is not")]
    Place {
        /// The height it says.
        said: Height,
        /// The parent it says.
        parent: BlockHash,
    },
    /// Agreed time never runs backwards.
    #[error("its time is {said}, its parent's {parent}")]
    TimeRunsBack {
        /// The time it says.
        said: Moment,
        /// Its parent's time.
        parent: Moment,
    },
    /// A leader may not bend time.
    #[error("its time is {said}, and here it is {here}")]
    TimeBent {
        /// The time it says.
        said: Moment,
        /// This peer's clock.
        here: Moment,
    },
    /// Its entries are not those of its heading.
    #[error("its entries are not those its heading stands for")]
    Entries,
    /// One of them is none.
    #[error("entry {place} of it cannot be one: {cause}")]
    Entry {
        /// Its place in the block, from 0.
        place: usize,
        /// Why.
        #[source]
        cause: NotAnEntry,
    },
    /// A leader leaves out what would cost its sender nothing.
    #[error("entry {entry} does not belong into a block: {refusal}")]
    Worthless {
        /// The entry.
        entry: EntryId,
        /// What the rules say to it.
        refusal: Refusal,
    },
    /// It touches more rows than [`TOUCHED_ROWS_MAX`].
    #[error("it changes {found} rows, {TOUCHED_ROWS_MAX} are allowed")]
    TooManyRows {
        /// How many it changes.
        found: usize,
    },
    /// The rules answer its entries differently, or find other events.
    #[error("its entries were answered otherwise, or led to other events")]
    Results,
    /// The state after it has another root.
    #[error("after it the state has root {found}, and it says {said}")]
    State {
        /// The root it says.
        said: Digest,
        /// The root it has.
        found: Digest,
    },
}

/// Agreed time as the rows of `view` have it.
pub(crate) fn agreed_time(view: &dyn View) -> Moment {
    rules::read::last_block(view).map_or(Moment::default(), |(_, now)| now)
}

/// Applies the rules to these entries.
pub(crate) fn apply(
    below: &dyn View,
    place: Place,
    now: Moment,
    entries: &[Arc<Known>],
) -> Applied {
    let at = At {
        height: place.height,
        now,
        parent: Digest::new(*place.parent.bytes()),
    };
    let checked: Vec<_> = entries.iter().map(|known| known.entry.clone()).collect();
    let applied = rules::apply_block(below, &at, &checked);
    assert_eq!(
        applied.answers.len(),
        entries.len(),
        "the rules answer every entry"
    );
    applied
}

/// Adds to what the rules changed what the ledger keeps of a block, and makes its heading.
pub(crate) fn finish(
    below: &dyn View,
    nodes: &impl Nodes,
    place: Place,
    now: Moment,
    entries: Vec<Arc<Known>>,
    applied: Applied,
) -> Executed {
    let Applied {
        mut updates,
        answers,
        events,
    } = applied;
    let changes = updates
        .iter()
        .map(|(key, value)| (&key[..], value.as_deref()));
    let growth = commitment::grow(nodes, |key| below.read(key), changes);
    let answers = entries.iter().zip(&answers).map(|(known, answer)| {
        let refused = answer.as_ref().err().map(Refused::from);
        Answer {
            entry: known.id,
            refused,
        }
    });
    let results = Results {
        now,
        answers: answers.collect(),
        events,
    };
    let names: Vec<Digest> = entries.iter().map(|known| known.name).collect();
    let heading = Heading {
        height: place.height,
        now,
        parent: place.parent,
        entries: entries_root(&names),
        state: growth.root,
        results: results.digest(),
    };
    updates.extend(
        growth
            .rows
            .iter()
            .map(|(key, row)| (key.clone(), row.clone())),
    );
    updates.insert(results_key(place.height), Some(bytes::write(&results)));
    let has_events = !results.events.is_empty();
    let members = change_of_members(below, &updates, &results.events);
    Executed {
        heading,
        updates,
        growth,
        entries,
        has_events,
        members,
    }
}

/// The members as the rows of `view` have them: those who agree on the block above it.
///
/// # Panics
/// If nobody in the rows can vote, which neither genesis nor the council can bring about.
pub(crate) fn members(view: &dyn View) -> Members {
    let list = rules::read::members(view);
    let list = list.iter().map(|member| {
        let name = MemberKey::new(*member.consensus.bytes());
        (name, u64::from(member.power))
    });
    Members::able(list).expect("four of genesis can vote, and changes go by small steps")
}

/// How a block changes the members: by the rows before it and after it.
fn change_of_members(below: &dyn View, updates: &Updates, events: &[Event]) -> Option<Change> {
    let says = |event: &Event| matches!(event, Event::Council(CouncilEvent::MemberChanged { .. }));
    if !events.iter().any(says) {
        return None;
    }
    let above = Above { below, updates };
    Change::between(members(below), members(&above))
}

/// The rows after a block.
struct Above<'a> {
    below: &'a dyn View,
    updates: &'a Updates,
}

impl View for Above<'_> {
    fn read(&self, key: &[u8]) -> Option<Vec<u8>> {
        let changed = self.updates.get(key);
        changed.map_or_else(|| self.below.read(key), Clone::clone)
    }
}

/// Reads a datum that must stand at `place` and hash to `data_hash`, and checks its entries.
///
/// # Errors
/// [`Wrong`], the first thing that is.
pub(crate) fn open(
    datum: &[u8],
    data_hash: [u8; 32],
    place: Place,
    checker: &Checker,
) -> Result<(Heading, Vec<Arc<Known>>), Wrong> {
    let Datum { heading, entries } = Datum::read(datum)?;
    if heading.data_hash() != data_hash {
        return Err(Wrong::DataHash);
    }
    if (heading.height, heading.parent) != (place.height, place.parent) {
        return Err(Wrong::Place {
            said: heading.height,
            parent: heading.parent,
        });
    }
    let names: Vec<Digest> = entries.iter().map(|entry| entry_name(entry)).collect();
    if entries_root(&names) != heading.entries {
        return Err(Wrong::Entries);
    }
    let mut known = Vec::with_capacity(entries.len());
    for (place, (entry, name)) in entries.iter().zip(names).enumerate() {
        let entry = checker.check_named(name, entry);
        known.push(entry.map_err(|cause| Wrong::Entry { place, cause })?);
    }
    Ok((heading, known))
}

/// Executes an opened block and compares everything with its heading.
///
/// # Errors
/// [`Wrong`], the first difference.
pub(crate) fn judge(
    below: &dyn View,
    nodes: &impl Nodes,
    heading: &Heading,
    entries: Vec<Arc<Known>>,
) -> Result<Executed, Wrong> {
    let parent = agreed_time(below);
    if heading.now < parent {
        return Err(Wrong::TimeRunsBack {
            said: heading.now,
            parent,
        });
    }
    let place = Place {
        height: heading.height,
        parent: heading.parent,
    };
    let applied = apply(below, place, heading.now, &entries);
    if let Some((entry, refusal)) = first_worthless(&entries, &applied) {
        return Err(Wrong::Worthless { entry, refusal });
    }
    if applied.updates.len() > TOUCHED_ROWS_MAX {
        return Err(Wrong::TooManyRows {
            found: applied.updates.len(),
        });
    }
    let executed = finish(below, nodes, place, heading.now, entries, applied);
    if executed.heading.results != heading.results {
        return Err(Wrong::Results);
    }
    if executed.heading.state != heading.state {
        let (said, found) = (heading.state, executed.heading.state);
        return Err(Wrong::State { said, found });
    }
    assert_eq!(
        executed.heading, *heading,
        "every other part was compared before"
    );
    Ok(executed)
}

fn first_worthless(entries: &[Arc<Known>], applied: &Applied) -> Option<(EntryId, Refusal)> {
    entries
        .iter()
        .zip(&applied.answers)
        .find_map(|(known, answer)| match answer {
            Err(refusal) if refusal.left_no_trace() => Some((known.id, refusal.clone())),
            _ => None,
        })
}

#[cfg(test)]
pub(crate) mod tests;
