//! How people write what the ledger names: classes, faults, kinds of powers, places of credits.

use protocol::entry::{Classes, EmergencyAct, Place, Scope};
use protocol::event::Fault;
use protocol::ids::{BundleId, JobId};
use protocol::job::Class;

use crate::answers::FAULTS;

/// A class by its name.
///
/// # Errors
/// What is wrong with it, in words.
pub fn class(text: &str) -> Result<Class, String> {
    let known = Class::ALL.into_iter().find(|class| class.name() == text);
    known.ok_or_else(|| "the classes are grid, edge, cloud and ai".to_owned())
}

/// Classes by their names, with commas between.
///
/// # Errors
/// What is wrong with it, in words.
pub fn classes(text: &str) -> Result<Classes, String> {
    let mut named = text.split(',').map(class);
    named.try_fold(Classes::NONE, |set, one| Ok(set.and(one?)))
}

/// A fault by its code, such as `F1`.
///
/// # Errors
/// What is wrong with it, in words.
pub fn fault(text: &str) -> Result<Fault, String> {
    let asked = text.to_ascii_uppercase();
    let known = FAULTS.into_iter().find(|fault| fault.code() == asked);
    known.ok_or_else(|| "faults are F1 to F11, as `peer slash ls` names them".to_owned())
}

/// Kinds of powers by their names, with commas between; `all` for every kind.
///
/// # Errors
/// What is wrong with it, in words.
pub fn scope(text: &str) -> Result<Scope, String> {
    let kinds = [
        ("spend", Scope::SPEND),
        ("submit", Scope::SUBMIT),
        ("peer", Scope::PEER),
        ("work", Scope::WORK),
        ("council", Scope::COUNCIL),
        ("revoke", Scope::REVOKE),
        ("sponsor", Scope::SPONSOR),
        ("all", Scope::ALL),
    ];
    let mut named = text.split(',');
    named.try_fold(Scope::NONE, |set, name| {
        let known = kinds.iter().find(|(kind, _)| *kind == name);
        let known = known.ok_or_else(|| {
            let all: Vec<&str> = kinds.iter().map(|(kind, _)| *kind).collect();
            format!("the kinds are {}", all.join(", "))
        })?;
        Ok(set.and(known.1))
    })
}

/// A bundle, as `job_…/0`.
fn bundle(text: &str) -> Option<BundleId> {
    let (job, index) = text.split_once('/')?;
    Some(BundleId {
        job: job.parse::<JobId>().ok()?,
        index: index.parse().ok()?,
    })
}

/// Where a correction takes from or gives to.
///
/// # Errors
/// What is wrong with it, in words.
pub fn place(text: &str) -> Result<Place, String> {
    let read = || match text.split_once(':') {
        None if text == "treasury" => Some(Place::Treasury),
        Some(("wallet", party)) => party.parse().ok().map(Place::Wallet),
        Some(("judge", party)) => party.parse().ok().map(Place::MemberBond),
        Some(("bond", peer)) => peer.parse().ok().map(Place::Bond),
        Some(("slash", named)) => bundle(named).map(Place::Slash),
        _ => None,
    };
    read().ok_or_else(|| {
        "a place is treasury, wallet:party_…, bond:node_…, judge:party_… or slash:job_…/BUNDLE"
            .to_owned()
    })
}

/// What emergency keys can stop.
///
/// # Errors
/// What is wrong with it, in words.
pub fn emergency(text: &str) -> Result<EmergencyAct, String> {
    let read = || match text.split_once('=') {
        None if text == "stop-issuance" => Some(EmergencyAct::StopIssuance),
        None if text == "extend-deadlines" => Some(EmergencyAct::ExtendDeadlines),
        Some(("pause", name)) => class(name).ok().map(EmergencyAct::PauseClass),
        Some(("freeze", named)) => bundle(named).map(EmergencyAct::FreezeSlash),
        _ => None,
    };
    read().ok_or_else(|| {
        "write pause=CLASS, stop-issuance, extend-deadlines or freeze=job_…/BUNDLE".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_ledger_names_is_read() {
        assert_eq!(class("edge"), Ok(Class::Edge));
        let two = Classes::NONE.and(Class::Grid).and(Class::Ai);
        assert_eq!(classes("grid,ai"), Ok(two));
        assert_eq!(fault("f10"), Ok(Fault::FakeCapacity));
        assert_eq!(scope("spend,work"), Ok(Scope::SPEND.and(Scope::WORK)));
        assert_eq!(scope("all"), Ok(Scope::ALL));
        let job = JobId::new([7; 32]);
        let named = BundleId { job, index: 3 };
        let text = format!("{}/3", job.full());
        assert_eq!(place(&format!("slash:{text}")), Ok(Place::Slash(named)));
        assert_eq!(place("treasury"), Ok(Place::Treasury));
        let freeze = Ok(EmergencyAct::FreezeSlash(named));
        assert_eq!(emergency(&format!("freeze={text}")), freeze);
        let pause = Ok(EmergencyAct::PauseClass(Class::Cloud));
        assert_eq!(emergency("pause=cloud"), pause);
    }

    #[test]
    fn what_it_does_not_name_is_refused() {
        for text in ["", "grids", "grid,", "all,", "job_a/1", "wallet:", "pause="] {
            assert!(classes(text).is_err() && scope(text).is_err(), "{text}");
            assert!(place(text).is_err() && emergency(text).is_err(), "{text}");
        }
        assert!(fault("F12").is_err() && fault("").is_err());
    }
}
