//! Jobs in a test: who was drawn, what they seal and open, what panels find. An outcome is a
//! letter.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each file of tests uses a part of the scene, and fails where it is not as it says"
)]

use std::collections::BTreeMap;

use protocol::entry::{Body, DisputedTask, Opening, PanelAnswer, PeerSeal, Seal, chain};
use protocol::event::Event;
use protocol::ids::{BundleId, Digest, JobId, PartyId, PeerId};
use protocol::job::{Care, Class, Judge, Terms};
use protocol::outcome::{Outcome, Root, prove, root};
use protocol::signed::Signed;
use protocol::units::{Fuel, GFUEL, Millis};
use rules::work::{Bundle, State};
use rules::{Refusal, read};

use super::{R, Scene, WORKERS, Who, cr, key, member, worker};

/// The secret that opens the researcher's chain.
pub(crate) fn secret() -> Digest {
    Digest::of(b"s0")
}

/// Terms of `tasks` tasks in bundles of `per_bundle`, `copies` copies, at 1 credit a task.
pub(crate) fn terms(tasks: u32, per_bundle: u32, copies: u8) -> Terms {
    Terms {
        job: Digest::of(b"job"),
        module: Digest::of(b"module"),
        peer: super::node(R.0),
        class: Class::Grid,
        tasks,
        tasks_per_bundle: per_bundle,
        copies,
        task_fuel_max: GFUEL,
        per_gfuel: cr(1),
        seal_window: Millis::new(60_000),
        judge: Judge::Panel,
        care: Care::default(),
    }
}

/// The outcome that a letter stands for; all cost half a Gfuel. `+` is that of 7, with one operator
/// more on the bill.
pub(crate) fn outcome(letter: char) -> Outcome {
    let (letter, more) = match letter {
        '+' => ('7', 1),
        letter => (letter, 0),
    };
    Outcome {
        digest: Digest::of(&[letter as u8]),
        fuel: Fuel::new(GFUEL.get() / 2 + more),
    }
}

/// A bundle's outcomes: all tasks but the last are as everyone has them.
pub(crate) fn outcomes(tasks: u32, letter: char) -> Vec<Outcome> {
    let mut all = vec![outcome('0'); tasks as usize];
    *all.last_mut().unwrap() = outcome(letter);
    all
}

pub(crate) fn root_of(tasks: u32, letter: char) -> Root {
    root(&outcomes(tasks, letter)).unwrap()
}

/// The key of a worker's node.
fn node_key(peer: PeerId) -> ed25519_dalek::SigningKey {
    let n = (0..WORKERS).find(|n| worker(*n) == peer).unwrap();
    key(51 + n)
}

pub(crate) fn salt(peer: PeerId) -> Digest {
    Digest::of(peer.bytes())
}

/// What a drawn peer opens when its outcome is `letter`.
pub(crate) fn opening(bundle: u32, tasks: u32, peer: PeerId, letter: char) -> Opening {
    Opening {
        bundle,
        peer,
        root: root_of(tasks, letter),
        salt: salt(peer),
    }
}

impl Scene {
    pub(crate) fn submit(&mut self, terms: Terms) -> Result<JobId, Refusal> {
        let chain = chain(&chain(&secret()));
        let entry = self.sign(
            R,
            Body::Submit {
                terms,
                chain,
                purse: None,
            },
        );
        let job = JobId::new(*entry.entry_id().bytes());
        self.block(10, vec![entry]).remove(0).map(|()| job)
    }

    pub(crate) fn start(&mut self, job: JobId) -> Result<(), Refusal> {
        let from = read::job(&self.rows, job).unwrap().start_from;
        while self.at.height.after(1) < from {
            self.block(10, vec![]);
        }
        let link = chain(&secret());
        self.enter(R, Body::Start { job, link })
    }

    /// A job submitted and drawn.
    pub(crate) fn drawn(&mut self, terms: Terms) -> JobId {
        let job = self.submit(terms).unwrap();
        self.start(job).unwrap();
        job
    }

    pub(crate) fn bundle(&self, job: JobId, index: u32) -> Bundle {
        read::bundle(&self.rows, BundleId { job, index }).unwrap()
    }

    pub(crate) fn state(&self, job: JobId) -> State {
        self.bundle(job, 0).state
    }

    pub(crate) fn tasks(&self, job: JobId, index: u32) -> u32 {
        let tasks = read::job(&self.rows, job).unwrap().terms.tasks_of(index);
        tasks.end - tasks.start
    }

    pub(crate) fn peers(&self, job: JobId, index: u32) -> Vec<PeerId> {
        let runs = self.bundle(job, index).runs;
        runs.into_iter().map(|run| run.peer).collect()
    }

    pub(crate) fn seal_of(&self, job: JobId, index: u32, peer: PeerId, letter: char) -> PeerSeal {
        let hash = opening(index, self.tasks(job, index), peer, letter).seal(&job);
        let seal = Seal {
            federation: self.genesis.id(),
            bundle: BundleId { job, index },
            peer,
            hash,
        };
        PeerSeal {
            bundle: index,
            peer,
            hash,
            signature: Signed::sign(seal, &node_key(peer)).signature(),
        }
    }

    pub(crate) fn seal(&mut self, job: JobId, peer: PeerId, letter: char) -> Result<(), Refusal> {
        let seals = vec![self.seal_of(job, 0, peer, letter)];
        self.enter(R, Body::SealBatch { job, seals })
    }

    /// Closes in a block after which nothing is audited.
    pub(crate) fn close(&mut self, job: JobId) -> Result<(), Refusal> {
        self.close_when(job, |rows| read::audit(rows, job).is_none())
    }

    /// Closes in the first block of many after which the rows are `as_wished`.
    pub(crate) fn close_when(
        &mut self,
        job: JobId,
        as_wished: impl Fn(&BTreeMap<Vec<u8>, Vec<u8>>) -> bool,
    ) -> Result<(), Refusal> {
        // Whatever is audited follows from the hash of the block in which the last peer sealed.
        let sealed = read::job(&self.rows, job).map(|row| row.sealed);
        let entry = self.sign(
            R,
            Body::Close {
                job,
                secret: secret(),
            },
        );
        if sealed != Some(self.at.height) {
            return self.block(10, vec![entry]).remove(0);
        }
        let later = (10..5_000).find(|later| as_wished(&self.tried(*later, &entry)));
        let later = later.expect("one of so many draws is as wished");
        self.block(later, vec![entry]).remove(0)
    }

    pub(crate) fn open(&mut self, job: JobId, peer: PeerId, letter: char) -> Result<(), Refusal> {
        let openings = vec![opening(0, self.tasks(job, 0), peer, letter)];
        self.enter(R, Body::OpenBatch { job, openings })
    }

    /// What the opened peers claim at the last task, each with its letter.
    pub(crate) fn difference(&self, job: JobId, letters: &[(PeerId, char)]) -> Vec<DisputedTask> {
        let tasks = self.tasks(job, 0);
        let claim = |(peer, letter): &(PeerId, char)| {
            (*peer, prove(&outcomes(tasks, *letter), tasks - 1).unwrap())
        };
        let claims = letters.iter().map(claim).collect();
        vec![DisputedTask { claims }]
    }

    pub(crate) fn dispute(
        &mut self,
        by: Who,
        job: JobId,
        letters: &[(PeerId, char)],
    ) -> Result<(), Refusal> {
        let tasks = self.difference(job, letters);
        let bundle = BundleId { job, index: 0 };
        self.enter(by, Body::Dispute { bundle, tasks })
    }

    /// The members called last.
    pub(crate) fn panel(&self) -> Vec<PartyId> {
        let mut calls = self.events.iter().rev();
        calls
            .find_map(|event| match event {
                Event::PanelCalled { panel, .. } => Some(panel.clone()),
                _ => None,
            })
            .unwrap()
    }

    /// The member of a party.
    pub(crate) fn juror(&self, party: PartyId) -> Who {
        (0..4).map(member).find(|who| who.party() == party).unwrap()
    }

    pub(crate) fn panel_seal(&mut self, who: Who, job: JobId, letter: char) -> Result<(), Refusal> {
        let bundle = BundleId { job, index: 0 };
        let seal = answer(letter).seal(&bundle, &who.party());
        self.enter(who, Body::PanelSeal { bundle, seal })
    }

    pub(crate) fn panel_open(&mut self, who: Who, job: JobId, letter: char) -> Result<(), Refusal> {
        let bundle = BundleId { job, index: 0 };
        let answer = answer(letter);
        self.enter(who, Body::PanelOpen { bundle, answer })
    }

    /// A panel judges: one letter per juror, `-` for one that is silent, `?` for one that seals and
    /// does not open, `!` for one whose machine breaks.
    pub(crate) fn judge(&mut self, job: JobId, letters: &str) {
        let jurors: Vec<(Who, char)> = self
            .panel()
            .into_iter()
            .map(|party| self.juror(party))
            .zip(letters.chars())
            .collect();
        for (who, letter) in jurors.iter().filter(|(_, letter)| *letter != '-') {
            self.panel_seal(*who, job, *letter).unwrap();
        }
        let window = self.genesis.params.panel_window;
        if letters.contains('-') {
            self.wait(window);
        }
        if !matches!(self.state(job), State::PanelOpening(_)) {
            return;
        }
        for (who, letter) in jurors.iter().filter(|(_, letter)| !"-?".contains(*letter)) {
            self.panel_open(*who, job, *letter).unwrap();
        }
        if letters.contains('?') {
            self.wait(window);
        }
    }
}

/// What a juror found at the one disputed task.
pub(crate) fn answer(letter: char) -> PanelAnswer {
    PanelAnswer {
        outcomes: vec![(letter != '!').then(|| outcome(letter))],
        salt: Digest::of(b"juror"),
    }
}
