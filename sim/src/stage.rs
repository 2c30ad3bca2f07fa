//! From a scene to a federation that can begin: its genesis, its machines, who owns and vouches for
//! whom.

use std::collections::{BTreeMap, BTreeSet};

use protocol::genesis::{Committee, Desk, Genesis, Grant, Issuance, Member, Params};
use protocol::ids::{FederationId, PeerId};
use protocol::job::{Class, Profile};
use protocol::params::ParamSpec;
use protocol::units::{Bytes, Credits, Fuel, MICRO_PER_CREDIT, Millis, Moment};
use rules::GenesisRefused;
use steward::{Identity, SaltKey};
use thiserror::Error;

use crate::cast::Crime;
use crate::keys::Keys;
use crate::node::Node;
use crate::scene::{Group, Scene, Source};

/// When every play begins: agreed time has to start somewhere.
pub(crate) const BEGINS: Moment = Moment::new(1_767_225_600_000);

/// A scene cannot be played.
#[derive(Debug, Error)]
pub enum Unplayable {
    /// The rules refuse its genesis.
    #[error("the rules refuse this federation: {0}")]
    Genesis(#[from] GenesisRefused),
    /// A governed number that there is not.
    #[error("there is no parameter `{0}`")]
    NoSuchParam(String),
}

/// Players that tables speak of together.
#[derive(Clone, Debug)]
pub(crate) struct Band {
    pub(crate) name: String,
    pub(crate) crime: Crime,
}

/// Everybody before the first block.
pub(crate) struct Stage {
    pub(crate) genesis: Genesis,
    pub(crate) keys: Vec<Keys>,
    /// The machine of a player, if it has one.
    pub(crate) nodes: BTreeMap<usize, Node>,
    /// Whose party signs for a player's machine.
    pub(crate) signer: Vec<usize>,
    pub(crate) bands: Vec<Band>,
    pub(crate) by_peer: BTreeMap<PeerId, usize>,
    /// Peers by crime.
    pub(crate) kin: BTreeMap<Crime, BTreeSet<PeerId>>,
    /// Who vouches for whom: sponsor, peer.
    pub(crate) vouched: Vec<(usize, usize)>,
    /// The submitter of each stream.
    pub(crate) submitters: Vec<usize>,
}

/// Sets the stage of a scene.
pub(crate) fn set(seed: u64, scene: &Scene) -> Result<Stage, Unplayable> {
    let institutions = scene.federation.members + scene.federation.desks;
    let peers: usize = scene.peers.iter().map(|group| group.count).sum();
    let players = institutions + peers + scene.work.len();
    let keys: Vec<Keys> = (0..players).map(|n| Keys::of(seed, n)).collect();
    let genesis = genesis(seed, scene, &keys)?;
    let mut stage = Stage {
        signer: (0..players).collect(),
        nodes: BTreeMap::new(),
        bands: vec![Band {
            name: "members".to_owned(),
            crime: Crime::None,
        }],
        by_peer: (0..).zip(&keys).map(|(n, keys)| (keys.peer, n)).collect(),
        kin: BTreeMap::new(),
        vouched: Vec::new(),
        submitters: Vec::new(),
        genesis,
        keys,
    };
    stage.members(scene);
    let mut next = institutions;
    for group in &scene.peers {
        stage.group(group, &mut next, institutions);
    }
    for stream in &scene.work {
        let mut me = stage.identity(next);
        // Who washes submits as the party that owns its peers.
        let washers = stage.kin.get(&Crime::WashTrader).into_iter().flatten();
        let washer = washers
            .filter_map(|peer| stage.by_peer.get(peer))
            .min()
            .copied();
        if let Some(washer) = washer.filter(|_| stream.crime == Crime::WashTrader) {
            stage.signer[next] = stage.signer[washer];
            me.party = stage.keys[stage.signer[washer]].id;
        }
        stage.bands.push(Band {
            name: stream.name.clone(),
            crime: stream.crime,
        });
        let node = Node::new(me, stream.crime.role(), stage.bands.len() - 1, 1_000);
        stage.nodes.insert(next, node);
        stage.submitters.push(next);
        next += 1;
    }
    Ok(stage)
}

impl Stage {
    /// The name of the institution that let a peer in.
    pub(crate) fn sponsor_of(&self, peer: &PeerId) -> Option<String> {
        let n = *self.by_peer.get(peer)?;
        let sponsor = self.vouched.binary_search_by_key(&n, |(_, peer)| *peer);
        let sponsor = sponsor.map_or(n, |at| self.vouched[at].0);
        let members = self.genesis.members.len();
        let named = |n: usize| (n < members).then(|| format!("member {n}"));
        Some(named(sponsor).unwrap_or_else(|| format!("desk {sponsor}")))
    }

    fn members(&mut self, scene: &Scene) {
        let federation = &scene.federation;
        let mut crimes: Vec<Crime> = Vec::new();
        for (crime, count) in &federation.bent {
            crimes.extend(std::iter::repeat_n(*crime, *count));
        }
        crimes.truncate(federation.members);
        let honest = federation.members - crimes.len();
        for n in 0..federation.members {
            let crime = n.checked_sub(honest).map_or(Crime::None, |at| crimes[at]);
            let band = self.bands.iter().position(|band| band.crime == crime);
            let band = band.unwrap_or_else(|| {
                let name = format!("members-{}", crime.name());
                self.bands.push(Band { name, crime });
                self.bands.len() - 1
            });
            let mut me = self.identity(n);
            (me.member, me.sponsor, me.admitted) = (true, true, true);
            let mut node = Node::new(me, crime.role(), band, federation.judge_mfuel);
            // It swears where its kin among the peers lies, and nowhere else.
            let kin = scene.peers.iter().find(|group| group.crime == crime);
            if let Some(kin) = kin.filter(|_| crime != Crime::None) {
                node.rate_bps = kin.rate_bps;
                node.from = BEGINS.after(Millis::new(kin.after_s * 1_000));
            }
            self.put(n, crime, node);
        }
    }

    fn group(&mut self, group: &Group, next: &mut usize, institutions: usize) {
        let [from, to] = group.sponsors.unwrap_or([0, institutions]);
        let first = *next;
        self.bands.push(Band {
            name: group.name.clone(),
            crime: group.crime,
        });
        for place in 0..group.count {
            let n = first + place;
            if group.one_owner {
                self.signer[n] = first;
            }
            let mut me = self.identity(n);
            me.party = self.keys[self.signer[n]].id;
            me.bond_target = Credits::new(group.bond.saturating_mul(MICRO_PER_CREDIT));
            me.classes = vec![group.class];
            me.slots = group.slots;
            me.per_gfuel = Credits::new(group.price);
            let mut role = group.crime.role();
            role.dress(&mut me);
            let mut node = Node::new(me, role, self.bands.len() - 1, group.mfuel);
            node.rate_bps = group.rate_bps;
            node.from = BEGINS.after(Millis::new(group.after_s * 1_000));
            self.put(n, group.crime, node);
            self.vouched.push((from + place % (to - from), n));
        }
        *next += group.count;
    }

    fn put(&mut self, n: usize, crime: Crime, node: Node) {
        if crime != Crime::None {
            self.kin.entry(crime).or_default().insert(node.me.peer);
        }
        self.nodes.insert(n, node);
    }

    fn identity(&self, n: usize) -> Identity {
        let keys = &self.keys[n];
        let members = self.genesis.members.iter().map(|member| steward::Member {
            party: protocol::ids::PartyId::of(&member.party),
            peer: member.peer,
            name: member.name.clone(),
        });
        Identity {
            federation: self.federation(),
            peer: keys.peer,
            party: keys.id,
            member: false,
            sponsor: false,
            devnet: true,
            salt_key: SaltKey::new(keys.secret()),
            boot: BEGINS,
            admitted: false,
            bond: Credits::ZERO,
            bond_target: Credits::ZERO,
            classes: Vec::<Class>::new(),
            slots: 0,
            per_gfuel: Credits::ZERO,
            profiles: vec![Profile::WASM_3],
            memory: Bytes::new(8 << 30),
            speed: Fuel::ZERO,
            gcu: 0,
            members: members.collect(),
            seal_window_min: self.genesis.params.seal_window_min,
            copies_asked: rules::params::copies_asked(&self.genesis.params),
            rest: None,
            siblings: Vec::new(),
            misbehave: None,
        }
    }

    fn federation(&self) -> FederationId {
        self.genesis.id()
    }
}

fn genesis(seed: u64, scene: &Scene, keys: &[Keys]) -> Result<Genesis, Unplayable> {
    let federation = &scene.federation;
    let credits = |whole: u64| Credits::new(whole.saturating_mul(MICRO_PER_CREDIT));
    let member = |n: usize| Member {
        name: format!("member {n}"),
        party: keys[n].root(),
        consensus: Keys::consensus(seed, n),
        peer: keys[n].peer,
        power: 1,
        bond: credits(federation.member_bond),
    };
    let desk = |n: usize| Desk {
        name: format!("desk {n}"),
        party: keys[n].root(),
    };
    let grant = |keys: &Keys| Grant {
        party: keys.root(),
        amount: credits(federation.grant),
    };
    let institutions = federation.members + federation.desks;
    Ok(Genesis {
        name: scene.name.clone(),
        begins: BEGINS,
        devnet: true,
        members: (0..federation.members).map(member).collect(),
        desks: (federation.members..institutions).map(desk).collect(),
        grants: keys.iter().map(grant).collect(),
        params: params(scene)?,
        issuance: match federation.issuance {
            Source::Fixed => Issuance::Fixed,
            Source::Inflation => Issuance::Inflation,
            Source::MutualCredit => Issuance::MutualCredit,
        },
        emergency: Committee::NOBODY,
    })
}

fn params(scene: &Scene) -> Result<Params, Unplayable> {
    let mut params = Params::standard();
    for (name, value) in &scene.params {
        let spec = ParamSpec::named(name).ok_or_else(|| Unplayable::NoSuchParam(name.clone()))?;
        if !params.set(spec.id, *value) {
            return Err(Unplayable::NoSuchParam(format!("{name} = {value}")));
        }
    }
    Ok(params)
}
