//! Names on the wire: of topics and protocols, each bound to one federation, and of peers.
//!
//! A peer's name *is* its ed25519 node key, so ours and libp2p's names of it turn into each other
//! without a table.

use libp2p::{StreamProtocol, gossipsub::IdentTopic};
use protocol::ids::{FederationId, PeerId};

use crate::streams::Class;

/// What stands before the 32 key bytes in libp2p's name of an ed25519 peer: an identity hash of
/// 36 bytes, holding key type 1 and a key of 32 bytes.
const ED25519_NAME: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

/// The first 8 bytes of a federation's id, in hexadecimal.
fn short(federation: &FederationId) -> String {
    federation.bytes()[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// What a class of streams is called. The greeting has one name everywhere, so that strangers
/// can be told that they are strangers; all others belong to one federation.
pub(crate) fn stream(federation: &FederationId, class: Class) -> StreamProtocol {
    let word = match class {
        Class::Hello => return StreamProtocol::new("/tallygrid/hello/1"),
        Class::Message => "message",
        Class::Consensus => "consensus",
        Class::Blob => "blob",
        Class::Directory => "directory",
        Class::Follow => "follow",
    };
    StreamProtocol::try_from_owned(format!("/tallygrid/{}/{word}/1", short(federation)))
        .expect("the name begins with a slash")
}

/// The prefix of gossipsub's own protocol.
pub(crate) fn mesh(federation: &FederationId) -> String {
    format!("/tallygrid/{}/mesh", short(federation))
}

/// What a peer calls itself when it is asked to identify itself.
pub(crate) fn identify(federation: &FederationId) -> String {
    format!("/tallygrid/{}/1", short(federation))
}

/// Where offers are announced.
pub(crate) fn offers(federation: &FederationId) -> IdentTopic {
    IdentTopic::new(format!("/tallygrid/{}/offers", short(federation)))
}

/// libp2p's name of a peer.
pub(crate) fn to_wire(peer: PeerId) -> libp2p::PeerId {
    let name: Vec<u8> = ED25519_NAME.iter().chain(peer.bytes()).copied().collect();
    libp2p::PeerId::from_bytes(&name).expect("an identity hash of 36 bytes is a name")
}

/// Our name of a peer; `None` for one that does not use an ed25519 key.
pub(crate) fn from_wire(peer: &libp2p::PeerId) -> Option<PeerId> {
    let name = peer.to_bytes();
    let key = name.strip_prefix(&ED25519_NAME)?;
    Some(PeerId::new(key.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_has_the_name_its_key_gives_it() {
        let key = libp2p::identity::Keypair::ed25519_from_bytes([7; 32]).unwrap();
        let bytes = key.public().try_into_ed25519().unwrap().to_bytes();
        let wire = key.public().to_peer_id();
        assert_eq!(from_wire(&wire), Some(PeerId::new(bytes)));
        assert_eq!(to_wire(PeerId::new(bytes)), wire);
        assert_eq!(from_wire(&libp2p::PeerId::random()), None);
    }
}
