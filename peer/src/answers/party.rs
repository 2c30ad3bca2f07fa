//! Parties, their keys, their task wallets and grants.

use protocol::entry::{Classes, Root};
use protocol::ids::{PartyId, PublicKey, PurseId};
use protocol::job::Class;
use rules::{Allowance, PurseKind, View};

use super::govern::not_begun;
use super::{ROWS_MAX, Sources, sponsor_name};
use crate::api::problem::{Code, Problem};
use crate::api::types::{
    AllowanceView, Id, LimitsView, OpKeyView, PartyView, PurseView, RootKeyView, SigningView,
};

/// A party and the keys that speak for it.
///
/// # Errors
/// [`Code::NotFound`] for one that is not known here.
pub fn party(from: &Sources<'_>, party: PartyId) -> Result<PartyView, Problem> {
    let view = from.ledger.ask();
    let (_, now) = rules::read::last_block(&view).ok_or_else(not_begun)?;
    let known = rules::read::party(&view, party).ok_or_else(|| unknown(party))?;
    let (epoch, _) = rules::read::running_epoch(&view).ok_or_else(not_begun)?;
    let (root, threshold) = match &known.root {
        Root::One(key) => (vec![(*key, 1)], 1),
        Root::Many(quorum) => (quorum.keys.clone(), quorum.threshold),
    };
    let keys = rules::read::op_keys(&view, party).into_iter();
    Ok(PartyView {
        party: party.into(),
        name: sponsor_name(&view, party),
        root: root
            .into_iter()
            .map(|(key, weight)| RootKeyView {
                key: Id(key),
                weight,
            })
            .collect(),
        threshold,
        since: known.since.get(),
        sponsor: known.sponsor.map(Id),
        guardian: known.guardian.map(Id),
        recovery_ready: rules::read::recovery(&view, party).map(|begun| begun.ready.into()),
        roots_before: known.roots,
        free_entries: rules::read::free_entries(&view, party),
        keys: keys
            .map(|(key, row)| OpKeyView {
                key: Id(key),
                scope: row
                    .powers
                    .scope
                    .names()
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
                expires: row.powers.expires.into(),
                expired: row.powers.expires <= now,
                per_entry: row.powers.per_entry.into(),
                per_epoch: row.powers.per_epoch.into(),
                spent: if row.epoch == epoch {
                    row.spent
                } else {
                    protocol::units::Credits::ZERO
                }
                .into(),
            })
            .collect(),
    })
}

fn unknown(party: PartyId) -> Problem {
    Problem::new(
        Code::NotFound,
        format!("{party} is not known on the ledger"),
    )
    .because("a party is known once someone has entered its root key")
    .try_this("peer key register KEY")
}

/// What whoever signs with `key` in `lane` must know.
///
/// # Errors
/// [`Code::Busy`] if the ledger has not begun.
pub fn signing(
    from: &Sources<'_>,
    key: PublicKey,
    party: Option<PartyId>,
    lane: u16,
) -> Result<SigningView, Problem> {
    let view = from.ledger.ask();
    let (_, now) = rules::read::last_block(&view).ok_or_else(not_begun)?;
    let owner = rules::read::owner_of(&view, key);
    let party = party.or(owner).unwrap_or(from.party);
    Ok(SigningView {
        federation: Id(from.genesis.id()),
        party: Id(party),
        nonce: rules::read::nonce(&view, party, lane),
        now: now.into(),
    })
}

/// A party's task wallets and grants, newest first.
pub fn purses(from: &Sources<'_>, owner: PartyId) -> Vec<PurseView> {
    let view = from.ledger.ask();
    purse_ids(&view, owner)
        .filter_map(|id| purse_view(&view, id))
        .collect()
}

/// The ids of a party's purses, newest first, bounded.
pub(super) fn purse_ids(view: &dyn View, owner: PartyId) -> impl Iterator<Item = PurseId> {
    let count = rules::read::purses_of(view, owner);
    let numbers = (count.saturating_sub(ROWS_MAX)..count).rev();
    numbers.filter_map(move |number| rules::read::purse_of(view, owner, number))
}

/// One task wallet or grant.
///
/// # Errors
/// [`Code::NotFound`].
pub fn purse(from: &Sources<'_>, id: PurseId) -> Result<PurseView, Problem> {
    purse_view(&from.ledger.ask(), id).ok_or_else(|| {
        Problem::new(
            Code::NotFound,
            format!("there is no task wallet or grant {id}"),
        )
        .try_this("peer wallet task ls")
    })
}

pub(super) fn purse_view(view: &dyn View, id: PurseId) -> Option<PurseView> {
    let standing = rules::read::purse(view, id)?;
    let (_, now) = rules::read::last_block(view)?;
    let (epoch, _) = rules::read::running_epoch(view)?;
    let purse = standing.purse;
    let (is, over, by, expires) = match purse.kind {
        PurseKind::TaskWallet { closed } => ("task-wallet", closed, None, None),
        PurseKind::Grant { by, expires } => ("grant", expires <= now, Some(by), Some(expires)),
    };
    let delegates = (0..purse.delegates).filter_map(|number| {
        let party = rules::read::delegate(view, id, number)?;
        let allowance = rules::read::allowance(view, id, party)?;
        Some(allowance_view(party, &allowance, epoch))
    });
    Some(PurseView {
        purse: Id(id),
        is: is.to_owned(),
        owner: Id(purse.owner),
        available: standing.available.into(),
        over,
        by: by.map(Id),
        expires: expires.map(Into::into),
        delegates: delegates
            .take(usize::try_from(ROWS_MAX).unwrap_or(usize::MAX))
            .collect(),
    })
}

fn allowance_view(party: PartyId, allowance: &Allowance, epoch: u64) -> AllowanceView {
    let in_epoch = if allowance.epoch == epoch {
        allowance.in_epoch
    } else {
        protocol::units::Credits::ZERO
    };
    AllowanceView {
        party: Id(party),
        limits: allowance.policy.map(|policy| LimitsView {
            per_task: policy.per_task.into(),
            per_epoch: policy.per_epoch.into(),
            total: policy.total.into(),
            classes: class_names(policy.classes),
            expires: policy.expires.into(),
        }),
        in_epoch: in_epoch.into(),
        in_all: allowance.in_all.into(),
    }
}

fn class_names(classes: Classes) -> Vec<String> {
    let held = Class::ALL.into_iter().filter(|class| classes.has(*class));
    held.map(|class| class.name().to_owned()).collect()
}
