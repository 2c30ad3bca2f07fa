//! Who runs a job: drawn by weight, at different sponsors, from a seed that neither its submitter
//! nor a block's leader could choose alone.
//!
//! ```text
//! seed = derive("draw", s1, hash of block h0+2, job)
//! ```
//!
//! The submitter fixed `s1` before that block was made; its leader did not know `s1`. The peers of
//! all bundles are dealt from one deck that holds each peer as often as it has slots, and that is
//! dealt again when it runs out: work is spread as evenly as the slots allow, whatever the seed.

use std::num::NonZeroU64;

use protocol::entry;
use protocol::event::Event;
use protocol::ids::{Digest, JobId, PartyId, PeerId};
use protocol::job::Terms;
use protocol::units::{Credits, Moment};

use crate::market::index as price_index;
use crate::market::{Standing, roster};
use crate::money::bond;
use crate::people::Peers;
use crate::refusal::Refusal;
use crate::state::{BlockHashes, Draft};
use crate::work::case::Case;
use crate::work::due::{self, Due};
use crate::work::{Bundle, Gone, Happening, Phase, Run, Stage, State, seal, step};

/// Pages of the roster that the peers of a job are drawn from.
const START_PAGES_MAX: usize = 8;
/// Pages that a replacement is drawn from.
const REPLACEMENT_PAGES_MAX: usize = 2;
/// Deals from other decks when one leaves a bundle short, as it may where bonds are scarce.
const DEALS_MAX: u64 = 4;

/// Numbers that follow from a seed alone.
pub(crate) struct Chance {
    seed: Digest,
    drawn: u64,
}

impl Chance {
    pub(crate) fn new(context: &str, parts: &[&[u8]]) -> Self {
        let seed = Digest::derive(context, parts);
        Self { seed, drawn: 0 }
    }

    /// A number from 0 to `below` - 1.
    pub(crate) fn below(&mut self, below: NonZeroU64) -> u64 {
        let parts: [&[u8]; 2] = [self.seed.bytes(), &self.drawn.to_le_bytes()];
        let digest = Digest::derive("tallygrid chance v1", &parts);
        self.drawn = self.drawn.saturating_add(1);
        let (first, _) = digest
            .bytes()
            .split_first_chunk::<8>()
            .expect("a digest has 32 bytes");
        let wide = u128::from(u64::from_le_bytes(*first)).saturating_mul(below.get().into());
        u64::try_from(wide >> 64).expect("the upper half of 128 bits fits 64")
    }

    /// A place, each as likely as its weight; `None` if all weights are zero.
    pub(crate) fn place(&mut self, weights: &[u64]) -> Option<usize> {
        let total = weights
            .iter()
            .fold(0, |sum: u64, weight| sum.saturating_add(*weight));
        let mut rest = self.below(NonZeroU64::new(total)?);
        weights
            .iter()
            .position(|weight| match rest.checked_sub(*weight) {
                Some(less) => {
                    rest = less;
                    false
                }
                None => true,
            })
    }
}

/// A peer that may be drawn.
#[derive(Clone, Debug)]
struct Candidate {
    standing: Standing,
    /// How often it is still in the deck.
    left: u64,
    /// What of its bond is free.
    free: Credits,
}

/// Peers to draw from.
#[derive(Clone)]
struct Deck {
    candidates: Vec<Candidate>,
    lock: Credits,
}

impl Deck {
    /// Everyone on (at most so many) pages of the roster who may be drawn for these terms.
    fn gather(
        draft: &Draft<'_>,
        terms: &Terms,
        lock: Credits,
        pages_max: usize,
        chance: &mut Chance,
    ) -> Self {
        let mut weights: Vec<u64> = roster::heads(draft, terms.class)
            .iter()
            .map(|page| page.weight)
            .collect();
        let mut candidates = Vec::new();
        for _ in 0..pages_max {
            let Some(page) = chance.place(&weights) else {
                break;
            };
            weights[page] = 0;
            let page = u32::try_from(page).expect("a roster has at most 256 pages");
            let offers = roster::page(draft, terms.class, page);
            let ready = |standing| ready(draft, terms, lock, standing);
            candidates.extend(offers.into_iter().filter_map(ready));
        }
        Self { candidates, lock }
    }

    /// Deals one peer that is none of `past` and of none of the `seated` sponsors; of `only` one
    /// sponsor, if there is one.
    fn deal(
        &mut self,
        chance: &mut Chance,
        (seated, only): (&[PartyId], Option<PartyId>),
        past: &[PeerId],
    ) -> Option<Standing> {
        let may = |candidate: &Candidate, lock: Credits| {
            candidate.free >= lock
                && !seated.contains(&candidate.standing.sponsor)
                && only.is_none_or(|only| candidate.standing.sponsor == only)
                && !past.contains(&candidate.standing.peer)
        };
        for deals in 0..2 {
            if deals > 0 {
                self.shuffle_in();
            }
            let weights: Vec<u64> = self
                .candidates
                .iter()
                .map(|one| if may(one, self.lock) { one.left } else { 0 })
                .collect();
            if let Some(place) = chance.place(&weights) {
                let one = &mut self.candidates[place];
                one.left = one.left.saturating_sub(1);
                one.free = one.free.minus(self.lock).expect("asked just above");
                return Some(one.standing);
            }
        }
        None
    }

    /// Puts every peer into the deck once more, as often as it has slots.
    fn shuffle_in(&mut self) {
        for one in &mut self.candidates {
            one.left = one.left.saturating_add(one.standing.slots.into());
        }
    }

    /// Deals one bundle's peers, first its anchor, if any; an excluded sponsor counts as seated.
    fn deal_bundle(
        &mut self,
        chance: &mut Chance,
        copies: u8,
        (anchor, excluded): (Option<PartyId>, Option<PartyId>),
    ) -> Result<Vec<Standing>, u8> {
        let (mut drawn, mut seated) = (Vec::new(), Vec::from_iter(excluded));
        for found in 0..copies {
            let only = anchor.filter(|_| found == 0);
            let one = self.deal(chance, (&seated, only), &[]).ok_or(found)?;
            seated.push(one.sponsor);
            drawn.push(one);
        }
        Ok(drawn)
    }
}

fn ready(draft: &Draft<'_>, terms: &Terms, lock: Credits, standing: Standing) -> Option<Candidate> {
    if standing.per_gfuel > terms.per_gfuel {
        return None;
    }
    let peer = draft.row::<Peers>(&standing.peer)?;
    let free = bond::free(draft, standing.peer, &peer);
    let may = !peer.struck && !peer.suspended && peer.jailed_until <= draft.now() && free >= lock;
    may.then_some(Candidate {
        standing,
        left: standing.slots.into(),
        free,
    })
}

/// Starts a job: draws the peers of every bundle and locks their bonds.
///
/// # Errors
/// [`Refusal`] if it is not the sender's, it is too early or too late, the link does not continue
/// the submitter's chain, or some bundle finds too few peers; it may be tried again until its time
/// is over.
pub(crate) fn start(
    draft: &mut Draft<'_>,
    sender: PartyId,
    job: JobId,
    link: Digest,
) -> Result<(), Refusal> {
    let mut case = Case::take(draft, job)?;
    case.only_by(sender)?;
    case.only_in(Phase::Submitted, "starting")?;
    let (due, now) = (case.job.due, case.draft.deadline_now());
    if now > due {
        return Err(Refusal::DeadlinePassed { due, now });
    }
    if entry::chain(&link) != case.job.chain {
        return Err(Refusal::BrokenChain);
    }
    let (from, height) = (case.job.start_from, case.draft.at().height);
    if height < from {
        return Err(Refusal::StartTooEarly { from, height });
    }
    let before = protocol::units::Height::new(from.get().saturating_sub(1));
    let hash = case.draft.row::<BlockHashes>(&before);
    let hash = hash.ok_or(Refusal::DeadlinePassed { due, now })?;
    let seed = Digest::derive(
        "tallygrid draw v1",
        &[link.bytes(), hash.bytes(), job.bytes()],
    );
    let drawn = deal_job(&case, seed)?;
    case.job.seed = Some(seed);
    case.job.chain = link;
    case.job.phase = Phase::Sealing;
    let seal_by = case.seal_by();
    case.job.due = seal_by;
    let wanted = u64::from(case.job.terms.bundles()).saturating_mul(case.job.terms.copies.into());
    price_index::wants(case.draft, case.job.terms.class, wanted);
    due::push(case.draft, seal_by, Due::Job(job, 0));
    for (index, peers) in (0..).zip(drawn) {
        seat(&mut case, index, &peers, seal_by);
    }
    case.put_back();
    Ok(())
}

fn deal_job(case: &Case<'_, '_>, seed: Digest) -> Result<Vec<Vec<Standing>>, Refusal> {
    let (terms, lock) = (&case.job.terms, case.job.lock);
    let anchor = case.anchor();
    let mut refused = None;
    for deal in 0..DEALS_MAX {
        let parts: [&[u8]; 2] = [seed.bytes(), &deal.to_le_bytes()];
        let mut chance = Chance::new("tallygrid deal v1", &parts);
        let mut deck = Deck::gather(case.draft, terms, lock, START_PAGES_MAX, &mut chance);
        let bundles = (0..terms.bundles()).map(|bundle| {
            let copies = terms.copies;
            deck.deal_bundle(&mut chance, copies, (anchor, case.job.excluded))
                .map_err(|found| Refusal::NotEnoughPeers {
                    bundle,
                    copies,
                    found,
                })
        });
        match bundles.collect() {
            Ok(drawn) => return Ok(drawn),
            Err(short) => refused = Some(short),
        }
    }
    Err(refused.expect("a deck is dealt at least once"))
}

fn seat(case: &mut Case<'_, '_>, index: u32, drawn: &[Standing], seal_by: Moment) {
    let lock = case.job.lock;
    for standing in drawn {
        bond::lock(case.draft, standing.peer, lock);
    }
    let run = |standing: &Standing| Run {
        peer: standing.peer,
        sponsor: standing.sponsor,
        stage: Stage::Running,
        seal_by,
        handed: 0,
        struck: false,
    };
    let peers: Vec<PeerId> = drawn.iter().map(|standing| standing.peer).collect();
    let mut bundle = Bundle {
        state: State::Waiting,
        runs: drawn.iter().map(run).collect(),
        past: peers.clone(),
        due: seal_by,
        dispute: None,
    };
    bundle.must_step(Happening::Drawn);
    case.keep(index, &bundle);
    let bundle = case.name(index);
    case.draft.say(Event::Drawn {
        bundle,
        peers,
        seal_by,
    });
}

/// Says no to a run, for a peer of the sender.
///
/// # Errors
/// [`Refusal`] if the peer is not the sender's, is not drawn for the bundle, or has sealed.
pub(crate) fn decline(
    draft: &mut Draft<'_>,
    sender: PartyId,
    bundle: protocol::ids::BundleId,
    peer: PeerId,
) -> Result<(), Refusal> {
    crate::people::owned(draft, peer, sender)?;
    let mut case = Case::take(draft, bundle.job)?;
    let mut row = case.bundle(bundle.index)?;
    let slot = row.slot(peer)?;
    match row.runs[slot].stage {
        Stage::Running => {}
        Stage::Sealed(_) | Stage::Opened(..) => return Err(Refusal::AlreadySealed { peer }),
        Stage::Gone(_) => return Err(Refusal::NotDrawn { peer }),
    }
    let (state, asked) = (row.state, Happening::Replaced);
    step(state, asked).ok_or(Refusal::WrongState { state, asked })?;
    hand_on(&mut case, bundle.index, &mut row, slot, Gone::Declined);
    seal::look(&mut case, bundle.index, &mut row);
    case.keep(bundle.index, &row);
    case.put_back();
    Ok(())
}

/// Hands a run that still runs on to another peer from the same seed, or gives it up.
pub(crate) fn hand_on(
    case: &mut Case<'_, '_>,
    index: u32,
    bundle: &mut Bundle,
    slot: usize,
    why: Gone,
) {
    bundle.must_step(Happening::Replaced);
    let out = bundle.runs[slot].peer;
    bond::unlock(case.draft, out, case.job.lock);
    let next = next_peer(case, index, bundle, slot);
    let seal_by = case.seal_by();
    let run = &mut bundle.runs[slot];
    match next {
        Some(standing) => {
            run.peer = standing.peer;
            run.sponsor = standing.sponsor;
            run.seal_by = seal_by;
            run.handed = run.handed.saturating_add(1);
            bundle.past.push(standing.peer);
            bond::lock(case.draft, standing.peer, case.job.lock);
            due::push(case.draft, seal_by, Due::Bundle(case.name(index)));
        }
        None => run.stage = Stage::Gone(why),
    }
    let bundle = case.name(index);
    case.draft.say(Event::Replaced {
        bundle,
        out,
        next: next.map(|standing| standing.peer),
        seal_by,
    });
}

fn next_peer(case: &Case<'_, '_>, index: u32, bundle: &Bundle, slot: usize) -> Option<Standing> {
    let run = &bundle.runs[slot];
    let handed_enough = run.handed >= case.draft.params().replacements_max;
    if handed_enough || case.seal_by() <= case.draft.now() {
        return None;
    }
    let seed = case.job.seed.expect("a drawn bundle's job has a seed");
    let place = u64::try_from(slot).expect("a bundle has at most 7 runs");
    let parts: [&[u8]; 4] = [
        seed.bytes(),
        &index.to_le_bytes(),
        &place.to_le_bytes(),
        &[run.handed],
    ];
    let mut chance = Chance::new("tallygrid replacement v1", &parts);
    let others = bundle.runs.iter().enumerate();
    let seated: Vec<PartyId> = others
        .filter(|(other, run)| *other != slot && run.takes_part())
        .map(|(_, run)| run.sponsor)
        .chain(case.job.excluded)
        .collect();
    let (terms, lock) = (&case.job.terms, case.job.lock);
    let mut deck = Deck::gather(case.draft, terms, lock, REPLACEMENT_PAGES_MAX, &mut chance);
    let only = case.anchor().filter(|_| slot == 0);
    deck.deal(&mut chance, (&seated, only), &bundle.past)
}

impl Bundle {
    /// The place of a peer's run.
    ///
    /// # Errors
    /// [`Refusal::NotDrawn`].
    pub(crate) fn slot(&self, peer: PeerId) -> Result<usize, Refusal> {
        let place = self.runs.iter().position(|run| run.peer == peer);
        place.ok_or(Refusal::NotDrawn { peer })
    }
}
