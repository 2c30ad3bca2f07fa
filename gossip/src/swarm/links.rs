//! The links that are kept up: to members, who may change, and to those we were told to meet first.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use protocol::ids::PeerId;
use tokio::sync::{Notify, mpsc};

use super::{Driver, Kept};
use crate::consensus::{self, Outbox, Pair};
use crate::{directory, names, streams};

impl Driver {
    /// From now on these are the members: links and pairs with new ones begin, those with others
    /// end, and every door goes by it.
    pub(super) fn set_members(&mut self, members: HashSet<PeerId>) {
        let local = self.net.local;
        let before = self.net.members.all();
        self.net.members.set(members.clone());
        let limits = &mut self.swarm.behaviour_mut().limits;
        for gone in before.iter().filter(|peer| !members.contains(peer)) {
            limits.remove_peer_id(&names::to_wire(*gone));
            if !self.met_first.contains(gone) {
                self.kept.remove(gone);
            }
        }
        for member in &members {
            limits.bypass_peer_id(&names::to_wire(*member));
            if *member != local {
                self.kept.entry(*member).or_default();
            }
        }
        let pairs_with = |peer: &PeerId| members.contains(&local) && members.contains(peer);
        let gone: Vec<PeerId> = self.paired.keys().copied().collect();
        for peer in gone.into_iter().filter(|peer| !pairs_with(peer)) {
            self.part(&peer);
        }
        for peer in members.iter().filter(|peer| **peer != local) {
            if pairs_with(peer) && !self.paired.contains_key(peer) {
                self.pair_up(*peer);
            }
        }
    }

    /// Begins the pair with another member: the one with the lower key opens its stream.
    fn pair_up(&mut self, member: PeerId) {
        let (opened, streams) = mpsc::channel(consensus::OPENED_MAX);
        let pair = Arc::new(Pair {
            outbox: Outbox::default(),
            awake: Notify::new(),
            opened,
        });
        let net = Arc::clone(&self.net);
        let ending = if member < net.local {
            let follow = consensus::follow(net, Arc::clone(&pair), streams);
            self.loops.spawn(follow)
        } else {
            let keep = consensus::keep(net, member, Arc::clone(&pair));
            self.loops.spawn(keep)
        };
        self.paired.insert(member, ending);
        let mut pairs = self
            .net
            .pairs
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        pairs.insert(member, pair);
    }

    /// Ends the pair with one that is no member any more, or with everyone if we are none.
    fn part(&mut self, peer: &PeerId) {
        if let Some(ending) = self.paired.remove(peer) {
            ending.abort();
        }
        let mut pairs = self
            .net
            .pairs
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        pairs.remove(peer);
    }

    /// Dials those whose link is kept and who are not connected.
    pub(super) fn keep_links(&mut self, now: Instant) {
        for (peer, kept) in &mut self.kept {
            let Kept { patience, next } = kept;
            let wire = names::to_wire(*peer);
            if self.swarm.is_connected(&wire) || next.is_some_and(|next| now < next) {
                continue;
            }
            *next = Some(now + patience.wait());
            let known = !self
                .net
                .book
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .addresses(peer)
                .is_empty();
            if known {
                // Fails where a dial is under way already.
                let _ = self.swarm.dial(streams::dial(wire));
            } else {
                let (net, peer) = (self.net.clone(), *peer);
                self.loops.spawn(async move {
                    directory::find(&net, peer).await;
                });
            }
        }
    }
}
