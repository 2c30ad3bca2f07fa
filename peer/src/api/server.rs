//! Listens on the socket: checks who connects, bounds how many, and never lets bytes in that are
//! not a whole request.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use thiserror::Error;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::door::Door;
use super::routes::routes;
use crate::blobs::Blobs;
use crate::home::our_uid;

/// So many connections are served at once; others wait to be accepted.
const CONNECTIONS_MAX: usize = 64;
/// A request's head must be here within this time.
const HEAD_MAX: Duration = Duration::from_secs(10);
/// A request's head may have so many bytes.
const HEAD_BYTES_MAX: usize = 64 * 1_024;
/// When stopping, open connections have so long to end.
const FAREWELL: Duration = Duration::from_secs(2);
/// After the system refused to accept, we wait so long before we try again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The API cannot listen.
#[derive(Debug, Error)]
pub enum ServerError {
    /// The system says no.
    #[error("cannot {doing} the socket {path}")]
    Socket {
        /// What we were doing.
        doing: &'static str,
        /// The socket.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// Something else lies there.
    #[error("{path} is not a socket; move it away, or choose another with --api")]
    Occupied {
        /// What lies there.
        path: PathBuf,
    },
}

/// A listening API. It stops when dropped; [`Server::stop`] also waits for open answers.
#[derive(Debug)]
pub struct Server {
    path: PathBuf,
    stopping: watch::Sender<bool>,
    places: Arc<Semaphore>,
    listening: JoinHandle<()>,
}

impl Server {
    /// Listens on this socket. A socket that a dead peer left there is replaced, so the caller
    /// holds the home's lock. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn start(path: &Path, door: Door, blobs: Arc<Blobs>) -> Result<Self, ServerError> {
        let socket = |doing| {
            let path = path.to_owned();
            move |cause| ServerError::Socket { doing, path, cause }
        };
        match fs::symlink_metadata(path) {
            Ok(found) if found.file_type().is_socket() => {
                fs::remove_file(path).map_err(socket("replace"))?;
            }
            Ok(_) => {
                return Err(ServerError::Occupied {
                    path: path.to_owned(),
                });
            }
            Err(_) => {}
        }
        let us = our_uid().map_err(socket("learn our user for"))?;
        let listener = UnixListener::bind(path).map_err(socket("listen on"))?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(socket("close"))?;

        let (stopping, stop) = watch::channel(false);
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let listen = Listen {
            us,
            places: Arc::clone(&places),
            routes: routes(door, blobs),
            stop,
        };
        let listening = tokio::spawn(listen.run(listener));
        Ok(Self {
            path: path.to_owned(),
            stopping,
            places,
            listening,
        })
    }

    /// Accepts nobody any more, waits a moment for open answers, and takes the socket away.
    pub async fn stop(self) {
        let _ = self.stopping.send(true);
        let all = u32::try_from(CONNECTIONS_MAX).expect("so few connections fit");
        let _ = timeout(FAREWELL, self.places.acquire_many(all)).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.listening.abort();
        // A socket that stays is replaced by the next peer.
        let _ = fs::remove_file(&self.path);
    }
}

struct Listen {
    us: u32,
    places: Arc<Semaphore>,
    routes: Router,
    stop: watch::Receiver<bool>,
}

impl Listen {
    async fn run(mut self, listener: UnixListener) {
        loop {
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else {
                return;
            };
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = self.stop.changed() => return,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(target: "peer::api", %error, "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            if !self.is_ours(&stream) {
                tracing::warn!(target: "peer::api", "refused a connection of another user");
                continue;
            }
            let (routes, stop) = (self.routes.clone(), self.stop.clone());
            tokio::spawn(async move {
                serve(stream, routes, stop).await;
                drop(place);
            });
        }
    }

    fn is_ours(&self, stream: &UnixStream) -> bool {
        stream
            .peer_cred()
            .is_ok_and(|them| them.uid() == self.us || them.uid() == 0)
    }
}

async fn serve(stream: UnixStream, routes: Router, mut stop: watch::Receiver<bool>) {
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    tokio::pin!(served);
    let ended = tokio::select! {
        ended = &mut served => ended,
        _ = stop.changed() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(target: "peer::api", %error, "a connection ended badly");
    }
}
