//! The room's doors: from what is asked about task wallets, grants and payment channels to the rule
//! that answers.

use protocol::entry::{BankRequest, ChannelRequest};
use protocol::ids::{ChannelId, EntryId, PartyId, PurseId};

use crate::money::{channel, grant, wallet};
use crate::refusal::Refusal;
use crate::state::Draft;

/// Answers a request of this room.
///
/// # Errors
/// The rule's refusal.
pub(crate) fn rule(
    draft: &mut Draft<'_>,
    sender: PartyId,
    entry: EntryId,
    request: &BankRequest,
) -> Result<(), Refusal> {
    let name = PurseId::new(*entry.bytes());
    match request {
        BankRequest::OpenTaskWallet { amount } => wallet::open(draft, sender, name, *amount),
        BankRequest::TopUp { purse, amount } => wallet::top_up(draft, sender, *purse, *amount),
        BankRequest::Allow {
            purse,
            delegate,
            policy,
        } => wallet::allow(draft, sender, *purse, *delegate, *policy),
        BankRequest::Disallow { purse, delegate } => {
            wallet::disallow(draft, sender, *purse, *delegate)
        }
        BankRequest::CloseTaskWallet { purse } => wallet::close(draft, sender, *purse),
        BankRequest::MintGrant {
            to,
            amount,
            expires,
        } => grant::give(draft, sender, name, (*to, *amount), *expires),
        BankRequest::ReturnGrant { purse } => grant::give_back(draft, *purse),
    }
}

/// Answers a request about a payment channel.
///
/// # Errors
/// The rule's refusal.
pub(crate) fn of_channel(
    draft: &mut Draft<'_>,
    sender: PartyId,
    entry: EntryId,
    request: &ChannelRequest,
) -> Result<(), Refusal> {
    match request {
        ChannelRequest::Open {
            to,
            deposit,
            min_settle,
            signer,
        } => {
            let asked = channel::Opening {
                to: *to,
                deposit: *deposit,
                min_settle: *min_settle,
                signer: *signer,
            };
            channel::open(draft, sender, ChannelId::new(*entry.bytes()), asked)
        }
        ChannelRequest::TopUp { channel, amount } => {
            channel::top_up(draft, sender, *channel, *amount)
        }
        ChannelRequest::Redeem { voucher, preimage } => {
            channel::redeem(draft, sender, voucher, *preimage)
        }
        ChannelRequest::Settle { channel } => channel::settle(draft, sender, *channel),
        ChannelRequest::Collect { channel } => channel::collect(draft, *channel),
        ChannelRequest::Close { channel } => channel::close(draft, sender, *channel),
    }
}
