//! `peer key`: key files, and the keys that speak for a party on the ledger.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use protocol::entry::{Body, CouncilRequest, OpKeyPowers, PartyRequest, Quorum, Root, Scope};
use protocol::ids::{PartyId, PublicKey};
use protocol::units::{Credits, Millis};

use super::act::{Signer, enter_signed, find_party};
use super::asking::{self, Desk};
use super::parse;
use crate::api::problem::{Code, Problem};
use crate::api::types::{Id, KeysView, LedgerView, PartyView};
use crate::home::Home;
use crate::keys::Keys;

/// About keys. PARTY is a whole id, a member's name, or `me`.
#[derive(Debug, Subcommand)]
#[command(infer_subcommands = true)]
pub enum KeyCommand {
    /// Show the public ids of this peer; works while it is stopped
    Show,
    /// Make a key file, for `--key` of other commands; works while no peer runs
    New {
        /// Where; an existing file is never changed
        file: PathBuf,
        /// A key file whose party the new one speaks for too: for another machine of the same owner
        #[arg(long, value_name = "FILE")]
        party_of: Option<PathBuf>,
    },
    /// List the keys that speak for a party: its root, and operational keys with their limits
    Ls {
        /// Another party; this peer's own if absent
        #[arg(default_value = "me")]
        party: String,
    },
    /// Make the party of a root key known on the ledger
    Register {
        /// The key, as `peer key new` shows it
        key: PublicKey,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Let a key speak for the party within limits; again, to change them
    #[command(
        after_help = "Example, for a laptop that submits jobs and can cost 1 credit an epoch:\n  \
        peer key new laptop.keys\n  \
        peer key add key_… --scope submit --per-entry 0.2 --per-epoch 1 --for 30d"
    )]
    Add {
        /// The key, as `peer key new` shows it
        key: PublicKey,
        /// Kinds of things that it may do: spend, submit, peer, work, council, revoke, sponsor, all
        #[arg(long, value_name = "KINDS", value_parser = parse::scope)]
        scope: Scope,
        /// What one entry of its may cost, fee included
        #[arg(long, value_name = "CREDITS", value_parser = parse::credits)]
        per_entry: Credits,
        /// What all its entries of one epoch may cost
        #[arg(long, value_name = "CREDITS", value_parser = parse::credits)]
        per_epoch: Credits,
        /// For how long it speaks
        #[arg(long = "for", value_name = "TIME", default_value = "30d")]
        #[arg(value_parser = parse::millis)]
        span: Millis,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Let an operational key speak no more
    Revoke {
        /// The key
        key: PublicKey,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Change the root of a party: to one new key, or to several of which enough must sign
    #[command(
        after_help = "The old root signs (--key), and so do the new keys (--new).\n\
        Examples:\n  \
        peer key rotate --key old.keys --new new.keys\n  \
        peer key rotate --key one.keys --new a.keys --new b.keys --new c.keys --threshold 2"
    )]
    Rotate {
        /// The key file of the root as it is
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// A key file of the new root; several, for a root of several keys
        #[arg(long, value_name = "FILE", required = true)]
        new: Vec<PathBuf>,
        /// How many of several keys must sign; all if absent
        #[arg(long, value_name = "N")]
        threshold: Option<u32>,
        /// The party; the one whose root the key is, if absent
        #[arg(long, value_name = "PARTY")]
        party: Option<String>,
    },
    /// Replace the key that signs a member's votes, from the next epoch on
    ///
    /// The new key is made here and written into the member's own key file, beside the old one,
    /// before anything is asked of the ledger; its running peer goes over to it by itself. Ask it
    /// on the machine of the member.
    RotateVoting {
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Choose the sponsor who may give the party a new root when the old one is lost
    Guardian {
        /// The sponsor; `nobody` for none
        guardian: String,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Answer, as a sponsor, for the free entries of a party
    Vouch {
        /// The party
        party: String,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Recover a party whose root is lost
    #[command(subcommand)]
    Recover(RecoverCommand),
}

/// About recoveries.
#[derive(Debug, Subcommand)]
#[command(infer_subcommands = true)]
pub enum RecoverCommand {
    /// Begin, as its guardian, to give a party a new root; the new key signs too
    Begin {
        /// The party
        party: String,
        /// The key file of the new root
        #[arg(long, value_name = "FILE")]
        new: PathBuf,
        /// The key file of the guardian's root
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
    /// End a recovery that has begun: by the old root, or by the guardian
    Cancel {
        /// The party
        party: String,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Give the party its new root, once the delay is over
    Finish {
        /// The party
        party: String,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
}

/// Performs what needs no running peer; gives back what does.
///
/// # Errors
/// If the key file cannot be read or made.
pub(super) async fn perform(desk: &Desk, command: KeyCommand) -> Result<(), Problem> {
    let (request, signer) = match command {
        KeyCommand::Show => return asking::keys(desk),
        KeyCommand::New { file, party_of } => return new(desk, &file, party_of.as_deref()),
        KeyCommand::Ls { party } => {
            let path = match party.as_str() {
                "me" => "/parties/me".to_owned(),
                named => format!("/parties/{}", find_party(desk, named).await?.full()),
            };
            return desk.show_from::<PartyView>(&path).await;
        }
        KeyCommand::Register { key, signer } => {
            return signer.act(desk, Body::Register { key }).await;
        }
        KeyCommand::Rotate {
            key,
            new,
            threshold,
            party,
        } => return rotate(desk, (&key, &new), threshold, party.as_deref()).await,
        KeyCommand::RotateVoting { signer } => return rotate_voting(desk, &signer).await,
        KeyCommand::Recover(command) => return recover(desk, command).await,
        KeyCommand::Add {
            key,
            scope,
            per_entry,
            per_epoch,
            span,
            signer,
        } => {
            let expires = signer.moment(desk, span).await?;
            let powers = OpKeyPowers {
                scope,
                expires,
                per_entry,
                per_epoch,
            };
            (PartyRequest::SetOpKey { key, powers }, signer)
        }
        KeyCommand::Revoke { key, signer } => (PartyRequest::RevokeKey { key }, signer),
        KeyCommand::Guardian { guardian, signer } => {
            let guardian = match guardian.as_str() {
                "nobody" => None,
                named => Some(find_party(desk, named).await?),
            };
            (PartyRequest::SetGuardian { guardian }, signer)
        }
        KeyCommand::Vouch { party, signer } => {
            let party = find_party(desk, &party).await?;
            (PartyRequest::Vouch { party }, signer)
        }
    };
    signer.act(desk, Body::Party(request)).await
}

fn new(desk: &Desk, file: &Path, party_of: Option<&Path>) -> Result<(), Problem> {
    if file.exists() {
        let title = format!("{} exists", file.display());
        return Err(Problem::new(Code::Usage, title)
            .because("a key file is never written over")
            .try_this("name another file"));
    }
    let keys = match party_of {
        Some(other) => Keys::load(other)?.make_sibling(file)?,
        None => Keys::load_or_make(file)?,
    };
    desk.show(&KeysView {
        node: Id(keys.node()),
        party: Id(keys.party()),
        party_key: Id(keys.party_key()),
        consensus: Id(keys.consensus()),
        home: file.display().to_string(),
    })
}

async fn rotate(
    desk: &Desk,
    (key, new): (&Path, &[PathBuf]),
    threshold: Option<u32>,
    party: Option<&str>,
) -> Result<(), Problem> {
    let old = Keys::load(key)?;
    let own: KeysView = desk.client.get("/keys").await?;
    if own.party_key.0 == old.party_key() {
        return Err(Problem::new(Code::NotAllowed, "this peer's own root stays")
            .because("the peer signs with it, and would not speak for its party any more")
            .try_this("rotate a root that no running peer signs with; peers hold op keys of it"));
    }
    let party: Option<PartyId> = match party {
        None => None,
        Some(text) => Some(find_party(desk, text).await?),
    };
    let new = new.iter().map(|file| Keys::load(file));
    let new: Vec<Keys> = new.collect::<Result<_, _>>()?;
    let root = root_of(&new, threshold)?;
    let body = Body::Party(PartyRequest::RotateRoot { root });
    let agreed = enter_signed(desk, &old, party, &new, body).await?;
    desk.show(&agreed)
}

async fn rotate_voting(desk: &Desk, signer: &Signer) -> Result<(), Problem> {
    let own: KeysView = desk.client.get("/keys").await?;
    let ledger: LedgerView = desk.client.get("/ledger").await?;
    let member = ledger.members.iter().find(|member| member.peer == own.node);
    let member = member.ok_or_else(|| {
        Problem::new(Code::NotAllowed, "this peer is no member's node")
            .because("only members vote on blocks")
            .try_this("peer ledger status")
    })?;
    let keys = Keys::prepare_next(&Home::at(Path::new(&own.home)).keys(), member.consensus.0)?;
    let federation = signer.signing(desk).await?.federation.0;
    let request = keys
        .sign_rotation(federation)
        .expect("a next key was prepared");
    let body = Body::Council(CouncilRequest::Voter(request));
    signer.act(desk, body).await
}

fn root_of(keys: &[Keys], threshold: Option<u32>) -> Result<Root, Problem> {
    if let [key] = keys {
        return Ok(Root::One(key.party_key()));
    }
    let mut weighed: Vec<(PublicKey, u16)> = keys.iter().map(|key| (key.party_key(), 1)).collect();
    weighed.sort_unstable();
    let all = u32::try_from(weighed.len()).unwrap_or(u32::MAX);
    let threshold = threshold.unwrap_or(all);
    if !(1..=all).contains(&threshold) {
        let title = format!("of {all} keys, 1 to {all} must sign, not {threshold}");
        return Err(Problem::new(Code::Usage, title).try_this("--threshold N"));
    }
    Ok(Root::Many(Quorum {
        keys: weighed,
        threshold,
    }))
}

async fn recover(desk: &Desk, command: RecoverCommand) -> Result<(), Problem> {
    let (request, signer) = match command {
        RecoverCommand::Begin { party, new, key } => {
            let party = find_party(desk, &party).await?;
            let (guardian, new) = (Keys::load(&key)?, Keys::load(&new)?);
            let root = Root::One(new.party_key());
            let body = Body::Party(PartyRequest::BeginRecovery { party, root });
            let agreed = enter_signed(desk, &guardian, None, &[new], body).await?;
            return desk.show(&agreed);
        }
        RecoverCommand::Cancel { party, signer } => {
            let party = find_party(desk, &party).await?;
            (PartyRequest::CancelRecovery { party }, signer)
        }
        RecoverCommand::Finish { party, signer } => {
            let party = find_party(desk, &party).await?;
            (PartyRequest::FinishRecovery { party }, signer)
        }
    };
    signer.act(desk, Body::Party(request)).await
}
