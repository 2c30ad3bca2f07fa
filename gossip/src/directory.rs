//! Where is that peer? Members answer from what they have seen, so that two peers who only know
//! members can meet.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::time::Duration;

use borsh::{BorshDeserialize, BorshSerialize};
use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;
use protocol::bytes::{self, Limited, Malformed, at_most};
use protocol::ids::PeerId;

use crate::net::Net;
use crate::scores::Fault;
use crate::streams::{Channel, Class};

/// So many addresses are kept of a peer.
pub(crate) const ADDRESSES_MAX: usize = 8;
/// An address takes so many bytes at most.
const ADDRESS_BYTES_MAX: usize = 128;
/// So many peers are remembered; the least recently seen is forgotten first.
const PEERS_MAX: usize = 10_000;
/// So many members are asked before we give up.
const ASKED_MAX: usize = 4;
/// A question or an answer takes so many bytes at most.
const FRAME_BYTES_MAX: usize = 4 * 1_024;
/// How long a question or an answer may be under way.
const ANSWER_TIME: Duration = Duration::from_secs(10);

/// A question to a member.
#[derive(BorshSerialize, BorshDeserialize)]
enum Question {
    /// Under which addresses can this peer be reached?
    WhereIs(PeerId),
}

impl Limited for Question {
    fn within_limits(&self) -> Result<(), Malformed> {
        Ok(())
    }
}

/// A member's answer: addresses, best first, none if it does not know.
#[derive(BorshSerialize, BorshDeserialize)]
struct Answer(Vec<Vec<u8>>);

impl Limited for Answer {
    fn within_limits(&self) -> Result<(), Malformed> {
        at_most("addresses", self.0.len(), ADDRESSES_MAX)?;
        self.0
            .iter()
            .try_for_each(|one| at_most("address", one.len(), ADDRESS_BYTES_MAX))
    }
}

#[derive(Default)]
struct Entry {
    configured: Vec<Multiaddr>,
    heard: Vec<Multiaddr>,
    touched: u64,
}

/// Every peer's addresses: those of the configuration, and those heard.
#[derive(Default)]
pub(crate) struct Book {
    entries: HashMap<PeerId, Entry>,
    clock: u64,
}

impl Book {
    fn entry(&mut self, peer: PeerId) -> &mut Entry {
        self.clock += 1;
        if self.entries.len() >= PEERS_MAX && !self.entries.contains_key(&peer) {
            let heard = self
                .entries
                .iter()
                .filter(|(_, entry)| entry.configured.is_empty());
            let oldest = heard
                .min_by_key(|(_, entry)| entry.touched)
                .map(|(peer, _)| *peer);
            if let Some(oldest) = oldest {
                self.entries.remove(&oldest);
            }
        }
        let entry = self.entries.entry(peer).or_default();
        entry.touched = self.clock;
        entry
    }

    /// Addresses somebody wrote down for us; never forgotten.
    pub(crate) fn configure(&mut self, peer: PeerId, addresses: &[Multiaddr]) {
        let entry = self.entry(peer);
        entry
            .configured
            .extend(addresses.iter().filter(|one| dialable(one)).map(plain));
        entry.configured.truncate(ADDRESSES_MAX);
    }

    /// Addresses the peer itself, or a member, has told us; they replace what was heard before.
    pub(crate) fn hear(&mut self, peer: PeerId, addresses: impl IntoIterator<Item = Multiaddr>) {
        let fit = addresses
            .into_iter()
            .filter(dialable)
            .map(|one| plain(&one));
        self.entry(peer).heard = fit.take(ADDRESSES_MAX).collect();
    }

    /// What is known, most trusted first.
    pub(crate) fn addresses(&self, peer: &PeerId) -> Vec<Multiaddr> {
        let Some(entry) = self.entries.get(peer) else {
            return Vec::new();
        };
        let mut all = entry.configured.clone();
        all.extend(
            entry
                .heard
                .iter()
                .filter(|one| !entry.configured.contains(one))
                .cloned(),
        );
        all.truncate(ADDRESSES_MAX);
        all
    }
}

/// Without the peer's own name at its end.
fn plain(address: &Multiaddr) -> Multiaddr {
    address
        .iter()
        .filter(|part| !matches!(part, Protocol::P2p(_)))
        .collect()
}

/// An IP address and a TCP port, and nothing else that we could not dial.
fn dialable(address: &Multiaddr) -> bool {
    let mut parts = address.iter();
    let ip = match parts.next() {
        Some(Protocol::Ip4(ip)) => !ip.is_unspecified(),
        Some(Protocol::Ip6(ip)) => !ip.is_unspecified(),
        _ => false,
    };
    let tcp = matches!(parts.next(), Some(Protocol::Tcp(port)) if port != 0);
    let end = matches!(parts.next(), None | Some(Protocol::P2p(_)));
    ip && tcp && end && address.len() <= ADDRESS_BYTES_MAX
}

/// Is this an address of the machine itself?
pub(crate) fn is_loopback(address: &Multiaddr) -> bool {
    match address.iter().next() {
        Some(Protocol::Ip4(ip)) => ip.is_loopback(),
        Some(Protocol::Ip6(ip)) => ip.is_loopback(),
        _ => false,
    }
}

/// Answers one question.
pub(crate) async fn serve(net: &Net, mut channel: Channel) {
    let asker = channel.peer();
    let Ok(frame) = channel.read_frame(FRAME_BYTES_MAX, ANSWER_TIME).await else {
        return;
    };
    let Ok(Question::WhereIs(peer)) = bytes::read(&frame, FRAME_BYTES_MAX) else {
        net.note(asker, Fault::Malformed);
        return;
    };
    let known = net
        .book
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .addresses(&peer);
    let answer = Answer(known.iter().map(Multiaddr::to_vec).collect());
    // An asker that has gone away needs no answer.
    if channel.write_frame(&bytes::write(&answer)).await.is_ok() {
        let _ = channel.close().await;
    }
}

/// Asks members until one knows, and remembers what it said. `true` if something was learned.
pub(crate) async fn find(net: &Net, peer: PeerId) -> bool {
    let members = net.members_up();
    for member in members
        .into_iter()
        .filter(|member| *member != peer)
        .take(ASKED_MAX)
    {
        match ask(net, member, peer).await {
            Ok(Some(addresses)) if !addresses.is_empty() => {
                let mut book = net.book.lock().unwrap_or_else(PoisonError::into_inner);
                book.hear(peer, addresses);
                return !book.addresses(&peer).is_empty();
            }
            Ok(Some(_)) => {}
            Ok(None) => net.note(member, Fault::Malformed),
            Err(()) => tracing::debug!(%member, %peer, "a member did not say where a peer is"),
        }
    }
    false
}

/// One member's answer; `None` if it is malformed.
async fn ask(net: &Net, member: PeerId, peer: PeerId) -> Result<Option<Vec<Multiaddr>>, ()> {
    let mut channel = net.open(member, Class::Directory).await.map_err(drop)?;
    let question = bytes::write(&Question::WhereIs(peer));
    channel.write_frame(&question).await.map_err(drop)?;
    let frame = channel
        .read_frame(FRAME_BYTES_MAX, ANSWER_TIME)
        .await
        .map_err(drop)?;
    let Ok(Answer(addresses)) = bytes::read(&frame, FRAME_BYTES_MAX) else {
        return Ok(None);
    };
    Ok(addresses
        .into_iter()
        .map(|one| Multiaddr::try_from(one).ok())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_book_keeps_what_can_be_dialed_and_never_forgets_the_configured() {
        let peer = PeerId::new([1; 32]);
        let address = |text: &str| text.parse::<Multiaddr>().unwrap();
        let mut book = Book::default();
        book.configure(peer, &[address("/ip4/10.0.0.1/tcp/4001")]);
        book.hear(
            peer,
            [
                "/ip4/10.0.0.1/tcp/4001",
                "/ip4/0.0.0.0/tcp/4001",
                "/ip4/10.0.0.2/udp/4001/quic-v1",
                "/ip4/10.0.0.3/tcp/4001",
                "/ip4/10.0.0.4/tcp/0",
                "/memory/7",
            ]
            .map(address),
        );
        let known: Vec<_> = book
            .addresses(&peer)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(known, ["/ip4/10.0.0.1/tcp/4001", "/ip4/10.0.0.3/tcp/4001"]);
        for n in 0..PEERS_MAX + 10 {
            let mut name = [0; 32];
            name[..8].copy_from_slice(&(n as u64).to_le_bytes());
            book.hear(PeerId::new(name), []);
        }
        assert!(book.entries.len() <= PEERS_MAX);
        assert_eq!(book.addresses(&peer).len(), 2);
    }
}
