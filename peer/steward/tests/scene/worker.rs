//! A peer that works, and what the ledger says of it.

use super::*;

/// A peer that works, with two places; p5 submits.
pub fn worker() -> Identity {
    Identity {
        slots: 2,
        classes: vec![Class::Grid],
        ..identity(1)
    }
}

pub fn on_offer() -> Event {
    let (peer, class, per_gfuel) = (peer(1), Class::Grid, Credits::new(5));
    Event::OfferPublished {
        peer,
        class,
        slots: 2,
        per_gfuel,
    }
}

/// Works for p5 and drawn for bundle 0 with p2, whose job and module are at home: it runs.
pub fn running(mut scene: Scene) -> Scene {
    scene.agree("drawn", vec![drawn(0, &[2, 1])], &["fetch job from p5+p2"]);
    scene.step("the job is here", job_fetched(4), &["fetch from p5+p2"]);
    scene.step("the module is here", module_fetched(), &["run 0 [0, 1]"]);
    scene
}

/// On offer, and p5 has submitted.
pub fn offering(me: Identity) -> Scene {
    let mut scene = Scene::of(me);
    scene.agree("it is on offer", vec![on_offer()], &[]);
    scene.agree("p5 submits", vec![submitted(4, 5, Digest::of(b"end"))], &[]);
    scene
}
