//! The route by which entries come in: a body for this peer to sign, or an entry that is signed.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use data_encoding::HEXLOWER_PERMISSIVE;
use protocol::bytes;
use protocol::entry::{ENTRY_BYTES_MAX, Entry, SignedEntry};

use super::door::{AGREED_MAX, Request, Wanted};
use super::problem::{Code, Problem};
use super::routes::{Answer, Desk, Written};
use super::types::{EntryForm, EntryView};

pub(super) fn routes() -> Router<Desk> {
    Router::new().route("/entries", post(enter))
}

async fn enter(State(desk): State<Desk>, body: Bytes) -> Answer<EntryView> {
    let wanted =
        read(&body).map_err(|why| Problem::new(Code::Usage, "this is no entry").because(why))?;
    let question = |reply| Request::Enter { wanted, reply };
    match desk.door.ask(question, AGREED_MAX).await {
        Err(problem) if problem.code == Code::Unreachable => Err(Problem::new(
            Code::TimedOut,
            "the federation has not agreed on it yet, and still may",
        )
        .because(problem)
        .try_this("peer ledger status")),
        answer => answer.map(Written),
    }
}

fn read(body: &[u8]) -> Result<Wanted, String> {
    let form: EntryForm = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let written = HEXLOWER_PERMISSIVE
        .decode(form.bytes.as_bytes())
        .map_err(|error| error.to_string())?;
    let malformed = |error: bytes::Malformed| error.to_string();
    if form.signed {
        let entry = bytes::read::<SignedEntry>(&written, ENTRY_BYTES_MAX).map_err(malformed)?;
        return Ok(Wanted::Signed(Box::new(entry)));
    }
    let entry = bytes::read::<Entry>(&written, ENTRY_BYTES_MAX).map_err(malformed)?;
    Ok(Wanted::Ours(Box::new(entry)))
}
