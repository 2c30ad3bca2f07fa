//! `peer lease`: slots and storage that a peer keeps for a holder, by the epoch.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use protocol::entry::{
    Body, ChunkProof, LEASE_EPOCHS_MAX, Leasable, LeaseRequest, LeaseTerms, Leased,
    SLOT_PENALTY_BPS,
};
use protocol::ids::{Digest, LeaseId};
use protocol::job::Class;
use protocol::units::Credits;

use super::act::{Signer, find_node, find_party};
use super::asking::Desk;
use super::parse;
use crate::api::problem::{Code, Problem};
use crate::api::types::{LeaseTermsView, LeaseView, List};

/// A file that is leased or shown is read whole, and has so many bytes at most.
const FILE_BYTES_MAX: u64 = 4 << 30;

/// About leases. NODE is an id, the beginning of one, a member's name, or `me`; PARTY is a whole
/// id, a member's name, or `me`.
#[derive(Debug, Subcommand)]
#[command(infer_subcommands = true)]
pub enum LeaseCommand {
    /// List the leases that a party holds, or that a peer keeps
    Ls {
        /// Another party's; this peer's own if absent
        #[arg(default_value = "me")]
        party: String,
        /// Those that this peer keeps, for whomever
        #[arg(long, value_name = "NODE", conflicts_with = "party")]
        node: Option<String>,
    },
    /// Show one: what is prepaid, what settling it would do, which chunk is asked for
    Show {
        /// Its id
        lease: LeaseId,
    },
    /// Show what a peer leases, and at what price
    Terms {
        /// Which peer
        #[arg(default_value = "me")]
        node: String,
    },
    /// Say, as its owner, what a peer leases; its bond answers for what is taken
    #[command(after_help = "Examples:\n  \
        peer lease ask me slots --class grid --capacity 4 --price 0.5\n  \
        peer lease ask me storage --capacity 1024 --price 0.001 --penalty 3\n  \
        peer lease ask me storage --capacity 0                  # no more of it")]
    Ask(Ask),
    /// Take a lease, and pay its whole term in advance
    #[command(after_help = "Examples:\n  \
        peer lease take uni-2 --slots 2 --epochs 24 -o id > lease\n  \
        peer lease take uni-2 --file model.bin --epochs 720")]
    Take(Take),
    /// Show, as the peer's owner, the chunk of the content that this epoch asks for
    Prove {
        /// Its id
        lease: LeaseId,
        /// The file with the leased content
        file: PathBuf,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Settle the epochs that are over, whoever asks
    Collect {
        /// Its id
        lease: LeaseId,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Give up the rest of one that you hold: half of what is left after this epoch comes back
    End {
        /// Its id
        lease: LeaseId,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
}

/// What a peer leases.
#[derive(Clone, Debug, Args)]
pub struct Ask {
    /// Which peer
    node: String,
    /// `slots` or `storage`
    what: Kind,
    /// How many slots, or MiB, at once; 0 leases no more
    #[arg(long)]
    capacity: u64,
    /// For a slot, or a MiB begun, and an epoch
    #[arg(long, value_name = "CREDITS", default_value = "0", value_parser = parse::credits)]
    price: Credits,
    /// For how many epochs at most
    #[arg(long, default_value_t = LEASE_EPOCHS_MAX)]
    epochs: u16,
    /// Slots of which class
    #[arg(long, default_value = "grid", value_parser = parse::class)]
    class: Class,
    /// How many times the price a missed epoch of storage costs, 1 to 10
    #[arg(long, value_name = "TIMES", default_value_t = 2)]
    penalty: u32,
    /// Who signs.
    #[command(flatten)]
    signer: Signer,
}

/// What can be leased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// Slots of a class
    Slots,
    /// Storage of a blob
    Storage,
}

/// What is taken.
#[derive(Clone, Debug, Args)]
pub struct Take {
    /// Which peer
    node: String,
    /// So many slots
    #[arg(long, required_unless_present_any = ["file", "content"])]
    slots: Option<u16>,
    /// Of which class
    #[arg(long, default_value = "grid", value_parser = parse::class)]
    class: Class,
    /// Storage of this file's content
    #[arg(long, value_name = "FILE", conflicts_with = "slots")]
    file: Option<PathBuf>,
    /// Storage of this content
    #[arg(long, value_name = "DIGEST", requires = "bytes")]
    #[arg(conflicts_with_all = ["slots", "file"])]
    content: Option<Digest>,
    /// How long that is, in bytes
    #[arg(long)]
    bytes: Option<u64>,
    /// For how many epochs
    #[arg(long)]
    epochs: u16,
    /// What you pay at most for a slot, or a MiB, and an epoch; what is asked now if absent
    #[arg(long, value_name = "CREDITS", value_parser = parse::credits)]
    price_max: Option<Credits>,
    /// Who signs.
    #[command(flatten)]
    signer: Signer,
}

pub(super) async fn perform(desk: &Desk, command: LeaseCommand) -> Result<(), Problem> {
    let (request, signer) = match command {
        LeaseCommand::Ls { party, node } => {
            let path = match node {
                Some(node) => format!("/nodes/{}/leases", find_node(desk, &node).await?.full()),
                None => format!("/parties/{}/leases", find_party(desk, &party).await?.full()),
            };
            return desk.show_from::<List<LeaseView>>(&path).await;
        }
        LeaseCommand::Show { lease } => return desk.show(&view(desk, lease).await?),
        LeaseCommand::Terms { node } => {
            let peer = find_node(desk, &node).await?;
            let path = format!("/nodes/{}/terms", peer.full());
            return desk.show_from::<List<LeaseTermsView>>(&path).await;
        }
        LeaseCommand::Ask(asked) => ask(desk, asked).await?,
        LeaseCommand::Take(taken) => take(desk, taken).await?,
        LeaseCommand::Prove {
            lease,
            file,
            signer,
        } => (prove(desk, lease, &file).await?, signer),
        LeaseCommand::Collect { lease, signer } => (LeaseRequest::Collect { lease }, signer),
        LeaseCommand::End { lease, signer } => (LeaseRequest::End { lease }, signer),
    };
    signer.act(desk, Body::Lease(request)).await
}

async fn view(desk: &Desk, lease: LeaseId) -> Result<LeaseView, Problem> {
    desk.client.get(&format!("/leases/{}", lease.full())).await
}

async fn ask(desk: &Desk, asked: Ask) -> Result<(LeaseRequest, Signer), Problem> {
    let peer = find_node(desk, &asked.node).await?;
    let (what, penalty_bps) = match asked.what {
        Kind::Slots => (Leasable::Slots(asked.class), SLOT_PENALTY_BPS),
        Kind::Storage => (Leasable::Bytes, asked.penalty.saturating_mul(10_000)),
    };
    let terms = LeaseTerms {
        capacity: asked.capacity,
        price: asked.price,
        epochs_max: asked.epochs,
        penalty_bps,
    };
    Ok((LeaseRequest::Ask { peer, what, terms }, asked.signer))
}

async fn take(desk: &Desk, taken: Take) -> Result<(LeaseRequest, Signer), Problem> {
    let peer = find_node(desk, &taken.node).await?;
    let class = taken.class;
    let what = match (taken.slots, taken.file, taken.content) {
        (Some(slots), ..) => Leased::Slots { class, slots },
        (None, Some(file), _) => {
            let blob = whole(&file)?;
            let bytes = u64::try_from(blob.len()).unwrap_or(u64::MAX);
            let content = Digest::of(&blob);
            Leased::Bytes { content, bytes }
        }
        (None, None, content) => Leased::Bytes {
            content: content.ok_or_else(|| Problem::new(Code::Usage, "nothing is named"))?,
            bytes: taken.bytes.unwrap_or_default(),
        },
    };
    let price_max = match taken.price_max {
        Some(price) => price,
        None => {
            let path = format!("/nodes/{}/terms", peer.full());
            let asked: List<LeaseTermsView> = desk.client.get(&path).await?;
            let class = match what {
                Leased::Slots { class, .. } => Some(class.name()),
                Leased::Bytes { .. } => None,
            };
            let mut asked = asked.items.into_iter();
            let asked = asked.find(|terms| terms.class.as_deref() == class);
            asked.map_or(Credits::ZERO, |terms| terms.price.0)
        }
    };
    let take = LeaseRequest::Take {
        peer,
        what,
        epochs: taken.epochs,
        price_max,
    };
    Ok((take, taken.signer))
}

/// The proof that the running epoch asks for, once it is sure that the file is what was leased.
async fn prove(desk: &Desk, lease: LeaseId, file: &Path) -> Result<LeaseRequest, Problem> {
    let open = view(desk, lease).await?;
    let content = open.content.ok_or_else(|| {
        let title = "slots need no proof: members see whether they are there";
        Problem::new(Code::Usage, title)
    })?;
    let blob = whole(file)?;
    if Digest::of(&blob) != content.0 {
        let title = format!("{} is not what was leased", file.display());
        return Err(Problem::new(Code::Usage, title).because(format!("that is {}", content.full())));
    }
    let (_, chunk) = open.asked.ok_or_else(|| {
        let title = "this epoch asks for nothing yet";
        Problem::new(Code::NotFinal, title)
            .because("its lots are cast in its second block")
            .try_this("ask again in a moment")
    })?;
    let proof = ChunkProof::of(&blob, chunk).ok_or_else(|| {
        let title = "what was leased is longer than the content of this hash";
        Problem::new(Code::Failed, title).try_this("peer lease end LEASE")
    })?;
    Ok(LeaseRequest::Prove { lease, proof })
}

/// A file's content.
fn whole(path: &Path) -> Result<Vec<u8>, Problem> {
    let no = |why: String| {
        let title = format!("cannot read {}", path.display());
        Problem::new(Code::Usage, title).because(why)
    };
    let length = std::fs::metadata(path).map_err(|error| no(error.to_string()))?;
    if length.len() > FILE_BYTES_MAX {
        return Err(no(format!("it has more than {FILE_BYTES_MAX} bytes")));
    }
    std::fs::read(path).map_err(|error| no(error.to_string()))
}
