//! Scenes of a submitter: a job at the points of its life where stories begin.

use std::sync::Arc;

use protocol::entry::Body;
use protocol::event::Event;
use protocol::job::Class;
use protocol::units::{Credits, Moment};
use steward::{Choices, Input, Request, Ticket};

use super::*;

pub fn choices() -> Choices {
    Choices {
        class: Class::Grid,
        copies: 2,
        tasks_per_bundle: Some(2),
        per_gfuel: None,
        seal_window: None,
        budget: None,
        purse: None,
        canaries: 0,
    }
}

pub fn submit(tasks: u32) -> Input {
    let request = Request::Submit {
        digest: job_digest(tasks),
        job: Arc::new(job(tasks)),
        choices: choices(),
    };
    Input::Request {
        ticket: Ticket(7),
        request,
    }
}

pub fn offers(n: u8, per_gfuel: u64) -> Vec<Event> {
    let (peer, class, per_gfuel) = (peer(n), Class::Grid, Credits::new(per_gfuel));
    vec![
        Event::PeerAdmitted {
            peer,
            owner: party(n),
            sponsor: party(n),
        },
        Event::OfferPublished {
            peer,
            class,
            slots: 2,
            per_gfuel,
        },
    ]
}

/// A job of so many tasks, submitted and agreed; its end of the chain comes with the entry.
pub fn locked(tasks: u32) -> Scene {
    let mut scene = Scene::of(identity(1));
    scene.agree("peers offer", [offers(2, 10), offers(3, 12)].concat(), &[]);
    scene.step("a researcher submits", submit(tasks), &["propose submit"]);
    let [
        Body::Submit {
            terms: proposed,
            chain,
            ..
        },
    ] = &scene.proposed()[..]
    else {
        panic!("one submission")
    };
    assert_eq!(
        proposed.per_gfuel,
        Credits::new(12),
        "both sponsors' offers are within the price"
    );
    let end = *chain;
    let events = vec![submitted(tasks, 1, end)];
    scene.agree(
        "it is agreed, and the next block may draw",
        events,
        &["reply submitted", "tell submitted", "propose start"],
    );
    scene
}

/// The same job with its one bundle drawn for peers 2 and 3.
pub fn running() -> Scene {
    let mut scene = locked(2);
    scene.agree("drawn", vec![drawn(0, &[2, 3])], &["tell drawn 0 p2+p3"]);
    scene
}

pub fn honest(n: u8) -> Copy {
    copy_of(n, bundle(0), &[right(0), right(1)])
}

pub fn liar(n: u8) -> Copy {
    copy_of(n, bundle(0), &[right(0), wrong(1)])
}

/// ... and both copies here and sealed on the ledger.
pub fn sealed_by(two: &Copy, three: &Copy) -> Scene {
    let mut scene = running();
    scene.hear(
        "p2 delivers",
        2,
        two.message(bundle(0), &[0, 1]),
        &[
            "keep output 0",
            "tell output 0 provisional",
            "keep output 1",
            "tell output 1 provisional",
        ],
    );
    scene.hear(
        "p3 delivers, and all seals are in",
        3,
        three.message(bundle(0), &[]),
        &["propose seal-batch 0/p2 0/p3"],
    );
    scene.agree(
        "sealed",
        vec![sealed(0, 2), sealed(0, 3), all_sealed()],
        &["tell all sealed", "propose close"],
    );
    scene
}

impl Scene {
    /// Peer `n` says something, whatever that leads to.
    pub fn tell_heard(&mut self, n: u8, message: protocol::message::Message) {
        let from = super::peer(n);
        self.tell(Input::Heard { from, message });
    }

    /// A request that is refused, whatever the words.
    pub fn tell_refused(&mut self, input: Input) {
        self.steward.handle(Moment::new(self.now), input);
        let effects: Vec<_> = std::iter::from_fn(|| self.steward.next_effect()).collect();
        let refused = |effect: &steward::Effect| {
            matches!(
                effect,
                steward::Effect::Reply {
                    answer: steward::Answer::Refused { .. },
                    ..
                }
            )
        };
        assert!(
            effects.iter().all(refused) && effects.len() == 1,
            "{effects:?}"
        );
    }
}
