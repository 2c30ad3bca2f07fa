//! One party pays others: all of the moves, or none.

use protocol::event::Event;
use protocol::ids::{EntryId, PartyId};
use protocol::units::Credits;

use crate::money::posting::{Posting, post};
use crate::money::{About, Account, Code};
use crate::people::is_known;
use crate::refusal::Refusal;
use crate::state::Draft;

/// Makes the moves of one entry, in order. A move to oneself changes nothing but is asked the same.
///
/// # Errors
/// The first move that is refused; the caller then drops the whole draft.
pub(crate) fn transfer(
    draft: &mut Draft<'_>,
    sender: PartyId,
    moves: &[(PartyId, Credits)],
    entry: EntryId,
) -> Result<(), Refusal> {
    for &(to, amount) in moves {
        if amount == Credits::ZERO {
            return Err(Refusal::AmountIsZero);
        }
        if !is_known(draft, to) {
            return Err(Refusal::UnknownReceiver { party: to });
        }
        if to == sender {
            let has = super::available(draft, sender);
            if has < amount {
                return Err(Refusal::InsufficientBalance { needs: amount, has });
            }
        } else {
            post(
                draft,
                Posting {
                    from: Account::Wallet(sender),
                    to: Account::Wallet(to),
                    amount,
                    code: Code::Transfer,
                    about: About::Entry(entry),
                },
            )?;
        }
        draft.say(Event::Transferred {
            from: sender,
            to,
            amount,
        });
    }
    Ok(())
}
