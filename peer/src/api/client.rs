//! The client's half: one connection per question, everything that comes back is bounded and, where
//! it is content, checked against its digest.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::{Method, Request, Response, header};
use hyper_util::rt::TokioIo;
use protocol::bytes;
use protocol::ids::{Digest, JobId};
use protocol::outcome::{TASK_OUTPUT_BYTES_MAX, TaskOutput};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::problem::{Code, Problem};
use super::types::{BlobForm, News};

/// A JSON answer may have so many bytes.
const JSON_BYTES_MAX: usize = 64 << 20;
/// One line of news may have so many bytes.
const NEWS_BYTES_MAX: usize = 1 << 20;
/// An answer must begin within this; replaying a ledger takes the longest.
const ANSWER_MAX: Duration = Duration::from_secs(620);

/// Asks one peer.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
}

/// The news of a job, as they come.
#[derive(Debug)]
pub struct Watch {
    body: Incoming,
    begun: Vec<u8>,
}

impl Client {
    /// Will ask the peer behind this socket.
    pub fn new(socket: &Path) -> Self {
        let socket = socket.to_owned();
        Self { socket }
    }

    /// The socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Finds out whether a peer answers there.
    ///
    /// # Errors
    /// [`Code::Unreachable`] if none does.
    pub async fn reach(&self) -> Result<(), Problem> {
        let reached = UnixStream::connect(&self.socket).await;
        reached.map(drop).map_err(|cause| self.nobody(&cause))
    }

    /// Reads the document at `path`, such as `/status`.
    ///
    /// # Errors
    /// What the peer says; [`Code::Unreachable`] if it does not answer; [`Code::Bug`] if its answer
    /// makes no sense.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Problem> {
        let response = self.send(Method::GET, path, Bytes::new()).await?;
        document(response).await
    }

    /// Hands `body` in at `path`, and reads what comes of it.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Problem> {
        let body = serde_json::to_vec(body).map_err(|error| nonsense(&error))?;
        let response = self.send(Method::POST, path, body.into()).await?;
        document(response).await
    }

    /// Keeps content at the peer.
    ///
    /// # Errors
    /// As [`Client::get`]; also if the peer kept something else.
    pub async fn keep(&self, content: Vec<u8>) -> Result<BlobForm, Problem> {
        let ours = Digest::of(&content);
        let response = self.send(Method::POST, "/blobs", content.into()).await?;
        let kept: BlobForm = document(response).await?;
        if kept.digest.0 != ours {
            return Err(nonsense(&format!("it kept {} for {ours}", kept.digest)));
        }
        Ok(kept)
    }

    /// The output of a task, by its digest, checked.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn output(&self, digest: &Digest) -> Result<TaskOutput, Problem> {
        let path = format!("/blobs/{}", digest.full());
        let response = self.send(Method::GET, &path, Bytes::new()).await?;
        let content = whole(response, TASK_OUTPUT_BYTES_MAX).await?;
        if Digest::of(&content) != *digest {
            return Err(nonsense(&format!("the content of {digest} is another")));
        }
        bytes::read(&content, TASK_OUTPUT_BYTES_MAX).map_err(|error| nonsense(&error))
    }

    /// Follows a job.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn watch(&self, job: &JobId) -> Result<Watch, Problem> {
        let path = format!("/jobs/{}/news", job.full());
        let response = self.send(Method::GET, &path, Bytes::new()).await?;
        let body = response.into_body();
        let begun = Vec::new();
        Ok(Watch { body, begun })
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>, Problem> {
        let stream = UnixStream::connect(&self.socket)
            .await
            .map_err(|cause| self.nobody(&cause))?;
        let lost = |error: hyper::Error| self.nobody(&error);
        let (mut ask, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(header::HOST, "peer")
            .body(Full::new(body))
            .map_err(|error| nonsense(&error))?;
        let answered = timeout(ANSWER_MAX, ask.send_request(request)).await;
        let response = answered.map_err(|late| self.nobody(&late))?.map_err(lost)?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let body = whole(response, NEWS_BYTES_MAX).await?;
        let problem = serde_json::from_slice(&body);
        Err(problem.unwrap_or_else(|_| nonsense(&format!("it answers with status {status}"))))
    }

    fn nobody(&self, cause: &dyn std::fmt::Display) -> Problem {
        let title = format!("no peer answers at {}", self.socket.display());
        Problem::new(Code::Unreachable, title)
            .because(cause)
            .try_this("start one with `peer up`, or try a whole federation with `peer devnet`")
    }
}

impl Watch {
    /// The next news; `None` when the peer has nothing more to say.
    ///
    /// # Errors
    /// [`Code::Unreachable`] if the connection breaks; [`Code::Bug`] if a line makes no sense.
    pub async fn next(&mut self) -> Result<Option<News>, Problem> {
        loop {
            if let Some(end) = self.begun.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.begun.drain(..=end).collect();
                return serde_json::from_slice(&line)
                    .map(Some)
                    .map_err(|error| nonsense(&error));
            }
            if self.begun.len() > NEWS_BYTES_MAX {
                return Err(nonsense(&"a line of news without an end"));
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(Ok(frame)) => self.begun.extend(frame.data_ref().into_iter().flatten()),
                Some(Err(error)) => {
                    let title = "the peer stopped while we followed the job";
                    return Err(Problem::new(Code::Unreachable, title).because(error));
                }
            }
        }
    }
}

async fn document<T: DeserializeOwned>(response: Response<Incoming>) -> Result<T, Problem> {
    let body = whole(response, JSON_BYTES_MAX).await?;
    serde_json::from_slice(&body).map_err(|error| nonsense(&error))
}

async fn whole(response: Response<Incoming>, max: usize) -> Result<Bytes, Problem> {
    match Limited::new(response.into_body(), max).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(nonsense(&"an answer without an end")),
        Err(error) => {
            let title = "the peer's answer was cut short";
            Err(Problem::new(Code::Unreachable, title).because(error))
        }
    }
}

fn nonsense(why: &dyn std::fmt::Display) -> Problem {
    let title = "the peer's answer makes no sense";
    Problem::new(Code::Bug, title)
        .because(why)
        .try_this("use the same version of `peer` for both: see `peer --version` and `peer status`")
}
