//! Routes that only read what is agreed: numbers, classes, epochs, proposals, trust, slashes, keys,
//! task wallets.

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::routing::get;
use protocol::event::Fault;
use protocol::ids::{BundleId, ChannelId, JobId, LeaseId, PartyId, PeerId, PublicKey, PurseId};
use protocol::job::Class;
use serde::{Deserialize, Serialize};

use super::door::{ANSWER_MAX, PAGE_MAX, Request};
use super::problem::{Code, Problem};
use super::routes::{Answer, Desk, Written, named};
use super::types::{
    AccusationView, ChannelView, ClassView, CouncilStateView, EmergencyView, EpochView, HoldView,
    Kind, LeaseTermsView, LeaseView, List, NoticeView, ParamView, PartyView, PreviewView,
    ProposalView, PurseView, SigningView, WhyView,
};
use crate::answers::{self, FAULTS};

pub(super) fn routes() -> Router<Desk> {
    Router::new()
        .route("/params", get(params))
        .route("/params/{name}", get(param))
        .route("/classes", get(classes))
        .route("/classes/{class}", get(class))
        .route("/epochs", get(epochs))
        .route("/epochs/{number}", get(epoch))
        .route("/council", get(council))
        .route("/proposals", get(proposals))
        .route("/proposals/{number}", get(proposal))
        .route("/notices", get(notices))
        .route("/emergencies", get(emergencies))
        .route("/accusations", get(accusations))
        .route("/nodes/{peer}", get(node))
        .route("/nodes/{peer}/explain", get(why))
        .route("/slashes", get(slashes))
        .route("/slashes/preview", get(preview))
        .route("/slashes/{number}", get(slash))
        .route("/parties/{party}", get(party))
        .route("/parties/{party}/purses", get(purses))
        .route("/purses/{purse}", get(purse))
        .route("/parties/{party}/channels", get(channels))
        .route("/channels/{channel}", get(channel))
        .route("/parties/{party}/leases", get(leases_held))
        .route("/nodes/{peer}/leases", get(leases_of))
        .route("/nodes/{peer}/terms", get(lease_terms))
        .route("/leases/{lease}", get(lease))
        .route("/signing/{key}", get(signing))
}

/// Which page of a list.
#[derive(Deserialize)]
struct Page {
    before: Option<u64>,
    limit: Option<u32>,
}

impl Page {
    fn limit(&self) -> u32 {
        self.limit.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX)
    }
}

/// The class of this name.
pub(crate) fn class_named(name: &str) -> Result<Class, Problem> {
    let known = Class::ALL.into_iter().find(|class| class.name() == name);
    known.ok_or_else(|| {
        let shown: String = name.chars().take(40).collect();
        let title = format!("there is no class `{}`", shown.escape_debug());
        Problem::new(Code::NotFound, title)
            .because("the classes are grid, edge, cloud and ai")
            .try_this("peer class ls")
    })
}

/// The fault of this code, such as `F1`.
pub(crate) fn fault_named(code: &str) -> Result<Fault, Problem> {
    let known = FAULTS.into_iter().find(|fault| fault.code() == code);
    known.ok_or_else(|| {
        let shown: String = code.chars().take(40).collect();
        let all: Vec<String> = FAULTS
            .iter()
            .map(|fault| format!("{} {}", fault.code(), fault.words()))
            .collect();
        let title = format!("there is no fault `{}`", shown.escape_debug());
        Problem::new(Code::Usage, title).because(all.join("\n"))
    })
}

/// `now` is the absence of a number.
fn number(what: &str, text: &str) -> Result<Option<u64>, Problem> {
    if text == "now" {
        return Ok(None);
    }
    named(what, text).map(Some)
}

fn listed<T>(items: Vec<T>) -> Written<List<T>> {
    Written(items.into())
}

async fn params(State(desk): State<Desk>) -> Answer<List<ParamView>> {
    let look = desk.door.look(|from| Ok(answers::params(from)));
    look.await.map(listed)
}

async fn param(State(desk): State<Desk>, Path(name): Path<String>) -> Answer<ParamView> {
    let look = desk.door.look(move |from| answers::param(from, &name));
    look.await.map(Written)
}

async fn classes(State(desk): State<Desk>) -> Answer<List<ClassView>> {
    let look = desk.door.look(|from| Ok(answers::classes(from)));
    look.await.map(listed)
}

async fn class(State(desk): State<Desk>, Path(class): Path<String>) -> Answer<ClassView> {
    let class = class_named(&class)?;
    let look = desk.door.look(move |from| answers::class(from, class));
    look.await.map(Written)
}

async fn epochs(State(desk): State<Desk>, Query(page): Query<Page>) -> Answer<List<EpochView>> {
    let limit = page.limit();
    let look = desk.door.look(move |from| answers::epochs(from, limit));
    look.await.map(listed)
}

async fn epoch(State(desk): State<Desk>, Path(text): Path<String>) -> Answer<EpochView> {
    let number = number("epoch", &text)?;
    let look = desk.door.look(move |from| answers::epoch(from, number));
    look.await.map(Written)
}

async fn council(State(desk): State<Desk>) -> Answer<CouncilStateView> {
    let look = desk.door.look(|from| Ok(answers::council(from)));
    look.await.map(Written)
}

async fn proposals(
    State(desk): State<Desk>,
    Query(page): Query<Page>,
) -> Answer<List<ProposalView>> {
    let (before, limit) = (page.before, page.limit());
    let look = move |from: &answers::Sources<'_>| answers::proposals(from, before, limit);
    desk.door.look(look).await.map(listed)
}

async fn proposal(State(desk): State<Desk>, Path(text): Path<String>) -> Answer<ProposalView> {
    let number: u64 = named("proposal", &text)?;
    let look = desk.door.look(move |from| answers::proposal(from, number));
    look.await.map(Written)
}

async fn notices(State(desk): State<Desk>, Query(page): Query<Page>) -> Answer<List<NoticeView>> {
    let (before, limit) = (page.before, page.limit());
    let look = move |from: &answers::Sources<'_>| Ok(answers::notices(from, before, limit));
    desk.door.look(look).await.map(listed)
}

async fn accusations(State(desk): State<Desk>) -> Answer<List<AccusationView>> {
    let look = desk.door.look(|from| Ok(answers::accusations(from)));
    look.await.map(listed)
}

async fn emergencies(State(desk): State<Desk>) -> Answer<List<EmergencyView>> {
    let look = desk.door.look(|from| Ok(answers::emergencies(from)));
    look.await.map(listed)
}

async fn node(State(desk): State<Desk>, Path(peer): Path<String>) -> Answer<impl Kind + Serialize> {
    let peer: PeerId = named("peer", &peer)?;
    let question = |reply| Request::Node { peer, reply };
    desk.door.ask(question, ANSWER_MAX).await.map(Written)
}

/// For what a peer might be drawn.
#[derive(Deserialize)]
struct Work {
    class: Option<String>,
    job: Option<String>,
}

async fn why(
    State(desk): State<Desk>,
    Path(peer): Path<String>,
    Query(work): Query<Work>,
) -> Answer<WhyView> {
    let peer: PeerId = named("peer", &peer)?;
    let class = class_named(work.class.as_deref().unwrap_or(Class::Grid.name()))?;
    let job = work
        .job
        .map(|job| named::<JobId>("job", &job))
        .transpose()?;
    let look = move |from: &answers::Sources<'_>| answers::why_not_drawn(from, peer, class, job);
    desk.door.look(look).await.map(Written)
}

async fn slashes(State(desk): State<Desk>, Query(page): Query<Page>) -> Answer<List<HoldView>> {
    let (before, limit) = (page.before, page.limit());
    let look = move |from: &answers::Sources<'_>| Ok(answers::slashes(from, before, limit));
    desk.door.look(look).await.map(listed)
}

async fn slash(State(desk): State<Desk>, Path(text): Path<String>) -> Answer<HoldView> {
    let number: u64 = named("slash", &text)?;
    let look = desk.door.look(move |from| answers::slash(from, number));
    look.await.map(Written)
}

/// What a fault would be in.
#[derive(Deserialize)]
struct Crime {
    job: String,
    bundle: u32,
    peer: String,
    fault: String,
}

async fn preview(State(desk): State<Desk>, Query(crime): Query<Crime>) -> Answer<PreviewView> {
    let bundle = BundleId {
        job: named("job", &crime.job)?,
        index: crime.bundle,
    };
    let peer: PeerId = named("peer", &crime.peer)?;
    let fault = fault_named(&crime.fault)?;
    let look = move |from: &answers::Sources<'_>| answers::slash_preview(from, bundle, peer, fault);
    desk.door.look(look).await.map(Written)
}

async fn party(State(desk): State<Desk>, Path(party): Path<String>) -> Answer<PartyView> {
    let party = known_party(&party)?;
    let look = move |from: &answers::Sources<'_>| answers::party(from, party.unwrap_or(from.party));
    desk.door.look(look).await.map(Written)
}

/// `me` is the party of the peer that answers.
fn known_party(text: &str) -> Result<Option<PartyId>, Problem> {
    if text == "me" {
        return Ok(None);
    }
    named("party", text).map(Some)
}

async fn purses(State(desk): State<Desk>, Path(party): Path<String>) -> Answer<List<PurseView>> {
    let party = known_party(&party)?;
    let look =
        move |from: &answers::Sources<'_>| Ok(answers::purses(from, party.unwrap_or(from.party)));
    desk.door.look(look).await.map(listed)
}

async fn purse(State(desk): State<Desk>, Path(purse): Path<String>) -> Answer<PurseView> {
    let purse: PurseId = named("task wallet or grant", &purse)?;
    let look = desk.door.look(move |from| answers::purse(from, purse));
    look.await.map(Written)
}

async fn channels(
    State(desk): State<Desk>,
    Path(party): Path<String>,
) -> Answer<List<ChannelView>> {
    let party = known_party(&party)?;
    let look =
        move |from: &answers::Sources<'_>| Ok(answers::channels(from, party.unwrap_or(from.party)));
    desk.door.look(look).await.map(listed)
}

async fn channel(State(desk): State<Desk>, Path(channel): Path<String>) -> Answer<ChannelView> {
    let channel: ChannelId = named("payment channel", &channel)?;
    let look = desk.door.look(move |from| answers::channel(from, channel));
    look.await.map(Written)
}

async fn leases_held(
    State(desk): State<Desk>,
    Path(party): Path<String>,
) -> Answer<List<LeaseView>> {
    let party = known_party(&party)?;
    let look = move |from: &answers::Sources<'_>| {
        Ok(answers::leases_held(from, party.unwrap_or(from.party)))
    };
    desk.door.look(look).await.map(listed)
}

async fn leases_of(State(desk): State<Desk>, Path(peer): Path<String>) -> Answer<List<LeaseView>> {
    let peer: PeerId = named("peer", &peer)?;
    let look = move |from: &answers::Sources<'_>| Ok(answers::leases_of(from, peer));
    desk.door.look(look).await.map(listed)
}

async fn lease_terms(
    State(desk): State<Desk>,
    Path(peer): Path<String>,
) -> Answer<List<LeaseTermsView>> {
    let peer: PeerId = named("peer", &peer)?;
    let look = move |from: &answers::Sources<'_>| Ok(answers::lease_terms(from, peer));
    desk.door.look(look).await.map(listed)
}

async fn lease(State(desk): State<Desk>, Path(lease): Path<String>) -> Answer<LeaseView> {
    let lease: LeaseId = named("lease", &lease)?;
    let look = desk.door.look(move |from| answers::lease(from, lease));
    look.await.map(Written)
}

/// In which lane, and for whom.
#[derive(Deserialize)]
struct Signing {
    #[serde(default)]
    lane: u16,
    party: Option<String>,
}

async fn signing(
    State(desk): State<Desk>,
    Path(key): Path<String>,
    Query(signing): Query<Signing>,
) -> Answer<SigningView> {
    let key: PublicKey = named("key", &key)?;
    let party = signing.party.as_deref();
    let party: Option<PartyId> = party.map(|party| named("party", party)).transpose()?;
    let lane = signing.lane;
    let look = move |from: &answers::Sources<'_>| answers::signing(from, key, party, lane);
    desk.door.look(look).await.map(Written)
}
