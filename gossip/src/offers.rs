//! Accepts, ignores or rejects an announcement before it is passed on, cheapest question first.
//!
//! | asked in this order           | if not                                     |
//! | ----------------------------- | ------------------------------------------ |
//! | short enough, well-formed     | reject: no honest peer sends that          |
//! | of this federation            | reject                                     |
//! | made within 120 s of our time | ignore: clocks differ, also among the good |
//! | newer than what we have       | ignore: it went round twice                |
//! | within its maker's rate       | ignore                                     |
//! | signed by its maker           | reject                                     |
//!
//! An accepted announcement is passed on and heard. Nothing here reads a clock.

use std::collections::HashMap;

use protocol::bytes::{self, Malformed};
use protocol::ids::{FederationId, PeerId};
use protocol::offer::{OFFER_BYTES_MAX, Offer};
use protocol::signed::{Checked, Signed};
use protocol::units::{Millis, Moment};

/// Clocks may differ by so much.
const SKEW_MAX: Millis = Millis::new(120_000);
/// So many makers are remembered; the one heard longest ago is forgotten first.
const MAKERS_MAX: usize = 20_000;

/// How often a peer may announce.
#[derive(Clone, Copy, Debug)]
pub struct OfferRate {
    /// One offer in this time, ...
    pub every: Millis,
    /// ... and so many at once.
    pub burst: u32,
}

impl Default for OfferRate {
    fn default() -> Self {
        Self {
            every: Millis::new(5_000),
            burst: 3,
        }
    }
}

/// Announcements left to one maker, in milliseconds of saved-up time.
#[derive(Clone, Copy)]
pub(crate) struct Bucket {
    saved: u64,
    at: Moment,
}

impl Bucket {
    pub(crate) fn full(rate: OfferRate, now: Moment) -> Self {
        Self {
            saved: rate.every.get() * u64::from(rate.burst),
            at: now,
        }
    }

    fn filled(self, rate: OfferRate, now: Moment) -> Self {
        let most = rate.every.get() * u64::from(rate.burst);
        let saved = self
            .saved
            .saturating_add(now.since(self.at).get())
            .min(most);
        Self { saved, at: now }
    }

    /// Takes one announcement out, if there is one.
    pub(crate) fn take(&mut self, rate: OfferRate, now: Moment) -> bool {
        let filled = self.filled(rate, now);
        let enough = filled.saved >= rate.every.get();
        *self = Self {
            saved: filled.saved - if enough { rate.every.get() } else { 0 },
            ..filled
        };
        enough
    }
}

struct Maker {
    newest: (Moment, u32),
    bucket: Bucket,
}

/// What is to be done with an announcement.
#[derive(Debug)]
pub(crate) enum Judgement {
    /// Hear it and pass it on.
    Accept(Box<Checked<Offer>>),
    /// Drop it; whoever passed it on did nothing wrong.
    Ignore(&'static str),
    /// Drop it; whoever passed it on should have known.
    Reject(&'static str),
}

/// The gate, and what it remembers of each maker.
pub(crate) struct Gate {
    federation: FederationId,
    rate: OfferRate,
    makers: HashMap<PeerId, Maker>,
}

impl Gate {
    pub(crate) fn new(federation: FederationId, rate: OfferRate) -> Self {
        Self {
            federation,
            rate,
            makers: HashMap::new(),
        }
    }

    /// Judges the bytes of one announcement.
    pub(crate) fn judge(&mut self, now: Moment, bytes: &[u8]) -> Judgement {
        let signed: Signed<Offer> = match bytes::read(bytes, OFFER_BYTES_MAX) {
            Ok(signed) => signed,
            Err(Malformed::TooLong { .. }) => return Judgement::Reject("too long"),
            Err(_) => return Judgement::Reject("malformed"),
        };
        let offer = signed.unchecked();
        if offer.federation != self.federation {
            return Judgement::Reject("of another federation");
        }
        if now.since(offer.issued) > SKEW_MAX || offer.issued.since(now) > SKEW_MAX {
            return Judgement::Ignore("made too long ago, or in the future");
        }
        let (peer, age) = (offer.peer, (offer.boot, offer.seq));
        let mut bucket = Bucket::full(self.rate, now);
        if let Some(maker) = self.makers.get(&peer) {
            if age <= maker.newest {
                return Judgement::Ignore("not newer than what we have");
            }
            bucket = maker.bucket;
        }
        // Only a genuine offer is paid for, below: a forger must not use up another's rate.
        if !bucket.take(self.rate, now) {
            return Judgement::Ignore("too many");
        }
        if signed.claimed_key().bytes() != peer.bytes() {
            return Judgement::Reject("signed by another than its maker");
        }
        let Ok(checked) = signed.check() else {
            return Judgement::Reject("the signature is wrong");
        };
        if self.makers.len() >= MAKERS_MAX && !self.makers.contains_key(&peer) {
            let oldest = self.makers.iter().min_by_key(|(_, maker)| maker.bucket.at);
            if let Some(oldest) = oldest.map(|(peer, _)| *peer) {
                self.makers.remove(&oldest);
            }
        }
        self.makers.insert(
            peer,
            Maker {
                newest: age,
                bucket,
            },
        );
        Judgement::Accept(Box::new(checked))
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;
    use protocol::job::Class;
    use protocol::units::{Bytes, Credits, Fuel};

    use super::*;

    const NOW: Moment = Moment::new(1_000_000_000);

    fn offer(key: &SigningKey, seq: u32) -> Offer {
        Offer {
            federation: FederationId::new([9; 32]),
            peer: PeerId::new(key.verifying_key().to_bytes()),
            boot: NOW,
            seq,
            issued: NOW,
            ttl: Millis::new(60_000),
            class: Class::Grid,
            profiles: Vec::new(),
            slots_total: 2,
            slots_free: 1,
            memory: Bytes::new(1 << 30),
            per_gfuel: Credits::new(5),
            speed: Fuel::ZERO,
            gcu: 0,
        }
    }

    #[test]
    fn each_question_is_asked_in_its_order() {
        let (alice, mallory) = (
            SigningKey::from_bytes(&[1; 32]),
            SigningKey::from_bytes(&[2; 32]),
        );
        let mut gate = Gate::new(FederationId::new([9; 32]), OfferRate::default());
        let mut say = |offer: Offer, key: &SigningKey, now| match gate
            .judge(now, &bytes::write(&Signed::sign(offer, key)))
        {
            Judgement::Accept(_) => "accepted",
            Judgement::Ignore(why) | Judgement::Reject(why) => why,
        };
        let stranger = Offer {
            federation: FederationId::new([8; 32]),
            ..offer(&alice, 1)
        };
        let old = Offer {
            issued: Moment::new(1),
            ..offer(&alice, 1)
        };
        for (one, key, now, expected) in [
            (stranger, &alice, NOW, "of another federation"),
            (old, &alice, NOW, "made too long ago, or in the future"),
            (
                offer(&alice, 9),
                &mallory,
                NOW,
                "signed by another than its maker",
            ),
            (offer(&alice, 2), &alice, NOW, "accepted"),
            (offer(&alice, 2), &alice, NOW, "not newer than what we have"),
            (offer(&alice, 1), &alice, NOW, "not newer than what we have"),
            (offer(&alice, 3), &alice, NOW, "accepted"),
            (
                offer(&alice, 4),
                &mallory,
                NOW,
                "signed by another than its maker",
            ),
            (offer(&alice, 4), &alice, NOW, "accepted"),
            (offer(&alice, 5), &alice, NOW, "too many"),
            (
                offer(&alice, 5),
                &alice,
                NOW.after(Millis::new(5_000)),
                "accepted",
            ),
        ] {
            assert_eq!(say(one, key, now), expected);
        }
    }

    #[test]
    fn strangers_bytes_are_rejected_and_nothing_panics() {
        let alice = SigningKey::from_bytes(&[1; 32]);
        let mut gate = Gate::new(FederationId::new([9; 32]), OfferRate::default());
        let good = bytes::write(&Signed::sign(offer(&alice, 1), &alice));
        for cut in 0..good.len() {
            assert!(matches!(
                gate.judge(NOW, &good[..cut]),
                Judgement::Reject(_)
            ));
        }
        let long = vec![0; OFFER_BYTES_MAX + 1];
        assert!(matches!(
            gate.judge(NOW, &long),
            Judgement::Reject("too long")
        ));
        for place in good.len() - 64..good.len() {
            let mut forged = good.clone();
            forged[place] ^= 1;
            assert!(
                matches!(gate.judge(NOW, &forged), Judgement::Reject(_)),
                "byte {place}"
            );
        }
    }
}
