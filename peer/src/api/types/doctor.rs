//! What a machine is fit for, line by line.

use serde::{Deserialize, Serialize};

use super::written::Kind;

/// How a thing that was looked at stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// As it should be.
    Ok,
    /// It works, with less than there could be.
    Weaker,
    /// Something that a peer needs is not there.
    Missing,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckView {
    /// What.
    pub name: String,
    /// How it stands.
    pub health: Health,
    /// What was found.
    pub found: String,
    /// What helps; absent if nothing is to be done.
    pub help: Option<String>,
}

/// All that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoctorView {
    /// The worst of all lines.
    pub health: Health,
    /// The lines.
    pub checks: Vec<CheckView>,
}

impl Kind for DoctorView {
    const KIND: &'static str = "peer.v1.Doctor";
}

impl CheckView {
    /// A line where nothing is to be done.
    pub fn ok(name: &str, found: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            health: Health::Ok,
            found: found.into(),
            help: None,
        }
    }

    /// A line with something to do.
    pub fn not_ok(
        name: &str,
        health: Health,
        found: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        let help = help.into();
        Self {
            name: name.to_owned(),
            health,
            found: found.into(),
            help: (!help.is_empty()).then_some(help),
        }
    }
}

impl From<Vec<CheckView>> for DoctorView {
    fn from(checks: Vec<CheckView>) -> Self {
        let worst = checks.iter().map(|check| check.health).max();
        Self {
            health: worst.unwrap_or(Health::Ok),
            checks,
        }
    }
}
