//! The one loop: something happened → steward → effects.
//!
//! ```text
//! gossip ── heard ────┐
//! ledger ── agreed ───┤                       ┌─▶ ledger, gossip, executor, blobs, API
//! executor ── done ───┼─▶ Driver ─▶ Steward ──┤
//! API ── requests ────┤                       └─▶ perform.rs: one match from effect to part
//! timer ──────────────┘
//! ```
//!
//! Nobody else touches the steward, so it needs no lock. The loop never waits on a send: a part
//! that is full says so, and the steward hears that it is busy.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gossip::Happening;
use ledger::Agreed;
use protocol::bytes;
use protocol::entry::{Body, CouncilRequest, SignedEntry, TwoVotes, VoterRequest};
use protocol::ids::{EntryId, PeerId};
use protocol::message::{MESSAGE_BYTES_MAX, Message};
use protocol::units::{Millis, Moment};
use steward::Input;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::api::door::Request;
use crate::entries::TEND_EVERY;
use crate::home::Home;
use crate::keys::Keys;
use crate::perform::Driver;

/// A block whose agreed time is no older than this is news, and no longer history.
const NEWS_AGE_MAX: Millis = Millis::new(3_000);
/// The loop looks around at least this often.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Everything that reaches the loop.
pub struct Happenings {
    /// From the network.
    pub heard: gossip::Heard,
    /// Blocks, in order, each once.
    pub agreed: mpsc::Receiver<Agreed>,
    /// From the executor.
    pub done: mpsc::Receiver<Input>,
    /// From fetches that ended.
    pub fetched: mpsc::Receiver<Input>,
    /// From the API.
    pub asked: mpsc::Receiver<Request>,
    /// The process was told to stop.
    pub stop: mpsc::Receiver<()>,
}

/// This machine's clock.
pub fn now() -> Moment {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Moment::new(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

impl Driver {
    /// Runs until told to stop.
    pub async fn run(mut self, mut from: Happenings) {
        loop {
            let wake = self.wake();
            tokio::select! {
                Some(happening) = from.heard.next() => self.hear(happening),
                Some(block) = from.agreed.recv() => self.agree(&block),
                Some(input) = from.done.recv() => self.feed(input),
                Some(input) = from.fetched.recv() => self.feed(input),
                Some(request) = from.asked.recv() => {
                    if self.answer(request) == Next::Stop {
                        break;
                    }
                }
                _ = from.stop.recv() => break,
                () = sleep_until(wake) => self.look_around(),
            }
        }
        tracing::info!("stopping");
    }

    fn wake(&self) -> Instant {
        let now = now();
        let wishes = [
            self.steward.wake_at(),
            self.entries.wake_at(),
            self.watchers.wake_at(),
        ];
        let soonest = wishes.into_iter().flatten().min();
        let wait = soonest.map_or(LOOK_EVERY, |at| Duration::from_millis(at.since(now).get()));
        Instant::now() + wait.min(LOOK_EVERY).max(Duration::from_millis(1))
    }

    /// Hands the steward what happened and performs what it wants, until it wants nothing more.
    pub(crate) fn feed(&mut self, input: Input) {
        self.inbox.push_back(input);
        while let Some(input) = self.inbox.pop_front() {
            self.steward.handle(now(), input);
            while let Some(effect) = self.steward.next_effect() {
                self.perform(effect);
            }
        }
        self.send_entries();
    }

    fn agree(&mut self, block: &Agreed) {
        let fates = self.entries.agreed(block);
        self.feed(Input::Agreed {
            height: block.height,
            time: block.now,
            events: block.events.clone(),
        });
        for fate in fates {
            self.feed(fate);
        }
        self.tell_refused();
        if !self.live && self.is_news(block) {
            self.recall();
            self.live = true;
            tracing::info!(height = block.height.get(), "caught up");
            self.feed(Input::CaughtUp);
        }
    }

    /// Whether a block is no longer history: it is young, and all that was here at our start is
    /// behind it.
    fn is_news(&self, block: &Agreed) -> bool {
        let young = now().since(block.now) <= NEWS_AGE_MAX;
        young && block.height >= self.kept_to
    }

    /// Tells the steward what it had us keep; what is about no job of ours any more is let go.
    fn recall(&mut self) {
        let jobs = self.told.jobs().unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot read what peers told; they are asked again");
            Vec::new()
        });
        for job in jobs {
            if self.steward.job(&job).is_none() {
                self.told.forget(job);
                continue;
            }
            let steward = &mut self.steward;
            let hear = |from, message| steward.handle(now(), Input::Told { from, message });
            if let Err(error) = self.told.recall(job, hear) {
                tracing::warn!(%job, %error, "cannot read what peers told; they are asked again");
            }
        }
    }

    fn hear(&mut self, happening: Happening) {
        match happening {
            Happening::Offer(offer) => self.feed(Input::Offered(offer.into_value())),
            Happening::Consensus { from, bytes, .. } => {
                if let Err(error) = self.ledger.deliver(&from, &bytes) {
                    tracing::debug!(%from, %error, "a frame was not taken");
                }
            }
            Happening::PeerUp(peer) => {
                self.connected.insert(peer);
                self.feed(Input::PeerUp(peer));
            }
            Happening::PeerDown(peer) => {
                self.connected.remove(&peer);
                self.feed(Input::PeerDown(peer));
            }
            Happening::Message { from, bytes } => {
                match bytes::read::<Message>(&bytes, MESSAGE_BYTES_MAX) {
                    Ok(Message::Entries(entries)) => self.take_in(from, entries),
                    Ok(Message::EntryRefused { entry, why }) => {
                        self.refused(from, entry, &why);
                    }
                    // Only judges are served: a state costs as much as a run.
                    Ok(Message::AskState(_)) if !self.ledger.member_nodes().contains(&from) => {
                        tracing::debug!(%from, "a state is asked for by no member");
                    }
                    Ok(message) => self.feed(Input::Heard { from, message }),
                    Err(error) => {
                        tracing::warn!(%from, %error, "a malformed message");
                    }
                }
            }
        }
    }

    fn take_in(&mut self, from: PeerId, entries: Vec<SignedEntry>) {
        if !self.intake.put(from, entries) {
            tracing::debug!(%from, "entries were dropped: too many wait");
        }
    }

    /// Tells those who handed them in of entries that no block will take.
    fn tell_refused(&mut self) {
        let me = self.keys.node();
        for refused in self.intake.refused() {
            if refused.to == me {
                self.refused(me, refused.entry, &refused.why);
            } else {
                // One that cannot be told now is told when the entry comes again.
                self.mail.post(refused.to, &refused.message());
            }
        }
    }

    /// A member says that an entry of ours will not enter a block.
    fn refused(&mut self, from: PeerId, entry: EntryId, why: &str) {
        tracing::debug!(target: "peer::entries", %from, %entry, why, "a member refused an entry");
        if let Some(fate) = self.entries.refused(from, entry, why) {
            self.feed(fate);
        }
    }

    fn look_around(&mut self) {
        let now = now();
        let due = self
            .tended
            .is_none_or(|tended| now.since(tended) >= TEND_EVERY);
        if due {
            self.tended = Some(now);
            self.entries.tend(now, self.ledger.status().now);
            self.show_votes(now);
            self.follow_members(now);
        }
        self.obey_owner(now);
        self.tell_tallies(now);
        self.feed(Input::Tick);
    }

    /// Has links and the steward go by who is a member now.
    fn follow_members(&mut self, now: Moment) {
        let members = self.ledger.member_nodes();
        if let Some(due) = self.links.due(now, &members)
            && self.gossip.set_members(due.iter().copied()).is_ok()
        {
            tracing::info!(
                members = members.len(),
                links = due.len(),
                "links to members change"
            );
            self.links.told(due);
        }
        self.find_voting_key();
        if !self.links.seated && members.contains(&self.keys.node()) {
            self.links.seated = true;
            self.feed(Input::Seated);
        }
    }

    /// Once the ledger names another voting key for this peer: finds it in the key file.
    fn find_voting_key(&mut self) {
        let named = self.ledger.member_of(&self.keys.node());
        if named == self.links.voting {
            return;
        }
        self.links.voting = named;
        let path = Home::at(&self.home).keys();
        match Keys::load(&path) {
            Ok(keys) => {
                for key in keys.consensus_keys() {
                    self.ledger.may_vote_with(key);
                }
            }
            Err(error) => tracing::error!(%error, "cannot look for this peer's voting key"),
        }
    }

    /// Shows on the ledger which members voted twice, as this member saw it.
    fn show_votes(&mut self, now: Moment) {
        let me = self.keys.node();
        for double in self.ledger.take_evidence() {
            let mut nodes = self.ledger.member_nodes().into_iter();
            let turn = nodes.position(|node| node == me).unwrap_or_default();
            self.witness.note(now, turn as u64, TwoVotes::from(&double));
        }
        for votes in self.witness.due(now) {
            let (key, view) = (votes.key, votes.view);
            let votes = Box::new(votes);
            let request = CouncilRequest::Voter(VoterRequest::ShowVotes { votes });
            match self.entries.say(now, Body::Council(request)) {
                Ok(()) => {
                    let what = "showing two votes of one key";
                    tracing::warn!(target: "peer::faults", %key, view, what);
                }
                Err(why) => {
                    let what = "two votes are not shown";
                    tracing::info!(target: "peer::faults", %key, view, %why, what);
                }
            }
        }
        self.send_entries();
    }
}

/// Whether the loop goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It does.
    Go,
    /// The peer was told to stop.
    Stop,
}
