//! Canaries: which, when, and what they may be used for.

use protocol::units::Bps;

use crate::Refused;
use crate::canary_scene::*;
use crate::job_scene::*;
use crate::scene::*;

pub(crate) fn tell(no: &mut Refused) {
    let mut scene = Scene::new().ready(cr(1_000), cr(1));
    let known = [canary(1, '7')];
    let (job, _) = scene.with_canary('7', "77");
    no.with(164, scene.open_canaries(R, job, &[canary(1, '9')]));
    scene.open_canaries(R, job, &known).unwrap();
    no.with(163, scene.open_canaries(R, job, &known));

    // A job of two tasks has one canary at most, and no third task.
    for (canaries, number) in [
        (vec![canary(0, '0'), canary(1, '7')], 165),
        (vec![canary(2, '7')], 166),
    ] {
        let mut scene = Scene::new().ready(cr(1_000), cr(1));
        let job = scene.compared(with_canaries(terms(2, 2, 2), &canaries), "77");
        no.with(number, scene.open_canaries(R, job, &canaries));
    }
    let mut scene = Scene::with(|params| params.canary = Bps::ZERO).ready(cr(1_000), cr(1));
    no.with(165, scene.submit(with_canaries(terms(2, 2, 2), &known)));

    // A deposit that is worth less than one panel.
    let mut scene = Scene::with(|params| {
        params.panel_deposit = 1;
        params.canary = Bps::new(1_000);
    });
    scene = scene.ready(cr(1_000), cr(1));
    let known = [canary(0, '9'), canary(1, '9')];
    let job = scene.compared(with_canaries(terms(12, 12, 2), &known), "77");
    scene.open_canaries(R, job, &known).unwrap();
    no.with(167, scene.contest_first(R, job, 2));
}
