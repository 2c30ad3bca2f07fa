//! `peer channel`: payment channels, and vouchers that pay without the ledger.

use std::fs::File;
use std::io::{Read, stdin};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use data_encoding::HEXLOWER;
use protocol::bytes;
use protocol::entry::{Body, ChannelRequest, LANES_MAX, SignedVoucher, Voucher, hash_lock};
use protocol::ids::{ChannelId, Digest, PublicKey};
use protocol::units::{Credits, Millis, Moment};

use super::act::{Signer, find_party};
use super::asking::{Desk, print};
use super::parse;
use crate::api::problem::{Code, Problem};
use crate::api::types::{ChannelView, Id, List, VoucherView};
use crate::keys::Keys;

/// A voucher takes so many bytes at most.
const VOUCHER_BYTES_MAX: usize = 512;

/// About payment channels. PARTY is a whole id, a member's name, or `me`.
#[derive(Debug, Subcommand)]
#[command(infer_subcommands = true)]
pub enum ChannelCommand {
    /// List a party's open channels, by which it pays and is paid
    Ls {
        /// Another party's; this peer's own if absent
        #[arg(default_value = "me")]
        party: String,
    },
    /// Show one: what is left, what each lane has paid
    Show {
        /// Its id
        channel: ChannelId,
    },
    /// Set credits aside for one receiver
    #[command(after_help = "Example:\n  \
        peer channel open uni-2 10 -o id > channel\n  \
        peer channel pay \"$(cat channel)\" 0.5 -o id > voucher   # as often as you like\n  \
        peer channel redeem voucher                             # by uni-2, the last one only")]
    Open {
        /// Who is paid
        party: String,
        /// How much at first, in credits
        #[arg(value_name = "CREDITS", value_parser = parse::credits)]
        deposit: Credits,
        /// Keep it from being collected for so long, whoever settles
        #[arg(long, value_name = "TIME", value_parser = parse::millis)]
        keep: Option<Millis>,
        /// The key that will sign its vouchers; the one that signs this if absent
        #[arg(long, value_name = "KEY")]
        voucher_key: Option<PublicKey>,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Add credits of yours to one that you pay by
    TopUp {
        /// Its id
        channel: ChannelId,
        /// How much, in credits
        #[arg(value_name = "CREDITS", value_parser = parse::credits)]
        amount: Credits,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Sign a voucher and print it; nothing reaches the ledger
    Pay {
        /// Its id
        channel: ChannelId,
        /// What its lane has paid in all with this voucher: more than with the one before
        #[arg(value_name = "TOTAL", value_parser = parse::credits)]
        total: Credits,
        /// Which of the channel's 16 lanes
        #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..16))]
        lane: u8,
        /// For how long it can be redeemed
        #[arg(long = "for", value_name = "TIME", default_value = "30d")]
        #[arg(value_parser = parse::millis)]
        span: Millis,
        /// Pay only who opens this lock (`peer channel lock` makes one)
        #[arg(long, value_name = "LOCK")]
        lock: Option<Digest>,
        /// The key file that signs; the peer's own if absent
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
    /// Make a lock that 32 bytes open, such as the digest of an outcome
    Lock {
        /// What will open it
        preimage: Digest,
    },
    /// Be paid what a voucher adds
    Redeem {
        /// The file with the voucher; `-` reads it from stdin
        voucher: PathBuf,
        /// What opens its lock
        #[arg(long, value_name = "DIGEST")]
        preimage: Option<Digest>,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Begin to end one: vouchers can be redeemed for a while
    Settle {
        /// Its id
        channel: ChannelId,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Bring what is left of a settled one back to its payer
    Collect {
        /// Its id
        channel: ChannelId,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// End one at once, as whoever is paid: what was not redeemed goes back
    Close {
        /// Its id
        channel: ChannelId,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
}

pub(super) async fn perform(desk: &Desk, command: ChannelCommand) -> Result<(), Problem> {
    let (request, signer) = match command {
        ChannelCommand::Ls { party } => {
            let party = find_party(desk, &party).await?;
            let path = format!("/parties/{}/channels", party.full());
            return desk.show_from::<List<ChannelView>>(&path).await;
        }
        ChannelCommand::Show { channel } => return desk.show(&view(desk, channel).await?),
        ChannelCommand::Lock { preimage } => {
            return print(format!("{}\n", hash_lock(&preimage).full()).as_bytes());
        }
        ChannelCommand::Pay {
            channel,
            total,
            lane,
            span,
            lock,
            key,
        } => {
            let bare = Bare {
                lane,
                total,
                lock,
                span,
            };
            return pay(desk, channel, bare, key.as_deref()).await;
        }
        ChannelCommand::Open {
            party,
            deposit,
            keep,
            voucher_key,
            signer,
        } => {
            let min_settle = match keep {
                None => Moment::new(0),
                Some(span) => signer.moment(desk, span).await?,
            };
            let open = ChannelRequest::Open {
                to: find_party(desk, &party).await?,
                deposit,
                min_settle,
                signer: voucher_signer(desk, voucher_key, &signer)?,
            };
            (open, signer)
        }
        ChannelCommand::TopUp {
            channel,
            amount,
            signer,
        } => (ChannelRequest::TopUp { channel, amount }, signer),
        ChannelCommand::Redeem {
            voucher,
            preimage,
            signer,
        } => {
            let voucher = Box::new(read_voucher(&voucher)?);
            (ChannelRequest::Redeem { voucher, preimage }, signer)
        }
        ChannelCommand::Settle { channel, signer } => (ChannelRequest::Settle { channel }, signer),
        ChannelCommand::Collect { channel, signer } => {
            (ChannelRequest::Collect { channel }, signer)
        }
        ChannelCommand::Close { channel, signer } => (ChannelRequest::Close { channel }, signer),
    };
    signer.act(desk, Body::Channel(request)).await
}

async fn view(desk: &Desk, channel: ChannelId) -> Result<ChannelView, Problem> {
    let path = format!("/channels/{}", channel.full());
    desk.client.get(&path).await
}

/// The keys in a file, or the peer's own.
fn keys(desk: &Desk, file: Option<&Path>) -> Result<Keys, Problem> {
    let own = desk.home.keys();
    Ok(Keys::load(file.unwrap_or(&own))?)
}

/// The key that will sign a channel's vouchers: the one that is named, or that signs now.
fn voucher_signer(
    desk: &Desk,
    named: Option<PublicKey>,
    signer: &Signer,
) -> Result<PublicKey, Problem> {
    match named {
        Some(key) => Ok(key),
        None => Ok(keys(desk, signer.key.as_deref())?.party_key()),
    }
}

/// What a payer says of a voucher.
struct Bare {
    lane: u8,
    total: Credits,
    lock: Option<Digest>,
    span: Millis,
}

/// Signs a voucher, once it is sure that the ledger will pay it.
async fn pay(
    desk: &Desk,
    channel: ChannelId,
    bare: Bare,
    key: Option<&Path>,
) -> Result<(), Problem> {
    let (keys, open) = (keys(desk, key)?, view(desk, channel).await?);
    if keys.party_key() != open.signer.0 {
        let title = "another key signs the vouchers of this channel";
        return Err(Problem::new(Code::NotAllowed, title)
            .because(format!("it is {}", open.signer.full()))
            .try_this("name its key file with --key"));
    }
    let lanes = open.lanes.iter();
    let paid = lanes.filter(|lane| lane.lane == bare.lane);
    let paid = paid.map(|lane| lane.redeemed.0).next_back();
    let paid = paid.unwrap_or(Credits::ZERO);
    let adds = bare.total.minus(paid).unwrap_or(Credits::ZERO);
    if adds == Credits::ZERO || adds > open.left.0 {
        let title = format!("a voucher for {} would not be paid", bare.total);
        return Err(Problem::new(Code::Usage, title)
            .because(format!(
                "the lane has paid {paid}, and {} are left in the channel",
                open.left.0
            ))
            .try_this("TOTAL is what the lane has paid in all; `peer channel top-up` adds more"));
    }
    let signer = Signer {
        key: key.map(Path::to_owned),
        party: None,
    };
    let signing = signer.signing(desk).await?;
    let voucher = Voucher {
        federation: signing.federation.0,
        channel,
        lane: bare.lane,
        // What a lane has paid only grows, so it counts the lane's vouchers too.
        nonce: bare.total.get(),
        cumulative: bare.total,
        not_before: Moment::new(0),
        expires: signing.now.0.after(bare.span),
        hash_lock: bare.lock,
        min_settle: Moment::new(0),
    };
    assert!(
        bare.lane < LANES_MAX,
        "clap asks for a lane within its range"
    );
    let signed = keys.sign_voucher(voucher);
    desk.show(&VoucherView {
        voucher: HEXLOWER.encode(&bytes::write(&signed)),
        channel: Id(channel),
        lane: bare.lane,
        total: bare.total.into(),
        adds: adds.into(),
        expires: voucher.expires.into(),
        lock: bare.lock.map(Id),
    })
}

/// Reads a voucher as `pay` prints it.
fn read_voucher(path: &Path) -> Result<SignedVoucher, Problem> {
    let most = 2 * VOUCHER_BYTES_MAX as u64 + 2;
    let mut text = String::new();
    let read = if path == Path::new("-") {
        stdin().lock().take(most).read_to_string(&mut text)
    } else {
        File::open(path).and_then(|file| file.take(most).read_to_string(&mut text))
    };
    read.map_err(|error| {
        let title = format!("cannot read the voucher at {}", path.display());
        Problem::new(Code::Usage, title).because(error)
    })?;
    let no = |why: String| Problem::new(Code::Usage, "this is no voucher").because(why);
    let written = HEXLOWER.decode(text.trim().as_bytes());
    let written = written.map_err(|error| no(error.to_string()))?;
    bytes::read(&written, VOUCHER_BYTES_MAX).map_err(|error| no(error.to_string()))
}
