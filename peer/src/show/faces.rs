//! Faces of the peer itself, its keys and its ledger.

use super::work::{id, maybe};
use super::{Cell, Face, Section, Tone};
use crate::api::types::{Done, KeysView, LedgerView, MemberView, Role, StatusView, VerifyView};

fn members(members: &[MemberView], wide: bool) -> Section {
    let row = |member: &MemberView| {
        let here = match member.connected {
            true => Cell::toned(Tone::Good, "here"),
            false => Cell::toned(Tone::Bad, "not connected"),
        };
        vec![
            member.name.as_str().into(),
            id(&member.peer, wide).into(),
            member.power.into(),
            here,
        ]
    };
    let head = vec!["MEMBER", "NODE", "POWER", "STATE"];
    Section::Rows(head, members.iter().map(row).collect())
}

impl Face for LedgerView {
    fn sections(&self, wide: bool) -> Vec<Section> {
        let card = vec![
            ("height", self.height.into()),
            ("agreed time", self.agreed.into()),
            ("state root", self.root.full().into()),
            ("view", maybe(self.view.as_ref())),
            ("entries waiting", self.waiting.into()),
        ];
        vec![Section::Card(card), members(&self.members, wide)]
    }

    fn ids(&self) -> Vec<String> {
        vec![self.height.to_string()]
    }
}

impl Face for VerifyView {
    fn sections(&self, _wide: bool) -> Vec<Section> {
        let say = |holds: bool, yes: &str, no: &str| match holds {
            true => Cell::toned(Tone::Good, yes),
            false => Cell::toned(Tone::Bad, no),
        };
        vec![Section::Card(vec![
            (
                "replayed",
                format!("blocks 1 to {} in {} ms", self.height, self.took_ms).into(),
            ),
            ("state root", self.root.full().into()),
            ("replay gave", self.replayed.full().into()),
            ("roots", say(self.roots_equal, "equal", "differ")),
            ("supply", self.supply.into()),
            ("held", self.held.into()),
            ("credits", say(self.conserved, "conserved", "not conserved")),
        ])]
    }

    fn ids(&self) -> Vec<String> {
        vec![self.root.full()]
    }
}

impl Face for StatusView {
    fn sections(&self, wide: bool) -> Vec<Section> {
        let role = |role: &Role| match role {
            Role::Member => "member",
            Role::Worker => "worker",
            Role::Client => "client",
        };
        let roles: Vec<&str> = self.roles.iter().map(role).collect();
        let kind = if self.federation.devnet {
            " (devnet)"
        } else {
            ""
        };
        let mut card = vec![
            ("node", Cell::from(self.peer.full())),
            ("role", roles.join(", ").into()),
            (
                "federation",
                format!("{}{kind} {}", self.federation.name, self.federation.id).into(),
            ),
            (
                "ledger",
                format!("height {}, {}", self.ledger.height, self.ledger.agreed).into(),
            ),
            ("connected to", format!("{} peers", self.connected).into()),
            (
                "wallet",
                format!(
                    "{} available, {} in escrow, {} bonded",
                    self.wallet.available, self.wallet.escrow, self.wallet.bonded
                )
                .into(),
            ),
            ("own jobs open", self.jobs_open.into()),
            ("runs open", self.runs_open.into()),
            ("tasks running", self.tasks_running.into()),
            ("since", self.started.into()),
            (
                "process",
                format!("{} (version {})", self.pid, self.version).into(),
            ),
            ("home", self.home.as_str().into()),
            ("listens on", self.listens.join(" ").into()),
        ];
        if let Some(why) = &self.resting {
            card.push(("takes no work", Cell::toned(Tone::Warn, why.as_str())));
        }
        if let Some(fault) = &self.fault {
            card.push(("FAULT", Cell::toned(Tone::Bad, fault.as_str())));
        }
        vec![Section::Card(card), members(&self.ledger.members, wide)]
    }

    fn ids(&self) -> Vec<String> {
        vec![self.peer.full()]
    }
}

impl Face for KeysView {
    fn sections(&self, _wide: bool) -> Vec<Section> {
        vec![Section::Card(vec![
            ("node", self.node.full().into()),
            ("party", self.party.full().into()),
            ("party key", self.party_key.full().into()),
            ("consensus key", self.consensus.full().into()),
            ("home", self.home.as_str().into()),
        ])]
    }

    fn ids(&self) -> Vec<String> {
        vec![self.node.full(), self.party.full()]
    }
}

impl Face for Done {
    fn sections(&self, _wide: bool) -> Vec<Section> {
        vec![Section::Note(Cell::toned(Tone::Good, "done"))]
    }

    fn ids(&self) -> Vec<String> {
        Vec::new()
    }
}
