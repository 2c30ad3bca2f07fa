//! From a request to terms: how a job is cut, and what is paid for it.

use std::collections::BTreeMap;

use protocol::bytes::Limited;
use protocol::ids::{Digest, PartyId, PeerId};
use protocol::job::{Care, Job, TASKS_PER_BUNDLE_MAX, Terms};
use protocol::units::{Credits, Millis};

use crate::effect::Answer;
use crate::errand::can_run;
use crate::identity::Identity;
use crate::input::Choices;
use crate::standing::{Standing, StandingOffer};
use crate::trouble::{Kind, Trouble};

/// A job is cut into about so many bundles, where its tasks allow.
pub const BUNDLES_AIMED_AT: u32 = 32;
/// Offers that ask up to so many times the cheapest sufficient price are drawn too.
pub const PRICE_SPREAD: u64 = 2;
/// A drawn peer is expected to do at least so much work in a second, per task place.
pub const FUEL_PER_SECOND: u64 = 500_000_000;

/// The terms of a job, or why it cannot be submitted.
pub(crate) fn terms(
    digest: Digest,
    job: &Job,
    choices: &Choices,
    standing: &Standing,
    me: &Identity,
) -> Result<Terms, Answer> {
    let refused = |kind, why: String, help: &str| Answer::Refused {
        trouble: Trouble::new(kind, why),
        help: help.to_owned(),
    };
    let senseless = |why: String| refused(Kind::Request, why, "peer submit --help");
    job.within_limits()
        .map_err(|error| senseless(error.to_string()))?;
    if let Some(checking) = job.checking([]) {
        can_run(&checking, me).map_err(|why| senseless(format!("its checker: {why}")))?;
    }
    let tasks = job.array.count;
    let spread = tasks.div_ceil(BUNDLES_AIMED_AT).min(TASKS_PER_BUNDLE_MAX);
    let per_gfuel = match choices.per_gfuel {
        Some(price) => price,
        None => price(standing, choices)?,
    };
    let tasks_per_bundle = choices.tasks_per_bundle.unwrap_or(spread);
    let work = job
        .limits
        .fuel
        .get()
        .saturating_mul(u64::from(tasks_per_bundle));
    let long = Millis::new(work.saturating_mul(1_000) / FUEL_PER_SECOND);
    let window = me.seal_window_min.plus(long).unwrap_or(Millis::MAX);
    let terms = Terms {
        job: digest,
        module: job.module.digest,
        peer: me.peer,
        class: choices.class,
        tasks,
        tasks_per_bundle,
        copies: choices.copies,
        task_fuel_max: job.limits.fuel,
        per_gfuel,
        seal_window: choices.seal_window.unwrap_or(window),
        judge: job.judge(),
        care: Care::default(),
    };
    terms
        .within_limits()
        .map_err(|error| senseless(error.to_string()))?;
    let copies = u64::from(tasks) * u64::from(terms.copies.max(me.copies_asked));
    let most = terms.task_price_max().and_then(|price| price.times(copies));
    let Some(most) = most else {
        let why = "it costs more than all credits there can be".to_owned();
        return Err(refused(Kind::Money, why, "peer submit --fuel LESS"));
    };
    if let Some(budget) = choices.budget.filter(|budget| *budget < most) {
        let why = format!("it may cost up to {most}, the budget is {budget}");
        let help = format!("peer submit --budget {}, or --fuel LESS", digits(most));
        return Err(refused(Kind::Money, why, &help));
    }
    enough_sponsors(&terms, standing).map_err(|why| refused(Kind::Offers, why, "peer offer ls"))?;
    Ok(terms)
}

/// An amount as it is typed.
fn digits(amount: Credits) -> String {
    amount.to_string().trim_end_matches(" cr").to_owned()
}

/// The price at which enough sponsors, and those not much dearer, can be drawn.
fn price(standing: &Standing, choices: &Choices) -> Result<Credits, Answer> {
    let offers: Vec<StandingOffer> = standing.offers(choices.class).collect();
    let mut asks: Vec<Credits> = cheapest_by_sponsor(&offers).into_values().collect();
    asks.sort_unstable();
    let needed = usize::from(choices.copies.max(1));
    let Some(enough) = asks.get(needed - 1) else {
        let why = too_few(asks.len(), choices.copies, choices.class.name());
        return Err(Answer::Refused {
            trouble: Trouble::new(Kind::Offers, why),
            help: "peer offer ls".to_owned(),
        });
    };
    let most = enough.times(PRICE_SPREAD).unwrap_or(Credits::MAX);
    let within = offers
        .iter()
        .map(|offer| offer.per_gfuel)
        .filter(|ask| *ask <= most);
    Ok(within.max().unwrap_or(*enough))
}

fn enough_sponsors(terms: &Terms, standing: &Standing) -> Result<(), String> {
    let fits = |offer: &StandingOffer| offer.per_gfuel <= terms.per_gfuel;
    let offers: Vec<StandingOffer> = standing.offers(terms.class).filter(fits).collect();
    let sponsors = cheapest_by_sponsor(&offers).len();
    if sponsors >= usize::from(terms.copies) {
        return Ok(());
    }
    let price = terms.per_gfuel;
    let what = too_few(sponsors, terms.copies, terms.class.name());
    Err(format!("{what} at {price} per Gfuel"))
}

fn too_few(sponsors: usize, copies: u8, class: &str) -> String {
    format!("{copies} copies need peers of as many sponsors, and {sponsors} offer class {class}")
}

/// What each sponsor's cheapest peer asks. A peer whose sponsor no event named stands for itself.
fn cheapest_by_sponsor(
    offers: &[StandingOffer],
) -> BTreeMap<(Option<PartyId>, Option<PeerId>), Credits> {
    let mut cheapest = BTreeMap::new();
    for offer in offers {
        let alone = offer.sponsor.is_none().then_some(offer.peer);
        let least = cheapest
            .entry((offer.sponsor, alone))
            .or_insert(offer.per_gfuel);
        *least = offer.per_gfuel.min(*least);
    }
    cheapest
}
