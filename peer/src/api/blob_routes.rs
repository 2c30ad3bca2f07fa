//! Blobs in and out, piece by piece: no blob is ever whole in memory here.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::stream;
use http_body_util::BodyExt;
use protocol::ids::Digest;
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;

use super::problem::{Code, Problem};
use super::routes::{Desk, Written, blocking, named};
use super::types::BlobForm;
use crate::blobs::{BlobError, Blobs};

/// So many pieces of an upload wait for the disk.
const PIECES_MAX: usize = 8;
/// A blob is sent in pieces of so many bytes.
const PIECE_BYTES: usize = 128 * 1_024;

impl From<BlobError> for Problem {
    fn from(error: BlobError) -> Self {
        let code = match &error {
            BlobError::TooLarge { .. } | BlobError::Wrong { .. } => Code::Usage,
            BlobError::Disk { .. } | BlobError::Home(_) => Code::Failed,
        };
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        let problem = Self::new(code, error.to_string());
        match cause {
            Some(cause) => problem.because(cause),
            None => problem,
        }
    }
}

/// Keeps what is sent.
pub(super) async fn keep(
    State(desk): State<Desk>,
    mut body: Body,
) -> Result<Written<BlobForm>, Problem> {
    let (pieces, arriving) = mpsc::channel(PIECES_MAX);
    let blobs = Arc::clone(&desk.blobs);
    let kept = tokio::spawn(blocking(move || store(&blobs, arriving)));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            Problem::new(Code::Usage, "the upload was cut short").because(error)
        })?;
        let Ok(piece) = frame.into_data() else {
            continue;
        };
        if pieces.send(Some(piece)).await.is_err() {
            break;
        }
    }
    // Only this says that the upload is whole; a channel that just closes keeps nothing.
    let _ = pieces.send(None).await;
    match kept.await {
        Ok(Ok(Some(blob))) => Ok(Written(blob)),
        Ok(Ok(None)) => Err(Problem::new(Code::Usage, "the upload was cut short")),
        Ok(Err(problem)) => Err(problem),
        Err(died) => Err(Problem::new(Code::Bug, "keeping a blob went wrong").because(died)),
    }
}

fn store(
    blobs: &Blobs,
    mut arriving: mpsc::Receiver<Option<Bytes>>,
) -> Result<Option<BlobForm>, BlobError> {
    let mut part = blobs.part()?;
    while let Some(piece) = arriving.blocking_recv() {
        let Some(piece) = piece else {
            let size = part.len();
            let digest = part.finish(None)?.into();
            return Ok(Some(BlobForm { digest, size }));
        };
        part.write(&piece)?;
    }
    Ok(None)
}

/// Sends a blob that lies here, whole.
pub(super) async fn serve(
    State(desk): State<Desk>,
    Path(digest): Path<String>,
) -> Result<Response, Problem> {
    let digest: Digest = named("blob", &digest)?;
    let blobs = Arc::clone(&desk.blobs);
    let Some((path, len)) = blocking(move || blobs.path(&digest)).await? else {
        let title = format!("{digest} is not at this peer");
        return Err(Problem::new(Code::NotFound, title));
    };
    let file = File::open(&path).await.map_err(|cause| {
        let doing = "open";
        BlobError::Disk { doing, path, cause }
    })?;
    let pieces = stream::try_unfold(file, async |mut file| {
        let mut piece = vec![0; PIECE_BYTES];
        let read = file.read(&mut piece).await?;
        piece.truncate(read);
        Ok::<_, std::io::Error>((read > 0).then_some((piece, file)))
    });
    let head = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, len.to_string()),
    ];
    Ok((head, Body::from_stream(pieces)).into_response())
}
