//! Messages from peer to peer: one stream per direction, in order, each one answered by a byte once
//! the other side has put it into its queue.
//!
//! A message whose answer is missing when a stream breaks is sent once more on a new one: it
//! arrives at least once if sending succeeds, and its receiver must bear it twice.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures::{AsyncRead, AsyncReadExt};
use protocol::ids::PeerId;
use protocol::message::MESSAGE_BYTES_MAX;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::net::Net;
use crate::scores::Fault;
use crate::streams::{Channel, Class, OpenError};
use crate::wire::{self, FrameError};

/// So many messages to one peer wait.
const LETTERS_MAX: usize = 64;
/// So many messages are under way without an answer.
const UNANSWERED_MAX: usize = 16;
/// A stream with nothing to carry is closed by its sender after this time, ...
const SENDER_IDLE: Duration = Duration::from_secs(60);
/// ... and by its receiver after this.
const RECEIVER_IDLE: Duration = Duration::from_secs(180);
/// An answer comes within this time.
const ANSWER_TIME: Duration = Duration::from_secs(30);
/// A message is tried so many times.
const TRIES_MAX: u8 = 2;

const TAKEN: u8 = 1;
const BUSY: u8 = 2;

/// A message was not delivered, as far as we know.
#[derive(Debug, Error)]
pub enum SendError {
    /// It is larger than any message may be.
    #[error("a message of {len} bytes where at most {max} are allowed")]
    TooLong {
        /// Its size.
        len: usize,
        /// What is allowed.
        max: usize,
    },
    /// No stream to the peer could be opened.
    #[error("cannot reach the peer")]
    Open(#[from] OpenError),
    /// The peer's queue is full.
    #[error("the peer is busy")]
    Busy,
    /// The stream broke; the message may have arrived.
    #[error("the connection broke before the peer answered")]
    Broken,
}

/// A message on its way.
pub(crate) struct Letter {
    bytes: Arc<[u8]>,
    tries: u8,
    done: oneshot::Sender<Result<(), SendError>>,
}

impl Letter {
    fn end(self, result: Result<(), SendError>) {
        // Who sent it may have stopped waiting.
        let _ = self.done.send(result);
    }
}

/// Sends one message and waits until the peer has it.
pub(crate) async fn send(net: &Arc<Net>, to: PeerId, bytes: Vec<u8>) -> Result<(), SendError> {
    if bytes.len() > MESSAGE_BYTES_MAX {
        return Err(SendError::TooLong {
            len: bytes.len(),
            max: MESSAGE_BYTES_MAX,
        });
    }
    let bytes: Arc<[u8]> = bytes.into();
    // A courier that is about to leave may not take the letter any more; the next one does.
    for _ in 0..TRIES_MAX {
        let (done, answer) = oneshot::channel();
        let letter = Letter {
            bytes: bytes.clone(),
            tries: 0,
            done,
        };
        if courier(net, to).send(letter).await.is_ok()
            && let Ok(result) = answer.await
        {
            return result;
        }
    }
    Err(SendError::Broken)
}

/// The queue of the loop that serves this peer, which is started if there is none.
fn courier(net: &Arc<Net>, to: PeerId) -> mpsc::Sender<Letter> {
    let mut letters = net.letters.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(queue) = letters.get(&to).filter(|queue| !queue.is_closed()) {
        return queue.clone();
    }
    letters.retain(|_, queue| !queue.is_closed());
    let (queue, inbox) = mpsc::channel(LETTERS_MAX);
    letters.insert(to, queue.clone());
    tokio::spawn(carry(net.clone(), to, inbox));
    queue
}

/// Serves one peer until nothing has been sent to it for a while.
async fn carry(net: Arc<Net>, to: PeerId, mut inbox: mpsc::Receiver<Letter>) {
    let mut again = VecDeque::new();
    loop {
        if again.is_empty() {
            match timeout(SENDER_IDLE, inbox.recv()).await {
                Ok(Some(letter)) => again.push_back(letter),
                Ok(None) | Err(_) => return,
            }
        }
        match net.reach(to, Class::Message).await {
            Ok(channel) => {
                if let Err(unanswered) = converse(channel, &mut inbox, again).await {
                    again = retry(unanswered);
                } else {
                    return;
                }
            }
            Err(error) => {
                let mut error = Some(error);
                for letter in again.drain(..) {
                    let why = error.take().unwrap_or(OpenError::Lost);
                    letter.end(Err(why.into()));
                }
            }
        }
    }
}

fn retry(unanswered: VecDeque<Letter>) -> VecDeque<Letter> {
    let mut again = VecDeque::new();
    for mut letter in unanswered {
        letter.tries += 1;
        if letter.tries < TRIES_MAX {
            again.push_back(letter);
        } else {
            letter.end(Err(SendError::Broken));
        }
    }
    again
}

/// Sends letters over one stream. `Ok` when it was closed for lack of letters, otherwise those
/// that were not answered.
async fn converse(
    channel: Channel,
    inbox: &mut mpsc::Receiver<Letter>,
    mut first: VecDeque<Letter>,
) -> Result<(), VecDeque<Letter>> {
    let (mut reader, mut writer) = channel.split();
    let mut unanswered: VecDeque<Letter> = VecDeque::new();
    loop {
        let room = unanswered.len() < UNANSWERED_MAX;
        let letter = if let Some(letter) = first.pop_front() {
            letter
        } else {
            tokio::select! {
                letter = inbox.recv(), if room => match letter {
                    Some(letter) => letter,
                    None => return Ok(()),
                },
                answer = answer(&mut reader), if !unanswered.is_empty() => {
                    match (answer, unanswered.pop_front()) {
                        (Some(TAKEN), Some(letter)) => letter.end(Ok(())),
                        (Some(_), Some(letter)) => letter.end(Err(SendError::Busy)),
                        (None, Some(letter)) => {
                            unanswered.push_front(letter);
                            return Err(unanswered);
                        }
                        (_, None) => {}
                    }
                    continue;
                }
                () = tokio::time::sleep(SENDER_IDLE), if unanswered.is_empty() => return Ok(()),
            }
        };
        let sent = wire::write_frame(&mut writer, &letter.bytes).await;
        unanswered.push_back(letter);
        if sent.is_err() {
            unanswered.extend(first);
            return Err(unanswered);
        }
    }
}

/// The next answer; `None` if the stream broke. A single byte is read or not: cancel safe.
async fn answer<R: AsyncRead + Unpin>(from: &mut R) -> Option<u8> {
    let mut byte = [0];
    match timeout(ANSWER_TIME, from.read(&mut byte)).await {
        Ok(Ok(1)) if byte[0] == TAKEN || byte[0] == BUSY => Some(byte[0]),
        _ => None,
    }
}

/// Takes the messages of one stream.
pub(crate) async fn serve(net: &Net, mut channel: Channel) {
    let from = channel.peer();
    loop {
        match channel.read_frame(MESSAGE_BYTES_MAX, RECEIVER_IDLE).await {
            Ok(bytes) => {
                let answer = if net.ear.message(from, bytes).await {
                    TAKEN
                } else {
                    BUSY
                };
                if wire::write_bytes(&mut channel, &[answer]).await.is_err() {
                    return;
                }
            }
            Err(FrameError::TooLong { .. }) => return net.note(from, Fault::Malformed),
            Err(_) => return,
        }
    }
}
