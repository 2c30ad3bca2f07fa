//! Stories of a machine whose owner wants it back: nothing is taken, what has begun goes on.

mod scene;

use protocol::event::Event;
use protocol::ids::Digest;
use protocol::job::Class;
use protocol::units::{Fuel, Moment};
use scene::worker::{on_offer, worker};
use scene::*;
use steward::Input;
use steward::owner::Rest;

fn closed() -> Input {
    let why = "it runs on battery".to_owned();
    let at_once = true;
    Input::Owner(Some(Rest { why, at_once }))
}

fn withdrawn() -> Event {
    Event::OfferWithdrawn {
        peer: peer(1),
        class: Class::Grid,
    }
}

fn scene() -> Scene {
    let mut scene = Scene::of(worker());
    scene.agree("it is on offer", vec![on_offer()], &[]);
    scene.agree("p5 submits", vec![submitted(4, 5, Digest::of(b"end"))], &[]);
    scene
}

#[test]
fn its_offer_is_withdrawn_and_published_again() {
    let mut scene = scene();
    scene.step("closed", closed(), &["propose withdraw-offer"]);
    scene.step("still closed", closed(), &[]);
    scene.agree("withdrawn", vec![withdrawn()], &[]);
    scene.wait("a while", 100 * SECOND, &[]);
    scene.step("open", Input::Owner(None), &["propose publish-offer"]);
    scene.agree("on offer", vec![on_offer()], &[]);
    scene.step("closed again", closed(), &["propose withdraw-offer"]);
}

#[test]
fn what_has_not_begun_goes_to_another_and_what_runs_is_finished() {
    let mut scene = scene();
    scene.agree("drawn", vec![drawn(0, &[2, 1])], &["fetch job from p5+p2"]);
    scene.step("the job is here", job_fetched(4), &["fetch from p5+p2"]);
    scene.step("the module is here", module_fetched(), &["run 0 [0, 1]"]);
    let token = scene.run();
    scene.step("closed", closed(), &["propose withdraw-offer"]);
    let taken_back = [
        "cannot run 1: it runs on battery",
        "to p5: failed 1: it runs on battery",
        "propose decline",
    ];
    scene.agree("drawn while closed", vec![drawn(1, &[1, 2])], &taken_back);
    scene.step("one task is done", done(token, 1, right(1)), &[]);
    scene.step("the other", done(token, 0, right(0)), &["sign 0"]);
}

#[test]
fn it_may_stand_still_until_its_work_might_be_late() {
    let mut scene = scene();
    let speed = Fuel::new(FUEL_MAX.get());
    let never = Moment::new(u64::MAX);
    assert_eq!(scene.steward.may_pause_until(speed), never);
    scene.agree("drawn", vec![drawn(0, &[2, 1])], &["fetch job from p5+p2"]);
    let until = scene.steward.may_pause_until(speed);
    // Two tasks at a second each, and twenty seconds to be sealed.
    let slower = scene
        .steward
        .may_pause_until(Fuel::new(FUEL_MAX.get() / 10));
    assert!(until < never);
    assert_eq!(until.since(slower).get(), 2 * 9 * SECOND);
}
