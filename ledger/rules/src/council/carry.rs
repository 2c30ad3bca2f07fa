//! What each kind of proposal does, once it is decided. The same code tries it when it is
//! proposed.

use protocol::entry::{Correction, Place, Proposal, Quota};
use protocol::event::{CouncilEvent, Event};
use protocol::ids::{Digest, PartyId};
use protocol::job::Class;
use protocol::units::Credits;

use crate::council::{ClosedClasses, Councils, Quotas, Upgrade, is_open, seated, state};
use crate::money::posting::{Posting, post};
use crate::money::{About, Account, Code, bond, issue};
use crate::params;
use crate::people::{Peers, PowerMoved, is_known, member};
use crate::refusal::{CouncilRefusal, Refusal};
use crate::state::{Draft, Federation, Founding};
use crate::work::{faults, hold};

/// Asks whether a proposal could be carried out today; changes nothing.
///
/// # Errors
/// Why it could not.
pub(crate) fn try_out(draft: &Draft<'_>, what: &Proposal) -> Result<(), Refusal> {
    let mut trial = draft.over();
    // Power that moves today does not hinder a decision that is carried out another day.
    trial.remove::<PowerMoved>(&());
    carry(&mut trial, what)
}

/// Does what was decided.
///
/// # Errors
/// [`Refusal`] if the rules forbid it; the caller then drops the draft.
pub(crate) fn carry(draft: &mut Draft<'_>, what: &Proposal) -> Result<(), Refusal> {
    match what {
        Proposal::Params { changes } => set_numbers(draft, changes),
        Proposal::Class { class, open } => set_class(draft, *class, *open),
        Proposal::Join(joining) => member::join(draft, joining),
        Proposal::Leave { member } => member::leave(draft, *member),
        Proposal::Power { member, power } => member::set_power(draft, *member, *power),
        Proposal::Suspend { member, evidence } => member::suspend(draft, *member, evidence),
        Proposal::Quota {
            member,
            of,
            per_epoch,
        } => set_quota(draft, *member, *of, *per_epoch),
        Proposal::Reversal { corrections, .. } => {
            corrections.iter().try_for_each(|one| correct(draft, one))
        }
        Proposal::ClearModule { module } => clear_module(draft, *module),
        Proposal::Upgrade {
            version,
            activation,
            binary,
        } => upgrade(
            draft,
            Upgrade {
                version: *version,
                activation: *activation,
                binary: *binary,
            },
        ),
    }
}

fn set_numbers(draft: &mut Draft<'_>, changes: &[(u16, u64)]) -> Result<(), Refusal> {
    let founding = draft
        .row::<Federation>(&())
        .expect("every state begins with `begin`");
    let params = params::change(&founding.params, changes, founding.devnet)
        .map_err(|why| Refusal::Council(CouncilRefusal::Params(why)))?;
    for &(id, to) in changes {
        let from = founding.params.get(id).expect("its change was accepted");
        draft.say(Event::Council(CouncilEvent::ParamChanged { id, from, to }));
    }
    // Epochs are counted on from the one that runs, whatever their length is from now on.
    let epochs = founding.epoch_at(draft.now());
    let changed = Founding {
        params,
        epochs,
        ..founding
    };
    draft.put::<Federation>(&(), &changed);
    Ok(())
}

fn set_class(draft: &mut Draft<'_>, class: Class, open: bool) -> Result<(), Refusal> {
    if is_open(draft, class) == open {
        return Err(Refusal::Council(CouncilRefusal::NothingChanges));
    }
    if open {
        draft.remove::<ClosedClasses>(&class);
    } else {
        draft.put::<ClosedClasses>(&class, &());
    }
    draft.say(Event::Council(CouncilEvent::ClassChanged { class, open }));
    Ok(())
}

fn set_quota(
    draft: &mut Draft<'_>,
    member: PartyId,
    of: Quota,
    per_epoch: Credits,
) -> Result<(), Refusal> {
    seated(draft, member)?;
    if of == Quota::Mint {
        issue::may_mint(draft)?;
    }
    let mut quota = draft.row::<Quotas>(&(member, of)).unwrap_or_default();
    quota.per_epoch = per_epoch;
    draft.put::<Quotas>(&(member, of), &quota);
    draft.say(Event::Council(CouncilEvent::QuotaSet {
        member,
        of,
        per_epoch,
    }));
    Ok(())
}

/// One correcting posting. It takes what is there and no more, so that the books balance whatever
/// the council decides.
fn correct(draft: &mut Draft<'_>, correction: &Correction) -> Result<(), Refusal> {
    let &Correction { from, to, amount } = correction;
    if amount == Credits::ZERO {
        return Err(Refusal::AmountIsZero);
    }
    if let Place::MemberBond(party) = from {
        return Err(Refusal::Council(CouncilRefusal::FaultsAlone { party }));
    }
    if let Place::Bond(peer) = from {
        let row = draft
            .row::<Peers>(&peer)
            .ok_or(Refusal::UnknownPeer { peer })?;
        let free = bond::free(draft, peer, &row);
        if free < amount {
            let asked = amount;
            return Err(Refusal::BondLocked { free, asked });
        }
    }
    match to {
        Place::Wallet(party) if !is_known(draft, party) => {
            return Err(Refusal::UnknownReceiver { party });
        }
        Place::Bond(peer) if draft.row::<Peers>(&peer).is_none() => {
            return Err(Refusal::UnknownPeer { peer });
        }
        Place::MemberBond(party) if !member::has_bond(draft, party) => {
            return Err(Refusal::Council(CouncilRefusal::NoSeat { party }));
        }
        Place::Slash(_) => return Err(Refusal::Council(CouncilRefusal::NoWayBack)),
        Place::Wallet(_) | Place::Bond(_) | Place::MemberBond(_) | Place::Treasury => {}
    }
    post(
        draft,
        Posting {
            from: account(from),
            to: account(to),
            amount,
            code: Code::Correction,
            about: About::Ledger,
        },
    )?;
    if let (Place::Slash(bundle), Place::Bond(_) | Place::MemberBond(_)) = (from, to) {
        hold::corrected(draft, bundle, account(to), amount);
    }
    draft.say(Event::Council(CouncilEvent::Corrected { from, to, amount }));
    Ok(())
}

const fn account(place: Place) -> Account {
    match place {
        Place::Wallet(party) => Account::Wallet(party),
        Place::Treasury => Account::Treasury,
        Place::Bond(peer) => Account::Bond(peer),
        Place::Slash(bundle) => Account::SlashHold(bundle),
        Place::MemberBond(party) => Account::MemberBond(party),
    }
}

fn clear_module(draft: &mut Draft<'_>, module: Digest) -> Result<(), Refusal> {
    if faults::clear_module(draft, module) {
        Ok(())
    } else {
        Err(Refusal::Council(CouncilRefusal::NothingChanges))
    }
}

fn upgrade(draft: &mut Draft<'_>, upgrade: Upgrade) -> Result<(), Refusal> {
    let height = draft.at().height;
    let Upgrade {
        version,
        activation,
        binary,
    } = upgrade;
    if activation <= height {
        return Err(Refusal::Council(CouncilRefusal::UpgradeTooSoon {
            activation,
            height,
        }));
    }
    let mut council = state(draft);
    council.upgrade = Some(upgrade);
    draft.put::<Councils>(&(), &council);
    draft.say(Event::Council(CouncilEvent::UpgradeSet {
        version,
        activation,
        binary,
    }));
    Ok(())
}
