//! Having something agreed: who signs it, for whom, and what came of it.
//!
//! ```text
//! no --key      the body goes to the peer, which signs as its own party
//! --key FILE    signed here, with the party key in FILE; the peer only hands it on
//! ```

use std::path::PathBuf;

use clap::Args;
use data_encoding::HEXLOWER;
use protocol::bytes;
use protocol::entry::{Body, Entry, SignedEntry};
use protocol::ids::{PartyId, PeerId, PublicKey};
use protocol::units::{Millis, Moment};

use super::asking::Desk;
use crate::api::problem::{Code, Problem};
use crate::api::types::{EntryForm, EntryView, KeysView, LedgerView, List, NodeView, SigningView};
use crate::keys::Keys;
use crate::outbox::LIFE;

/// Who signs.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Who signs")]
pub struct Signer {
    /// Sign with the party key in this key file (`peer key new` makes one), not the peer's own
    #[arg(id = "signing key", long = "key", value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// For whom that key speaks: `me` (the peer's party), a party, or a member's name. Without it:
    /// the party whose root it is, else the peer's
    #[arg(
        id = "signing party",
        long = "party",
        value_name = "PARTY",
        requires = "signing key"
    )]
    pub party: Option<String>,
}

impl Signer {
    /// Has a body agreed and shows what came of it.
    ///
    /// # Errors
    /// The [`Problem`] that the ledger's refusal makes, or that there is no way to it.
    pub async fn act(&self, desk: &Desk, body: Body) -> Result<(), Problem> {
        let agreed = self.enter(desk, body).await?;
        desk.show(&agreed)
    }

    /// Has a body agreed.
    ///
    /// # Errors
    /// As [`Signer::act`].
    pub async fn enter(&self, desk: &Desk, body: Body) -> Result<EntryView, Problem> {
        let Some(path) = &self.key else {
            let signing = own(desk).await?;
            let entry = unsigned(&signing, 0, Vec::new(), body);
            return hand_in(desk, false, bytes::write(&entry)).await;
        };
        let keys = Keys::load(path)?;
        let party = self.party(desk).await?;
        enter_signed(desk, &keys, party, &[], body).await
    }

    /// The party that `--party` names.
    async fn party(&self, desk: &Desk) -> Result<Option<PartyId>, Problem> {
        match &self.party {
            None => Ok(None),
            Some(text) => find_party(desk, text).await.map(Some),
        }
    }

    /// Who signs, and what whoever signs must know.
    ///
    /// # Errors
    /// As [`Signer::act`].
    pub async fn signing(&self, desk: &Desk) -> Result<SigningView, Problem> {
        let Some(path) = &self.key else {
            return own(desk).await;
        };
        let key = Keys::load(path)?.party_key();
        signing(desk, key, self.party(desk).await?, 0).await
    }

    /// The moment that is so far from agreed time.
    ///
    /// # Errors
    /// As [`Signer::act`].
    pub async fn moment(&self, desk: &Desk, from_now: Millis) -> Result<Moment, Problem> {
        let signing = self.signing(desk).await?;
        Ok(signing.now.0.after(from_now))
    }
}

/// Signs a body with the party key of `keys` and the same of all `cosigners`, and has it agreed.
///
/// # Errors
/// As [`Signer::act`].
pub(super) async fn enter_signed(
    desk: &Desk,
    keys: &Keys,
    party: Option<PartyId>,
    cosigners: &[Keys],
    body: Body,
) -> Result<EntryView, Problem> {
    let mut lane = [0; 2];
    getrandom::fill(&mut lane)
        .map_err(|error| Problem::new(Code::Failed, "no randomness to sign with").because(error))?;
    let lane = u16::from_le_bytes(lane);
    let signing = signing(desk, keys.party_key(), party, lane).await?;
    let mut others: Vec<PublicKey> = cosigners.iter().map(Keys::party_key).collect();
    others.sort_unstable();
    others.dedup();
    let entry = unsigned(&signing, lane, others, body);
    let mut entry: SignedEntry = keys.sign_entry(entry);
    for cosigner in cosigners {
        cosigner.cosign_entry(&mut entry);
    }
    hand_in(desk, true, bytes::write(&entry)).await
}

/// An entry as it is before it is signed. Where the peer signs, it chooses lane, nonce and life.
fn unsigned(signing: &SigningView, lane: u16, cosigners: Vec<PublicKey>, body: Body) -> Entry {
    Entry {
        federation: signing.federation.0,
        sender: signing.party.0,
        lane,
        nonce: signing.nonce,
        valid_until: signing.now.0.after(LIFE),
        fee_payer: None,
        cosigners,
        body,
    }
}

async fn own(desk: &Desk) -> Result<SigningView, Problem> {
    let keys: KeysView = desk.client.get("/keys").await?;
    signing(desk, keys.party_key.0, Some(keys.party.0), 0).await
}

async fn signing(
    desk: &Desk,
    key: PublicKey,
    party: Option<PartyId>,
    lane: u16,
) -> Result<SigningView, Problem> {
    let party = party.map(|party| format!("&party={}", party.full()));
    let party = party.unwrap_or_default();
    let path = format!("/signing/{}?lane={lane}{party}", key.full());
    desk.client.get(&path).await
}

async fn hand_in(desk: &Desk, signed: bool, written: Vec<u8>) -> Result<EntryView, Problem> {
    let bytes = HEXLOWER.encode(&written);
    let form = EntryForm { bytes, signed };
    desk.client.post("/entries", &form).await
}

/// The party that people mean by `me`, a whole id, or a member's name.
///
/// # Errors
/// [`Code::NotFound`] if there is none.
pub(super) async fn find_party(desk: &Desk, text: &str) -> Result<PartyId, Problem> {
    if let Ok(party) = text.parse() {
        return Ok(party);
    }
    if text == "me" {
        return Ok(own(desk).await?.party.0);
    }
    let ledger: LedgerView = desk.client.get("/ledger").await?;
    let mut members = ledger.members.into_iter();
    let named = members.find(|member| member.name == text);
    named.map(|member| member.party.0).ok_or_else(|| {
        let title = format!("`{}` names no party", text.escape_debug());
        Problem::new(Code::NotFound, title)
            .because("a party is named by its whole id, by `me`, or by the name of a member")
            .try_this("`peer key show` names yours, `peer node ls -o wide` those of others")
    })
}

/// The peer that people mean by `me`, an id, the beginning of one, or a member's name.
///
/// # Errors
/// [`Code::NotFound`] if there is none, [`Code::Usage`] if there are several.
pub(super) async fn find_node(desk: &Desk, text: &str) -> Result<PeerId, Problem> {
    if let Ok(peer) = text.parse() {
        return Ok(peer);
    }
    let nodes: List<NodeView> = desk.client.get("/nodes").await?;
    let is_it = |node: &&NodeView| {
        (text == "me" && node.me)
            || node.member.as_deref() == Some(text)
            || (text.len() > PeerId::PREFIX.len() && node.peer.full().starts_with(text))
    };
    let found: Vec<&NodeView> = nodes.items.iter().filter(is_it).collect();
    let shown = text.escape_debug();
    match found[..] {
        [node] => Ok(node.peer.0),
        [] => Err(
            Problem::new(Code::NotFound, format!("`{shown}` names no peer"))
                .because("a peer is named by its id, the beginning of it, `me`, or a member's name")
                .try_this("peer node ls"),
        ),
        _ => Err(
            Problem::new(Code::Usage, format!("`{shown}` names several peers"))
                .try_this("peer node ls -o wide"),
        ),
    }
}
