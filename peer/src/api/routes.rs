//! What may be asked, under which address.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, Query, Request as HttpRequest, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::stream;
use protocol::bytes;
use protocol::ids::{JobId, PartyId};
use protocol::job::JOB_BYTES_MAX;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Semaphore;

use super::blob_routes::{keep, serve};
use super::door::{ANSWER_MAX, Door, PAGE_MAX, PLANTED_MAX, Request, VERIFY_MAX};
use super::problem::{Code, Problem};
use super::types::{Document, Done, JobForm, Kind, SubmittedView};
use super::{entry_routes, read_routes};
use crate::blobs::{BlobError, Blobs};
use crate::checker;

/// A JSON body may have so many bytes.
const JSON_BYTES_MAX: usize = 8 << 20;
/// So many modules are looked at at a time, each whole in memory; who hands in more waits.
const MODULES_MAX: usize = 2;
/// The media type of RFC 9457.
const PROBLEM: &str = "application/problem+json";

/// What every handler can reach.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) door: Door,
    pub(super) blobs: Arc<Blobs>,
    modules: Arc<Semaphore>,
}

/// Every route.
pub(super) fn routes(door: Door, blobs: Arc<Blobs>) -> Router {
    let v1 = Router::new()
        .route("/status", get(status))
        .route("/down", post(down))
        .route("/keys", get(keys))
        .route("/jobs", get(jobs).post(submit))
        .route("/jobs/{job}", get(job))
        .route("/jobs/{job}/tasks", get(tasks))
        .route("/jobs/{job}/explain", get(explain))
        .route("/jobs/{job}/news", get(news))
        .route("/nodes", get(nodes))
        .route("/offers", get(offers))
        .route("/wallet", get(balance))
        .route("/wallet/history", get(history))
        .route("/disputes", get(disputes))
        .route("/disputes/{number}", get(dispute))
        .route("/ledger", get(ledger))
        .route("/ledger/verify", post(verify))
        .merge(read_routes::routes())
        .merge(entry_routes::routes())
        .layer(DefaultBodyLimit::max(JSON_BYTES_MAX))
        .route("/blobs", post(keep).layer(DefaultBodyLimit::disable()))
        .route("/blobs/{digest}", get(serve));
    Router::new()
        .nest("/api/v1", v1)
        .route("/healthz", get(async || "ok\n"))
        .layer(middleware::map_response(as_problem))
        .layer(middleware::from_fn(no_browsers))
        .with_state(Desk {
            door,
            blobs,
            modules: Arc::new(Semaphore::new(MODULES_MAX)),
        })
}

/// A document, or a problem.
pub(super) type Answer<T> = Result<Written<T>, Problem>;

/// A document on its way out.
pub(super) struct Written<T>(pub(super) T);

impl<T: Kind + Serialize> IntoResponse for Written<T> {
    fn into_response(self) -> Response {
        Json(Document::of(&self.0)).into_response()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.code.http();
        let mut body = json!(self);
        if let Some(fields) = body.as_object_mut() {
            fields.insert("status".to_owned(), status.into());
            fields.insert("type".to_owned(), "about:blank".into());
        }
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let head = [(header::CONTENT_TYPE, PROBLEM)];
        (status, head, body.to_string()).into_response()
    }
}

/// Whatever the router itself says no to (no such path, no such method, a path that is not UTF-8)
/// becomes a problem like any other.
async fn as_problem(response: Response) -> Response {
    let status = response.status();
    let ours = response.headers().get(header::CONTENT_TYPE);
    let is_ours = ours.is_some_and(|kind| kind == PROBLEM);
    if is_ours || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let code = match status {
        StatusCode::NOT_FOUND => Code::NotFound,
        _ if status.is_server_error() => Code::Failed,
        _ => Code::Usage,
    };
    let why = status.canonical_reason().unwrap_or("refused");
    let mut answer = Problem::new(code, "the API cannot answer this")
        .because(why)
        .into_response();
    *answer.status_mut() = status;
    answer
}

async fn no_browsers(request: HttpRequest, next: Next) -> Response {
    let from_page = [header::ORIGIN, header::REFERER]
        .iter()
        .any(|name| request.headers().contains_key(name));
    if from_page {
        let title = "the socket does not talk to web pages";
        return Problem::new(Code::NotAllowed, title).into_response();
    }
    next.run(request).await
}

/// Reads an id or a number from a path.
pub(super) fn named<T: std::str::FromStr<Err: std::fmt::Display>>(
    what: &str,
    text: &str,
) -> Result<T, Problem> {
    text.parse().map_err(|error| {
        Problem::new(
            Code::Usage,
            format!("`{}` names no {what}", text.escape_debug()),
        )
        .because(error)
    })
}

async fn status(State(desk): State<Desk>) -> Answer<impl Kind + Serialize> {
    let answer = desk.door.ask(|reply| Request::Status { reply }, ANSWER_MAX);
    answer.await.map(Written)
}

async fn down(State(desk): State<Desk>) -> Answer<Done> {
    let answer = desk.door.ask(|reply| Request::Down { reply }, ANSWER_MAX);
    answer.await.map(Written)
}

async fn keys(State(desk): State<Desk>) -> Answer<impl Kind + Serialize> {
    let answer = desk.door.ask(|reply| Request::Keys { reply }, ANSWER_MAX);
    answer.await.map(Written)
}

async fn jobs(State(desk): State<Desk>) -> Answer<impl Kind + Serialize> {
    let answer = desk.door.ask(|reply| Request::Jobs { reply }, ANSWER_MAX);
    answer.await.map(Written)
}

async fn submit(State(desk): State<Desk>, body: Bytes) -> Answer<SubmittedView> {
    let wrong = |why: &dyn std::fmt::Display| {
        Problem::new(Code::Usage, "this is not a job that can run").because(why)
    };
    let form: JobForm = serde_json::from_slice(&body).map_err(|error| wrong(&error))?;
    let (module, needed) = (form.module.digest.0, form.blobs().collect::<Vec<_>>());
    let (job, wish) = form
        .read()
        .map_err(|error| wrong(&error).try_this("peer submit --help"))?;
    let checked = job.clone();
    let written = bytes::write(&job);
    bytes::at_most("job", written.len(), JOB_BYTES_MAX).map_err(|error| wrong(&error))?;
    let blobs = Arc::clone(&desk.blobs);
    let missing = blocking(move || {
        for blob in needed {
            if blobs.size(&blob.digest.0)? != Some(blob.size) {
                return Ok(Some(blob));
            }
        }
        Ok::<_, BlobError>(None)
    });
    if let Some(blob) = missing.await? {
        let why = format!("{} of {} bytes is not at this peer", blob.digest, blob.size);
        return Err(wrong(&why).try_this("POST it to /api/v1/blobs first"));
    }
    let place = desk
        .modules
        .acquire()
        .await
        .map_err(|error| wrong(&error))?;
    let blobs = Arc::clone(&desk.blobs);
    let refused = blocking(move || {
        let content = blobs.read(&module)?.unwrap_or_default();
        if let Err(refused) = executor::check_program(&content, &checked) {
            return Ok(Some(refused));
        }
        let Some(checking) = checked.checking([]) else {
            return Ok(None);
        };
        let content = blobs.read(&checking.module.digest)?.unwrap_or_default();
        let refused = checker::fits(&content, &checking).err();
        Ok(refused.map(|why| format!("its checker cannot be run: {why}")))
    });
    if let Some(refused) = refused.await? {
        return Err(wrong(&refused).try_this("hand in a WASI module, or a shader with `[gpu]`"));
    }
    drop(place);
    // Who is drawn fetches all of this from here: it is to outlive a power cut.
    let blobs = Arc::clone(&desk.blobs);
    blocking(move || blobs.keep(&written).and_then(|_| blobs.settle())).await?;
    let job = Box::new(job);
    let patience = match wish.canaries {
        true => PLANTED_MAX,
        false => ANSWER_MAX,
    };
    let question = |reply| Request::Submit { job, wish, reply };
    desk.door.ask(question, patience).await.map(Written)
}

async fn job(State(desk): State<Desk>, Path(job): Path<String>) -> Answer<impl Kind + Serialize> {
    let job: JobId = named("job", &job)?;
    let answer = desk
        .door
        .ask(|reply| Request::Job { job, reply }, ANSWER_MAX);
    answer.await.map(Written)
}

#[derive(Deserialize)]
struct TaskPage {
    #[serde(default)]
    from: u32,
    limit: Option<u32>,
}

async fn tasks(
    State(desk): State<Desk>,
    Path(job): Path<String>,
    Query(page): Query<TaskPage>,
) -> Answer<impl Kind + Serialize> {
    let job: JobId = named("job", &job)?;
    let (from, limit) = (page.from, page.limit.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX));
    let question = |reply| Request::Tasks {
        job,
        from,
        limit,
        reply,
    };
    desk.door.ask(question, ANSWER_MAX).await.map(Written)
}

async fn explain(
    State(desk): State<Desk>,
    Path(job): Path<String>,
) -> Answer<impl Kind + Serialize> {
    let job: JobId = named("job", &job)?;
    let answer = desk
        .door
        .ask(|reply| Request::Explain { job, reply }, ANSWER_MAX);
    answer.await.map(Written)
}

/// One JSON document a line, until the job ends or the peer lets go.
async fn news(State(desk): State<Desk>, Path(job): Path<String>) -> Result<Response, Problem> {
    let job: JobId = named("job", &job)?;
    let answer = desk
        .door
        .ask(|reply| Request::Watch { job, reply }, ANSWER_MAX);
    let news = answer.await?;
    let lines = stream::unfold(news, async |mut news| {
        let next = news.recv().await?;
        let line = serde_json::to_string(&Document::of(&next)).map(|line| line + "\n");
        Some((line, news))
    });
    let head = [(header::CONTENT_TYPE, "application/jsonl")];
    Ok((head, Body::from_stream(lines)).into_response())
}

async fn nodes(State(desk): State<Desk>) -> Answer<impl Kind + Serialize> {
    let answer = desk.door.ask(|reply| Request::Nodes { reply }, ANSWER_MAX);
    answer.await.map(Written)
}

async fn offers(State(desk): State<Desk>) -> Answer<impl Kind + Serialize> {
    let answer = desk.door.ask(|reply| Request::Offers { reply }, ANSWER_MAX);
    answer.await.map(Written)
}

#[derive(Deserialize)]
struct Purse {
    party: Option<String>,
    before: Option<u64>,
    limit: Option<u32>,
}

impl Purse {
    fn party(&self) -> Result<Option<PartyId>, Problem> {
        let party = self.party.as_deref();
        party.map(|party| named("party", party)).transpose()
    }
}

async fn balance(
    State(desk): State<Desk>,
    Query(purse): Query<Purse>,
) -> Answer<impl Kind + Serialize> {
    let party = purse.party()?;
    let answer = desk
        .door
        .ask(|reply| Request::Balance { party, reply }, ANSWER_MAX);
    answer.await.map(Written)
}

async fn history(
    State(desk): State<Desk>,
    Query(purse): Query<Purse>,
) -> Answer<impl Kind + Serialize> {
    let (party, before) = (purse.party()?, purse.before);
    let limit = purse.limit.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX);
    let question = |reply| Request::History {
        party,
        before,
        limit,
        reply,
    };
    desk.door.ask(question, ANSWER_MAX).await.map(Written)
}

async fn disputes(State(desk): State<Desk>) -> Answer<impl Kind + Serialize> {
    let answer = desk
        .door
        .ask(|reply| Request::Disputes { reply }, ANSWER_MAX);
    answer.await.map(Written)
}

async fn dispute(
    State(desk): State<Desk>,
    Path(number): Path<String>,
) -> Answer<impl Kind + Serialize> {
    let number: u64 = named("dispute", &number)?;
    let answer = desk
        .door
        .ask(|reply| Request::Dispute { number, reply }, ANSWER_MAX);
    answer.await.map(Written)
}

async fn ledger(State(desk): State<Desk>) -> Answer<impl Kind + Serialize> {
    let answer = desk.door.ask(|reply| Request::Ledger { reply }, ANSWER_MAX);
    answer.await.map(Written)
}

async fn verify(State(desk): State<Desk>) -> Answer<impl Kind + Serialize> {
    let answer = desk.door.ask(|reply| Request::Verify { reply }, VERIFY_MAX);
    answer.await.map(Written)
}

/// Runs something that reads or writes the disk where it may block.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BlobError> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(error.into()),
        Err(died) => Err(Problem::new(Code::Bug, "reading blobs went wrong").because(died)),
    }
}
