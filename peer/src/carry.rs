//! Carries the ledger's bytes over the swarm: frames between members, blocks to those who follow.
//!
//! ```text
//! member   ledger ─Carrier─▶ gossip.consensus ┄┄▶ heard ─▶ ledger.deliver   member
//! follower "from block h" ──────────────▶ member ─▶ frame, frame, frame … as blocks are agreed
//! ```
//!
//! The ledger says who is a member and where, and whether this peer votes or follows.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use gossip::{Channel, Followers, Handle};
use ledger::{Carrier, Frame, Lane, Ledger, MemberKey};
use protocol::ids::PeerId;
use protocol::units::Height;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

/// The first frame of a follower: the height it asks for, and nothing else.
const ASK_BYTES: usize = 8;
/// A follower says what it wants within this.
const ASK_TIME: Duration = Duration::from_secs(5);
/// One wait for the next block; idle federations make about one a second.
const BLOCK_TIME: Duration = Duration::from_secs(2);
/// Without a frame for so long, another member is asked.
const SILENCE_MAX: Duration = Duration::from_secs(5);
/// A peer that votes looks this often whether it still does.
const VOTES_TIME: Duration = Duration::from_secs(1);
/// After a member failed, the next is asked after this.
const NEXT_AFTER: Duration = Duration::from_millis(200);
/// So many follow one member at a time.
const FOLLOWERS_MAX: usize = 256;

/// Sends the ledger's frames to members over the swarm.
pub struct Carriage {
    handle: Handle,
    ledger: OnceLock<Weak<Ledger>>,
}

impl Carriage {
    /// A carrier for a ledger that is started with it, and says where its members are once it is
    /// given to [`Carriage::serves`]; until then nothing is sent.
    pub const fn new(handle: Handle) -> Self {
        Self {
            handle,
            ledger: OnceLock::new(),
        }
    }

    /// From now on frames are sent to the nodes that this ledger gives its members.
    pub fn serves(&self, ledger: &Arc<Ledger>) {
        self.ledger.get_or_init(|| Arc::downgrade(ledger));
    }
}

impl Carrier for Carriage {
    fn send(&self, to: &MemberKey, lane: Lane, bytes: Vec<u8>) {
        let ledger = self.ledger.get().and_then(Weak::upgrade);
        let Some(node) = ledger.and_then(|ledger| ledger.peer_of(to)) else {
            return;
        };
        let lane = match lane {
            Lane::Votes => gossip::Lane::Urgent,
            Lane::Bulk => gossip::Lane::Bulk,
        };
        self.handle.consensus(node, bytes, lane);
    }
}

/// Serves agreed blocks to everyone who follows, until the swarm stops.
pub async fn serve(ledger: Arc<Ledger>, mut followers: Followers) {
    let places = Arc::new(Semaphore::new(FOLLOWERS_MAX));
    while let Some(channel) = followers.recv().await {
        // Without a place the stream is dropped: the follower asks another member.
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            continue;
        };
        let ledger = Arc::clone(&ledger);
        tokio::spawn(async move {
            let follower = channel.peer();
            if let Err(why) = feed(ledger, channel).await {
                tracing::debug!(%follower, %why, "stopped feeding a follower");
            }
            drop(place);
        });
    }
}

async fn feed(ledger: Arc<Ledger>, mut channel: Channel) -> Result<(), String> {
    let words = |error: gossip::FrameError| error.to_string();
    let asked = channel
        .read_frame(ASK_BYTES, ASK_TIME)
        .await
        .map_err(words)?;
    let asked = asked
        .try_into()
        .map_err(|_| "it did not say from which block".to_owned())?;
    let mut from = Height::new(u64::from_le_bytes(asked));
    loop {
        let source = Arc::clone(&ledger);
        let frame = spawn_blocking(move || source.follow_out(from, BLOCK_TIME)).await;
        if let Some(Frame { bytes, next }) = frame.map_err(|error| error.to_string())? {
            channel.write_frame(&bytes).await.map_err(words)?;
            from = next;
        }
    }
}

/// Follows the members' blocks, one member after the other, whenever this peer does not vote, for
/// as long as the process runs.
pub async fn follow(ledger: Arc<Ledger>, handle: Handle, me: PeerId) {
    for turn in 0_usize.. {
        let book = Arc::clone(&ledger);
        let needs = spawn_blocking(move || book.follows().then(|| book.member_nodes())).await;
        let Ok(Some(mut members)) = needs else {
            sleep(VOTES_TIME).await;
            continue;
        };
        members.retain(|member| *member != me);
        let Some(member) = members.get(turn % members.len().max(1)) else {
            sleep(VOTES_TIME).await;
            continue;
        };
        if let Err(why) = follow_one(&ledger, &handle, *member).await {
            tracing::debug!(%member, %why, "asking another member for blocks");
        }
        sleep(NEXT_AFTER).await;
    }
}

async fn follow_one(ledger: &Arc<Ledger>, handle: &Handle, member: PeerId) -> Result<(), String> {
    let opening = timeout(SILENCE_MAX, handle.follow(member)).await;
    let mut channel = opening
        .map_err(|_| "it did not answer".to_owned())?
        .map_err(|error| error.to_string())?;
    let ask = ledger.follow_from().get().to_le_bytes();
    channel
        .write_frame(&ask)
        .await
        .map_err(|error| error.to_string())?;
    loop {
        let frame = channel
            .read_frame(ledger::FRAME_BYTES_MAX, SILENCE_MAX)
            .await;
        let frame = frame.map_err(|error| error.to_string())?;
        let book = Arc::clone(ledger);
        let taken = spawn_blocking(move || book.follow_in(&frame)).await;
        match taken.map_err(|error| error.to_string())? {
            Ok(_) => {}
            Err(fault) => return Err(fault.to_string()),
        }
    }
}
