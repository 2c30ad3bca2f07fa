//! A pool's weights as cards to deal, all of one size: a slot of a peer with a perfect score is one
//! card. Sponsors and peers are cut down to their caps. When no card is left, all that were dealt
//! are shuffled in again, so that work is spread as evenly as the weights allow, whatever the seed.
//!
//! What is less than a card counts as one as often as it is part of one, so nobody's share is
//! rounded in its favour.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;

use protocol::ids::{PartyId, PeerId};
use protocol::job::Class;
use protocol::units::mul_div_floor;

use crate::chance::Chance;
use crate::market::caps::{self, Caps};
use crate::market::sums::Hand;
use crate::market::{PeerAt, Pile, Pool, SponsorAt, SponsorPlaces};
use crate::state::{View, row};

/// A slot of a peer with a perfect score: a hundred hundredths, squared.
pub(crate) const ESTABLISHED_SLOT: NonZeroU64 = NonZeroU64::new(10_000).expect("not zero");
/// A slot of a newcomer.
pub(crate) const NEWCOMER_SLOT: NonZeroU64 = NonZeroU64::new(100).expect("not zero");

/// Where a card was found: its sponsor's place, and its peer's place there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot {
    sponsor: u32,
    peer: u32,
}

/// What was taken from a spot, and from its sponsor with it.
#[derive(Clone, Copy, Debug)]
struct Taken {
    spot: Spot,
    of_sponsor: u64,
    of_peer: u64,
}

/// The cards of one sponsor.
#[derive(Debug)]
struct Suit {
    party: PartyId,
    peers: Hand,
    /// What its peers weigh, and what of that counts under the cap.
    whole: NonZeroU64,
    counted: u64,
}

/// The cards of a pool.
#[derive(Debug)]
pub(crate) struct Cards {
    at: (Class, Pool),
    caps: Caps,
    sponsors: Hand,
    suits: BTreeMap<u32, Suit>,
    dealt: Vec<Taken>,
    hidden: Vec<Taken>,
    hidden_sponsors: Vec<(u32, u64)>,
    cut: BTreeSet<Spot>,
}

impl Cards {
    /// All cards of a pool, under its caps.
    pub(crate) fn of(view: &dyn View, at: (Class, Pool), caps: Caps) -> Self {
        let (class, pool) = at;
        let mut sponsors = Hand::of(view, Pile::Sponsors(class, pool));
        for (party, weight) in caps::heaviest(view, at) {
            if let Some(over) = weight.checked_sub(caps.sponsor).filter(|over| *over > 0)
                && let Some(place) = row::<SponsorPlaces>(view, &(class, pool, party))
            {
                sponsors.take(view, place, over);
            }
        }
        Self {
            at,
            caps,
            sponsors,
            suits: BTreeMap::new(),
            dealt: Vec::new(),
            hidden: Vec::new(),
            hidden_sponsors: Vec::new(),
            cut: BTreeSet::new(),
        }
    }

    /// The size of a card.
    const fn card(&self) -> NonZeroU64 {
        match self.at.1 {
            Pool::Established => ESTABLISHED_SLOT,
            Pool::Newcomers => NEWCOMER_SLOT,
        }
    }

    /// Draws a card, by weight; `None` if none is left. It stays where it is.
    pub(crate) fn draw(&mut self, view: &dyn View, chance: &mut Chance) -> Option<(Spot, PeerId)> {
        loop {
            let point = chance.below(NonZeroU64::new(self.sponsors.left())?);
            let (sponsor, _) = self.sponsors.find(view, point);
            let suit = self.suit(view, sponsor);
            let Some(left) = NonZeroU64::new(suit.peers.left()) else {
                // What rounding left of an emptied suit.
                self.sponsors.take(view, sponsor, u64::MAX);
                continue;
            };
            let (peer, into) = suit.peers.find(view, chance.below(left));
            let spot = Spot { sponsor, peer };
            if self.cut_down(view, spot) && into >= self.caps.peer {
                continue;
            }
            if self.is_whole(view, spot, chance) {
                return Some((spot, self.peer(view, spot)));
            }
        }
    }

    /// Whether a card is there: where less than one is left, it is one as often as it is part of
    /// one, and gone otherwise.
    fn is_whole(&mut self, view: &dyn View, spot: Spot, chance: &mut Chance) -> bool {
        let card = self.card();
        let of_sponsor = self.sponsors.at(view, spot.sponsor);
        let of_peer = self.suit(view, spot.sponsor).peers.at(view, spot.peer);
        let left = of_sponsor.min(of_peer);
        if left >= card.get() || chance.below(card) < left {
            return true;
        }
        if of_sponsor < of_peer {
            let taken = self.sponsors.take(view, spot.sponsor, u64::MAX);
            self.dealt.push(Taken {
                spot,
                of_sponsor: taken,
                of_peer: 0,
            });
        } else {
            self.deal(view, spot);
        }
        false
    }

    /// Draws a card of one sponsor, whatever its cap; `None` if it has none left.
    pub(crate) fn draw_of(
        &mut self,
        view: &dyn View,
        chance: &mut Chance,
        party: PartyId,
    ) -> Option<(Spot, PeerId)> {
        let (class, pool) = self.at;
        let sponsor = row::<SponsorPlaces>(view, &(class, pool, party))?;
        let peers = &mut self.suit(view, sponsor).peers;
        let left = NonZeroU64::new(peers.left())?;
        let (peer, _) = peers.find(view, chance.below(left));
        let spot = Spot { sponsor, peer };
        Some((spot, self.peer(view, spot)))
    }

    fn suit(&mut self, view: &dyn View, sponsor: u32) -> &mut Suit {
        let ((class, pool), cap) = (self.at, self.caps.sponsor);
        self.suits.entry(sponsor).or_insert_with(|| {
            let party = row::<SponsorAt>(view, &(class, pool, sponsor))
                .expect("every place of a pile is someone's");
            let peers = Hand::of(view, Pile::Peers(class, pool, party));
            let whole = NonZeroU64::new(peers.left()).unwrap_or(NonZeroU64::MIN);
            Suit {
                party,
                peers,
                whole,
                counted: whole.get().min(cap),
            }
        })
    }

    fn peer(&self, view: &dyn View, spot: Spot) -> PeerId {
        let ((class, pool), suit) = (self.at, &self.suits[&spot.sponsor]);
        row::<PeerAt>(view, &(class, pool, suit.party, spot.peer))
            .expect("every place of a pile is someone's")
    }

    /// Cuts a peer down to its cap when it is first drawn; says whether it was above it. Of that,
    /// its sponsor loses only what its own cap had left it.
    fn cut_down(&mut self, view: &dyn View, spot: Spot) -> bool {
        if !self.cut.insert(spot) {
            return false;
        }
        let cap = self.caps.peer;
        let weight = self.suit(view, spot.sponsor).peers.at(view, spot.peer);
        let over = weight.saturating_sub(cap);
        let suit = self.suit(view, spot.sponsor);
        suit.peers.take(view, spot.peer, over);
        let whole = suit.whole.get().saturating_sub(over);
        suit.whole = NonZeroU64::new(whole).unwrap_or(NonZeroU64::MIN);
        let counted = suit.counted.min(whole);
        let lost = suit.counted.saturating_sub(counted);
        suit.counted = counted;
        self.sponsors.take(view, spot.sponsor, lost);
        over > 0
    }

    fn take(&mut self, view: &dyn View, spot: Spot, amount: u64) -> Taken {
        let suit = self.suit(view, spot.sponsor);
        let of_peer = suit.peers.take(view, spot.peer, amount);
        let part = match suit.peers.left() {
            0 => u64::MAX,
            _ => mul_div_floor(of_peer, suit.counted, suit.whole).unwrap_or(u64::MAX),
        };
        Taken {
            spot,
            of_sponsor: self.sponsors.take(view, spot.sponsor, part),
            of_peer,
        }
    }

    fn put(&mut self, view: &dyn View, taken: Taken) {
        let Taken {
            spot,
            of_sponsor,
            of_peer,
        } = taken;
        self.sponsors.put(view, spot.sponsor, of_sponsor);
        self.suit(view, spot.sponsor)
            .peers
            .put(view, spot.peer, of_peer);
    }

    /// Deals one of a peer's cards.
    pub(crate) fn deal(&mut self, view: &dyn View, spot: Spot) {
        let card = self.card().get();
        let of_peer = self
            .suit(view, spot.sponsor)
            .peers
            .take(view, spot.peer, card);
        self.dealt.push(Taken {
            spot,
            of_sponsor: self.sponsors.take(view, spot.sponsor, of_peer),
            of_peer,
        });
    }

    /// Takes all cards of a peer away.
    pub(crate) fn drop_peer(&mut self, view: &dyn View, spot: Spot) {
        self.take(view, spot, u64::MAX);
    }

    /// Takes all cards of a sponsor away.
    pub(crate) fn drop_sponsor(&mut self, view: &dyn View, party: PartyId) {
        let (class, pool) = self.at;
        if let Some(place) = row::<SponsorPlaces>(view, &(class, pool, party)) {
            self.sponsors.take(view, place, u64::MAX);
        }
    }

    /// Hides a peer until [`Self::show`].
    pub(crate) fn hide_peer(&mut self, view: &dyn View, spot: Spot) {
        let taken = self.take(view, spot, u64::MAX);
        self.hidden.push(taken);
    }

    /// Hides a sponsor until [`Self::show`].
    pub(crate) fn hide_sponsor(&mut self, view: &dyn View, party: PartyId) {
        let (class, pool) = self.at;
        if let Some(place) = row::<SponsorPlaces>(view, &(class, pool, party)) {
            let taken = self.sponsors.take(view, place, u64::MAX);
            self.hidden_sponsors.push((place, taken));
        }
    }

    /// Shows again what was hidden.
    pub(crate) fn show(&mut self, view: &dyn View) {
        for (place, taken) in std::mem::take(&mut self.hidden_sponsors) {
            self.sponsors.put(view, place, taken);
        }
        for taken in std::mem::take(&mut self.hidden) {
            self.put(view, taken);
        }
    }

    /// Puts the dealt cards back, those of hidden sponsors behind what hides them; says whether any
    /// can be drawn now.
    pub(crate) fn shuffle_in(&mut self, view: &dyn View) -> bool {
        for taken in std::mem::take(&mut self.dealt) {
            let place = taken.spot.sponsor;
            let hidden = self.hidden_sponsors.iter_mut().find(|(at, _)| *at == place);
            if let Some((_, left)) = hidden {
                *left = left.saturating_add(taken.of_sponsor);
                let suit = self.suit(view, place);
                suit.peers.put(view, taken.spot.peer, taken.of_peer);
            } else {
                self.put(view, taken);
            }
        }
        self.sponsors.left() > 0
    }
}
