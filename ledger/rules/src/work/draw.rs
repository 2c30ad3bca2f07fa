//! Who runs a job: drawn by weight, at different sponsors, from a seed that neither its submitter
//! nor a block's leader could choose alone.
//!
//! ```text
//! seed = derive("draw", s1, hash of block h0+2, job)
//! ```
//!
//! The submitter fixed `s1` before that block was made; its leader did not know `s1`. The peers of
//! all bundles are dealt from one [`Deck`], so that a job's work is spread evenly.

use protocol::entry;
use protocol::event::Event;
use protocol::ids::{BundleId, Digest, JobId, PartyId, PeerId};
use protocol::units::Moment;

use crate::chance::Chance;
use crate::market::deck::{Deck, Drawn, Wish};
use crate::market::index as price_index;
use crate::money::bond;
use crate::people::meter;
use crate::refusal::Refusal;
use crate::state::{BlockHashes, Draft};
use crate::work::case::Case;
use crate::work::due::{self, Due};
use crate::work::{Bundle, Gone, Happening, Phase, Run, Stage, State, seal, step};

/// Deals from other decks when one leaves a bundle short, as it may where bonds are scarce.
const DEALS_MAX: u64 = 4;

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
    case.in_time(due)?;
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
    let wanted: usize = drawn.iter().map(Vec::len).sum();
    price_index::wants(case.draft, case.job.terms.class, wanted as u64);
    due::push(case.draft, seal_by, Due::Job(job, 0));
    for (index, peers) in (0..).zip(drawn) {
        seat(&mut case, index, &peers, seal_by);
    }
    case.put_back();
    Ok(())
}

/// Whether a job that is not drawn could be: its submitter can know by now who would be drawn, and
/// there are enough peers for it.
pub(crate) fn could_start(case: &Case<'_, '_>) -> bool {
    let at = case.draft.at();
    let seed = Digest::derive(
        "tallygrid could draw v1",
        &[at.parent.bytes(), case.id.bytes()],
    );
    at.height >= case.job.start_from && deal_job(case, seed).is_ok()
}

/// What a job asks of those who are drawn for it.
fn wish(case: &Case<'_, '_>) -> Wish {
    let job = &case.job;
    let tasks = job.terms.tasks_per_bundle.min(job.terms.tasks);
    Wish {
        class: job.terms.class,
        per_gfuel: job.terms.per_gfuel,
        lock: job.lock,
        pay: case.price_of(tasks as usize),
        copies: (job.terms.copies, job.copies_max),
        barred: Vec::from_iter(job.excluded),
        anchor: case.anchor(),
    }
}

fn deal_job(case: &Case<'_, '_>, seed: Digest) -> Result<Vec<Vec<Drawn>>, Refusal> {
    let mut refused = None;
    for deal in 0..DEALS_MAX {
        let parts: [&[u8]; 2] = [seed.bytes(), &deal.to_le_bytes()];
        let mut chance = Chance::new("tallygrid deal v1", &parts);
        let mut deck = Deck::new(case.draft, wish(case));
        let bundles = (0..case.job.terms.bundles()).map(|bundle| {
            let short = |(found, copies)| Refusal::NotEnoughPeers {
                bundle,
                copies,
                found,
            };
            deck.deal_bundle(&mut chance).map_err(short)
        });
        match bundles.collect() {
            Ok(drawn) => return Ok(drawn),
            Err(short) => refused = Some(short),
        }
    }
    Err(refused.expect("a deck is dealt at least once"))
}

fn seat(case: &mut Case<'_, '_>, index: u32, drawn: &[Drawn], seal_by: Moment) {
    for one in drawn {
        let peer = one.standing.peer;
        bond::lock(case.draft, peer, one.lock);
        meter::drawn(case.draft, peer, case.job.terms.class);
    }
    let run = |one: &Drawn| Run {
        peer: one.standing.peer,
        sponsor: one.standing.sponsor,
        lock: one.lock,
        stage: Stage::Running,
        seal_by,
        handed: 0,
        struck: false,
    };
    let peers: Vec<PeerId> = drawn.iter().map(|one| one.standing.peer).collect();
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

/// Says no to a run, for a peer of the sender; `to` another of its peers, if it names one.
///
/// # Errors
/// [`Refusal`] if a peer is not the sender's, the one is not drawn for the bundle or has sealed, or
/// the other could not be drawn in its place.
pub(crate) fn decline(
    draft: &mut Draft<'_>,
    sender: PartyId,
    bundle: BundleId,
    (peer, to): (PeerId, Option<PeerId>),
) -> Result<(), Refusal> {
    for one in [Some(peer), to].into_iter().flatten() {
        crate::people::owned(draft, one, sender)?;
    }
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
    match to {
        None => hand_on(&mut case, bundle.index, &mut row, slot, Gone::Declined),
        Some(peer) => {
            let next = other_peer(&case, &row, slot, |deck, place| {
                deck.named(peer, place.apart, place.past, place.copies)
            });
            let next = Some(next.ok_or(Refusal::CannotTakeOver { peer })?);
            pass(
                &mut case,
                (bundle.index, slot),
                &mut row,
                next,
                Gone::Declined,
            );
        }
    }
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
    let next = next_peer(case, index, bundle, slot);
    pass(case, (index, slot), bundle, next, why);
}

/// Passes a run that still runs to this peer, or gives it up.
fn pass(
    case: &mut Case<'_, '_>,
    (index, slot): (u32, usize),
    bundle: &mut Bundle,
    next: Option<Drawn>,
    why: Gone,
) {
    bundle.must_step(Happening::Replaced);
    let out = bundle.runs[slot].peer;
    bond::unlock(case.draft, out, bundle.runs[slot].lock);
    let seal_by = case.seal_by();
    let run = &mut bundle.runs[slot];
    match next {
        Some(Drawn { standing, lock }) => {
            run.peer = standing.peer;
            run.sponsor = standing.sponsor;
            run.lock = lock;
            run.seal_by = seal_by;
            run.handed = run.handed.saturating_add(1);
            bundle.past.push(standing.peer);
            bond::lock(case.draft, standing.peer, lock);
            meter::drawn(case.draft, standing.peer, case.job.terms.class);
            due::push(case.draft, seal_by, Due::Bundle(case.name(index)));
        }
        None => run.stage = Stage::Gone(why),
    }
    let bundle = case.name(index);
    case.draft.say(Event::Replaced {
        bundle,
        out,
        next: next.map(|next| next.standing.peer),
        seal_by,
    });
}

/// Who takes a run over, from the same seed.
fn next_peer(case: &Case<'_, '_>, index: u32, bundle: &Bundle, slot: usize) -> Option<Drawn> {
    let seed = case.job.seed.expect("a drawn bundle's job has a seed");
    let place = u64::try_from(slot).expect("a bundle has at most 7 runs");
    let parts: [&[u8]; 4] = [
        seed.bytes(),
        &index.to_le_bytes(),
        &place.to_le_bytes(),
        &[bundle.runs[slot].handed],
    ];
    let mut chance = Chance::new("tallygrid replacement v1", &parts);
    other_peer(case, bundle, slot, |deck, place| {
        deck.deal_one(&mut chance, place.apart, place.past, place.copies)
    })
}

/// What a peer that takes a run over must fit into.
struct Vacancy<'a> {
    /// The sponsors that it must not be of, and the one that it must be of, if there is one.
    apart: (&'a [PartyId], Option<PartyId>),
    /// The peers that had it.
    past: &'a [PeerId],
    /// How many copies the bundle has: its tier must not ask for more.
    copies: u8,
}

/// Has another peer `found` for a run, if it may be handed on once more and there is time.
fn other_peer(
    case: &Case<'_, '_>,
    bundle: &Bundle,
    slot: usize,
    found: impl FnOnce(&mut Deck<'_>, &Vacancy<'_>) -> Option<Drawn>,
) -> Option<Drawn> {
    let handed_enough = bundle.runs[slot].handed >= case.draft.params().replacements_max;
    if handed_enough || case.seal_by() <= case.draft.now() {
        return None;
    }
    let others = bundle.runs.iter().enumerate();
    let seated: Vec<PartyId> = others
        .filter(|(other, run)| *other != slot && run.takes_part())
        .map(|(_, run)| run.sponsor)
        .chain(case.job.excluded)
        .collect();
    let copies = u8::try_from(bundle.runs.len()).expect("a bundle has at most 7 runs");
    let vacancy = Vacancy {
        apart: (&seated, case.anchor().filter(|_| slot == 0)),
        past: &bundle.past,
        copies,
    };
    found(&mut Deck::new(case.draft, wish(case)), &vacancy)
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
