//! The room's one door: from what is asked about task wallets and grants to the rule that answers.

use protocol::entry::BankRequest;
use protocol::ids::{EntryId, PartyId, PurseId};

use crate::money::{grant, wallet};
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
