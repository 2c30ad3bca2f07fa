//! What is taken only on a proof, and how what is taken is split.

use protocol::genesis::Params;
use protocol::ids::{Digest, JobId};
use protocol::units::{Bps, Moment};

use super::*;
use crate::state::tests::on_nothing;
use crate::work::{Dispute, Round, Verdict};

const PEER: PeerId = PeerId::new([1; 32]);

/// A dispute with this number, judged or not.
fn dispute(number: u64, judged: bool) -> Dispute {
    let bundle = BundleId {
        job: JobId::new([2; 32]),
        index: 0,
    };
    let verdict = Verdict {
        right: Vec::new(),
        upheld: Vec::new(),
        convicted: Vec::new(),
        slashed: Vec::new(),
    };
    Dispute {
        number,
        bundle,
        when: Moment::new(1),
        finder: PartyId::new([3; 32]),
        auditors: Vec::new(),
        tasks: Vec::new(),
        stake: Credits::ZERO,
        round: Round::First,
        jurors: Vec::new(),
        earlier: Vec::new(),
        verdict: judged.then_some(verdict),
    }
}

/// Whether a slash may be taken for this fault on this ground; dispute 0 is judged, 1 is not.
fn may_be_taken(fault: Fault, ground: Ground) -> bool {
    let asked = std::panic::catch_unwind(|| {
        on_nothing(|draft| {
            for (number, judged) in [(0, true), (1, false)] {
                draft.put::<Disputes>(&number, &dispute(number, judged));
            }
            let slash = Slash::peer(PEER, fault, Credits::new(1), ground);
            must_be_proved(draft, &slash);
        });
    });
    asked.is_ok()
}

#[test]
fn what_only_a_panel_can_find_is_slashed_after_its_verdict_alone() {
    let silence = Ground::Silence(Moment::new(1));
    let seals = Ground::Seals(Digest::of(b"one"), Digest::of(b"other"));
    let [judged, open, none] = [0, 1, 2].map(Ground::Verdict);
    for (fault, ground, may) in [
        (Fault::WrongOutcome, judged, true),
        (Fault::WrongOutcome, open, false),
        (Fault::WrongOutcome, none, false),
        (Fault::WrongOutcome, seals, false),
        // Its outcomes were demanded, and it hid them.
        (Fault::WrongOutcome, silence, true),
        (Fault::WrongJudgement, judged, true),
        (Fault::WrongJudgement, open, false),
        (Fault::WrongJudgement, silence, false),
        (Fault::WrongJudgement, seals, false),
        (Fault::NoSeal, silence, true),
        (Fault::TwoSeals, seals, true),
    ] {
        assert_eq!(may_be_taken(fault, ground), may, "{fault:?} {ground:?}");
    }
}

#[test]
fn parts_of_a_slash_add_up_to_it() {
    let mut params = Params::standard();
    params.slash_split = [3_333, 3_333, 3_333, 1].map(Bps::new);
    for taken in [0, 1, 2, 3, 10_000, 128_000_001] {
        let parts = split(&params, Credits::new(taken)).map(Credits::get);
        assert_eq!(parts.iter().sum::<u64>(), taken);
        assert_eq!(parts[0], parts[1]);
        assert_eq!(parts[0], taken * 3_333 / 10_000);
    }
}
