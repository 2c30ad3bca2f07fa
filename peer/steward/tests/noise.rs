//! Whatever happens, in whatever order: nothing panics, nothing spins, nothing grows without end.

mod scene;

use std::sync::Arc;

use protocol::entry::{DisputedTask, Opening};
use protocol::event::{Ending, Event, Fault};
use protocol::ids::{BundleId, Digest, PeerId};
use protocol::job::{Blob, Class};
use protocol::message::{Message, StateOf};
use protocol::outcome;
use protocol::steps::StepEntries;
use protocol::units::{Bytes, Credits, Height, Moment};
use scene::*;
use steward::owner::Rest;
use steward::{
    Busy, Choices, Effect, Fate, Identity, Input, Kind, Listed, ProposalToken, Request, RunToken,
    Steward, Ticket, Trouble,
};

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }

    fn small(&mut self, n: u8) -> u8 {
        u8::try_from(self.below(n.into())).expect("below a byte")
    }

    fn peer(&mut self) -> (u8, PeerId) {
        let n = 1 + self.small(4);
        (n, peer(n))
    }

    fn bundle(&mut self) -> BundleId {
        let index = u32::try_from(self.below(4)).expect("small");
        BundleId {
            job: job_id(1 + self.small(2)),
            index,
        }
    }

    #[expect(clippy::too_many_lines, reason = "a flat match over all there is")]
    fn event(&mut self) -> Event {
        let (bundle, (n, peer)) = (self.bundle(), self.peer());
        let by = Moment::new(10_000 + self.below(100_000));
        let list = [right(2 * bundle.index), wrong(2 * bundle.index + 1)];
        let root = outcome::root(&list[..1 + usize::from(self.small(2))]).expect("not empty");
        let proof = outcome::prove(&list, u32::from(self.small(2))).expect("a place");
        let tasks = vec![
            DisputedTask {
                claims: vec![(peer, proof)],
            },
            DisputedTask { claims: vec![] },
        ];
        let other = self.peer().1;
        // flat match: one event of every kind
        match self.below(18) {
            0 => {
                let Event::Submitted {
                    sender,
                    terms,
                    chain,
                    escrow,
                    start_from,
                    start_by,
                    ..
                } = submitted(6, n, Digest::of(&[n]))
                else {
                    panic!("submitted")
                };
                let job = bundle.job;
                Event::Submitted {
                    job,
                    sender,
                    terms,
                    chain,
                    escrow,
                    start_from,
                    start_by,
                }
            }
            1 | 2 => Event::Drawn {
                bundle,
                peers: vec![peer, other],
                seal_by: by,
            },
            3 => Event::Replaced {
                bundle,
                out: peer,
                next: Some(other),
                seal_by: by,
            },
            4 => Event::Replaced {
                bundle,
                out: peer,
                next: None,
                seal_by: by,
            },
            5 | 6 => Event::Sealed { bundle, peer },
            7 => Event::AllSealed {
                job: bundle.job,
                close_by: by,
            },
            8 => Event::Closed {
                job: bundle.job,
                open_by: by,
            },
            9 => Event::Opened { bundle, peer, root },
            10 => Event::Disputed {
                bundle,
                roots: vec![(peer, root)],
                dispute_by: by,
            },
            11 => {
                let (panel, round) = (vec![party(n)], self.small(3));
                Event::PanelCalled {
                    bundle,
                    tasks,
                    panel,
                    round,
                    seal_by: by,
                }
            }
            12 => Event::PanelOpening {
                bundle,
                open_by: by,
            },
            13 => {
                let right = vec![None, Some(right(1)), None];
                Event::Verdict {
                    bundle,
                    right,
                    upheld: vec![peer],
                    convicted: vec![other],
                }
            }
            14 => {
                let (fault, amount) = (Fault::WrongOutcome, Credits::new(u64::MAX));
                Event::Slashed {
                    bundle,
                    peer,
                    fault,
                    amount,
                }
            }
            15 => Event::BundleEnded {
                bundle,
                ending: [Ending::Agreed, Ending::Judged][n as usize % 2],
            },
            16 => Event::BondChanged {
                peer,
                bond: Credits::new(5),
                locked: Credits::ZERO,
            },
            _ if self.below(8) == 0 => job_ended(),
            _ => Event::OfferPublished {
                peer,
                class: Class::Grid,
                slots: 1,
                per_gfuel: Credits::MAX,
            },
        }
    }

    fn message(&mut self, n: u8) -> Message {
        let bundle = self.bundle();
        let mut list = vec![right(2 * bundle.index); usize::from(self.small(4))];
        list.push(wrong(1));
        let copy = copy_of(n, bundle, &list);
        let of = StateOf {
            bundle,
            task: u32::from(self.small(4)),
            steps: u32::from(self.small(3)),
        };
        match self.below(9) {
            0 => copy.message(bundle, &[0, 1, 2]),
            1 => copy.message(bundle, &[]),
            2 => {
                let far = Opening {
                    bundle: u32::MAX,
                    ..copy.opening.clone()
                };
                Message::Openings {
                    job: bundle.job,
                    openings: vec![copy.opening, far],
                }
            }
            3 => Message::RunFailed {
                bundle,
                why: "because".to_owned(),
            },
            4 => Message::AskState(of),
            5 => Message::State {
                of,
                state: (of.task > 0).then(|| Blob::of(b"a state")),
            },
            6 => Message::AskKept { bundle },
            7 => Message::Kept {
                bundle,
                states: vec![(of.task, Blob::of(b"kept")), (9, Blob::of(b"no task"))],
            },
            _ => Message::AskOutcomes { bundle },
        }
    }

    #[expect(clippy::too_many_lines, reason = "a flat match over all there is")]
    fn input(&mut self, height: &mut u64) -> Input {
        let (n, peer) = self.peer();
        let task = u32::try_from(self.below(8)).expect("small");
        let (run, wish) = (RunToken(self.below(6)), ProposalToken(self.below(20)));
        let digests = [
            job_digest(6),
            Digest::of(b"module"),
            right(0).digest,
            wrong(1).digest,
        ];
        let digest = digests[usize::from(self.small(4))];
        let why = || "because".to_owned();
        // flat match: one input of every kind
        match self.below(25) {
            0..=5 => {
                *height += 1;
                let events = (0..self.below(4)).map(|_| self.event()).collect();
                let (height, time) = (Height::new(*height), Moment::new(10_000 + *height));
                Input::Agreed {
                    height,
                    time,
                    events,
                }
            }
            6..=8 => Input::Heard {
                from: peer,
                message: self.message(n),
            },
            9 => Input::PeerUp(peer),
            10 => Input::PeerDown(peer),
            11 => Input::JobFetched {
                digest: job_digest(6),
                job: Arc::new(job(6)),
            },
            12 => Input::Fetched(digest),
            13 => Input::FetchFailed { digest, why: why() },
            14 => Input::TaskDone {
                token: run,
                task,
                outcome: right(task),
                size: Bytes::new(1),
            },
            15 => Input::TaskFailed {
                token: run,
                task,
                why: why(),
            },
            16 => Input::SealSigned {
                bundle: self.bundle(),
                signature: [n; 64],
            },
            17 => {
                let fate = Fate::Refused {
                    trouble: Trouble::new(Kind::Other, why()),
                    may_retry: n % 2 == 0,
                };
                Input::Answered { token: wish, fate }
            }
            18 => Input::Busy(match n {
                1 => Busy::Run(run),
                2 => Busy::Fetch(digest),
                3 => Busy::Send(peer),
                _ => Busy::Propose(wish),
            }),
            19 => {
                let list = || {
                    let entries = vec![digest, Digest::of(b"end")];
                    StepEntries::new(entries).expect("two entries")
                };
                let listed = [
                    Listed::Steps(Arc::new(list())),
                    Listed::Forged,
                    Listed::Missing,
                ];
                Input::ListsRead {
                    bundle: self.bundle(),
                    lists: (n > 1).then(|| listed[..usize::from(n) - 1].to_vec()),
                }
            }
            20 => Input::Replayed {
                token: run,
                entry: digest,
            },
            21 => Input::StateTaken {
                token: run,
                state: Blob::of(b"a state"),
            },
            22 => Input::KeptRead {
                bundle: self.bundle(),
                states: vec![(task, Blob::of(b"kept"))],
            },
            23 => Input::Owner((n > 2).then(|| Rest {
                why: why(),
                at_once: n > 3,
            })),
            _ => {
                let request = match self.below(3) {
                    0 => Request::Cancel(self.bundle().job),
                    1 => Request::Collect(self.bundle().job),
                    _ => Request::Submit {
                        digest: job_digest(6),
                        job: Arc::new(job(6)),
                        choices: Choices {
                            class: Class::Grid,
                            copies: n,
                            tasks_per_bundle: Some(task),
                            per_gfuel: None,
                            seal_window: None,
                            budget: None,
                            purse: None,
                            canaries: 0,
                        },
                    },
                };
                Input::Request {
                    ticket: Ticket(u64::from(task)),
                    request,
                }
            }
        }
    }
}

#[test]
fn no_order_of_happenings_makes_it_panic_or_spin() {
    let works = |me: Identity| Identity {
        slots: 2,
        classes: vec![Class::Grid],
        bond_target: Credits::new(9),
        member: true,
        siblings: vec![peer(2), peer(3)],
        ..me
    };
    for seed in 1..=60 {
        let mut dice = Dice(seed * 0x9E37_79B9);
        let mut steward = Steward::new(works(identity(1)));
        let (mut now, mut height) = (10_000, 0);
        let mut effects = 0;
        for step in 0..400 {
            let input = if step == 20 {
                Input::CaughtUp
            } else {
                dice.input(&mut height)
            };
            steward.handle(Moment::new(now), input);
            effects += std::iter::from_fn(|| steward.next_effect())
                .inspect(|effect| assert!(steward_may_say(effect), "{effect:?}"))
                .count();
            for view in steward.jobs() {
                steward.tasks(&view.id, 0..u32::MAX);
                steward.explain(&view.id);
            }
            if dice.below(3) == 0 {
                now += dice.below(2_000);
            }
        }
        assert!(
            effects < 4_000,
            "seed {seed}: {effects} effects of 400 inputs"
        );
        assert_it_comes_to_rest(&mut steward, now, seed);
    }
}

/// With nothing but time passing it is woken ever more seldom.
fn assert_it_comes_to_rest(steward: &mut Steward, mut now: u64, seed: u64) {
    steward.handle(Moment::new(now), Input::Tick);
    while steward.next_effect().is_some() {}
    for _ in 0..300 {
        let Some(at) = steward.wake_at() else { return };
        assert!(
            at.ms() > now,
            "seed {seed}: it asks to be woken in the past"
        );
        now = at.ms();
        steward.handle(at, Input::Tick);
        while steward.next_effect().is_some() {}
    }
    let before = now;
    for _ in 0..100 {
        now = steward.wake_at().map_or(u64::MAX, Moment::ms);
        steward.handle(Moment::new(now), Input::Tick);
        while steward.next_effect().is_some() {}
    }
    assert!(
        now - before > 100_000,
        "seed {seed}: it is woken all the time"
    );
}

/// Limits of what others will be sent.
fn steward_may_say(effect: &Effect) -> bool {
    match effect {
        Effect::Fetch { from, .. } | Effect::FetchJob { from, .. } => {
            from.len() <= steward::limits::SOURCES_MAX
        }
        Effect::Run { tasks, alter, .. } => !tasks.is_empty() && alter.is_empty(),
        _ => true,
    }
}
