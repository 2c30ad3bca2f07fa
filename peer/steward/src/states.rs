//! What a peer owes whoever judges a step task of it: the state after a step that it claims.
//!
//! ```text
//! asked ──errand done──▶ state kept as a blob ──▶ every judge that asked is told
//!   └── cannot be run ──▶ they are told that there is none
//! ```
//!
//! It need not tell: a judge that hears nothing asks another claimant, or runs the task whole. But
//! the sooner a peer is judged, the sooner it is paid.

use std::collections::{BTreeMap, BTreeSet};

use protocol::event::Event;
use protocol::ids::{BundleId, PeerId};
use protocol::job::Blob;
use protocol::message::{Message, StateOf};

use crate::effect::{RunToken, Why};
use crate::errand::{Errand, Said, Stage};
use crate::hand::Hand;
use crate::known::KnownJobs;

/// States of so many disputed bundles are given at a time.
pub const STATES_BUNDLES_MAX: usize = 256;
/// So many states of one bundle are given; its judges need one for each two claims of a task.
pub const STATES_PER_BUNDLE_MAX: usize = 64;
/// So many judges may wait for one state.
pub const STATE_ASKERS_MAX: usize = 128;

#[derive(Debug)]
enum Giving {
    /// It is run until then.
    Running(Box<Errand>),
    /// It is at home, or cannot be had.
    Known(Option<Blob>),
}

#[derive(Debug)]
struct State {
    askers: BTreeSet<PeerId>,
    giving: Giving,
}

/// A disputed bundle of ours.
#[derive(Debug, Default)]
struct Open {
    /// The disputed tasks' numbers.
    tasks: Vec<u32>,
    states: BTreeMap<StateOf, State>,
}

#[derive(Debug, Default)]
pub(crate) struct States {
    open: BTreeMap<BundleId, Open>,
}

impl States {
    /// Learns what the ledger says.
    pub(crate) fn apply(&mut self, event: &Event, known: &KnownJobs, hand: &mut Hand<'_>) {
        match event {
            Event::PanelCalled {
                bundle,
                tasks,
                round: 1,
                ..
            } if self.open.len() < STATES_BUNDLES_MAX => {
                let Some(terms) = known.terms(&bundle.job) else {
                    return;
                };
                let first = terms.tasks_of(bundle.index).start;
                let claims = tasks.iter().flat_map(|task| &task.claims);
                let ours = claims.filter(|(peer, _)| *peer == hand.me.peer);
                let tasks: Vec<u32> = ours.map(|(_, proof)| first + proof.place).collect();
                if !tasks.is_empty() {
                    let states = BTreeMap::new();
                    self.open.insert(*bundle, Open { tasks, states });
                }
            }
            Event::PanelCalled { bundle, .. }
            | Event::Verdict { bundle, .. }
            | Event::BundleEnded { bundle, .. } => self.over(*bundle, hand),
            _ => {}
        }
    }

    fn over(&mut self, bundle: BundleId, hand: &mut Hand<'_>) {
        let over = self.open.remove(&bundle);
        for state in over.into_iter().flat_map(|open| open.states.into_values()) {
            if let Giving::Running(mut errand) = state.giving {
                errand.stop("the panel is over", hand.crew, hand.out);
            }
        }
    }

    /// A judge asks for a state. What is no disputed task of ours is not answered.
    pub(crate) fn asked(&mut self, from: PeerId, of: StateOf, known: &KnownJobs, us: PeerId) {
        let Some(open) = self.open.get_mut(&of.bundle) else {
            return;
        };
        let Some(terms) = known.terms(&of.bundle.job) else {
            return;
        };
        let full = open.states.len() >= STATES_PER_BUNDLE_MAX;
        if !open.tasks.contains(&of.task) || (full && !open.states.contains_key(&of)) {
            return;
        }
        let state = open.states.entry(of).or_insert_with(|| {
            let (why, from) = (Why::State(of.steps), known.sources(of.bundle, us));
            let errand = Errand::new(of.bundle, why, terms.clone(), vec![of.task], from);
            State {
                askers: BTreeSet::new(),
                giving: Giving::Running(Box::new(errand)),
            }
        });
        if state.askers.len() < STATE_ASKERS_MAX {
            state.askers.insert(from);
        }
    }

    /// Takes the states that are asked for, and tells who asked.
    pub(crate) fn act(&mut self, hand: &mut Hand<'_>) {
        let states = self.open.values_mut().flat_map(|open| &mut open.states);
        for (of, State { askers, giving }) in states {
            if let Giving::Running(errand) = giving {
                errand.step(hand);
                let known = match (&errand.stage, errand.said) {
                    (Stage::Done, Some(Said::State(state))) => Some(state),
                    (Stage::Done | Stage::Failed(_), _) => None,
                    (Stage::Fetching | Stage::Queued | Stage::Running(_), _) => continue,
                };
                *giving = Giving::Known(known);
            }
            if let Giving::Known(state) = giving {
                for asker in std::mem::take(askers) {
                    let (of, state) = (*of, *state);
                    hand.send(asker, Message::State { of, state });
                }
            }
        }
    }

    pub(crate) fn errand(&mut self, token: RunToken) -> Option<&mut Errand> {
        let states = self.open.values_mut().flat_map(|open| &mut open.states);
        let mut errands = states.filter_map(|(_, state)| match &mut state.giving {
            Giving::Running(errand) => Some(&mut **errand),
            Giving::Known(_) => None,
        });
        errands.find(|errand| errand.runs_under(token))
    }
}
