//! How ids, money, times and whole documents are written in JSON.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, UNIX_EPOCH};

use protocol::ids::{
    ChannelId, Digest, EntryId, FederationId, JobId, LeaseId, PartyId, PeerId, PublicKey, PurseId,
};
use protocol::units::{Credits, Moment};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// A thing that has a whole written name.
pub trait Named: FromStr<Err: fmt::Display> + fmt::Display + Copy {
    /// The name that [`FromStr`] reads back.
    fn name(&self) -> String;
}

macro_rules! named {
    ($($id:ident),*) => {
        $(impl Named for $id {
            fn name(&self) -> String {
                self.full()
            }
        })*
    };
}
named!(
    ChannelId,
    Digest,
    EntryId,
    FederationId,
    JobId,
    LeaseId,
    PartyId,
    PeerId,
    PublicKey,
    PurseId
);

/// An id in a document: written whole in JSON, short on a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id<T>(pub T);

impl<T: Named> Id<T> {
    /// The whole name.
    pub fn full(&self) -> String {
        self.0.name()
    }
}

impl<T> From<T> for Id<T> {
    fn from(id: T) -> Self {
        Self(id)
    }
}

impl<T: Named> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: Named> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.full())
    }
}

impl<'de, T: Named> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map(Self).map_err(D::Error::custom)
    }
}

/// Credits in a document: micro-credits as a string of digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money(pub Credits);

impl From<Credits> for Money {
    fn from(credits: Credits) -> Self {
        Self(credits)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0.get())
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let digits = String::deserialize(from)?;
        let micro = digits.parse().map_err(D::Error::custom)?;
        Ok(Self(Credits::new(micro)))
    }
}

/// A moment in a document: RFC 3339, UTC, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub Moment);

/// The last millisecond that RFC 3339 can write: the end of the year 9999.
const LAST_MS: u64 = 253_402_300_799_999;

impl From<Moment> for Time {
    fn from(moment: Moment) -> Self {
        Self(moment)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = Duration::from_millis(self.0.ms().min(LAST_MS));
        humantime::format_rfc3339_millis(UNIX_EPOCH + since).fmt(f)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let at = humantime::parse_rfc3339(&text).map_err(D::Error::custom)?;
        let since = at.duration_since(UNIX_EPOCH).map_err(D::Error::custom)?;
        let ms = u64::try_from(since.as_millis()).map_err(D::Error::custom)?;
        Ok(Self(Moment::new(ms)))
    }
}

/// A document's name for what it is.
pub trait Kind {
    /// Such as `peer.v1.Job`.
    const KIND: &'static str;
}

/// A document as it is written: its kind, the unit of its money, and its content.
#[derive(Serialize)]
pub struct Document<'a, T> {
    kind: &'static str,
    unit: &'static str,
    #[serde(flatten)]
    content: &'a T,
}

impl<'a, T: Kind> Document<'a, T> {
    /// The document of this content.
    pub const fn of(content: &'a T) -> Self {
        Self {
            kind: T::KIND,
            unit: "micro-credit",
            content,
        }
    }
}

/// Several of a kind, in the order they are shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct List<T> {
    /// They.
    pub items: Vec<T>,
}

impl<T> From<Vec<T>> for List<T> {
    fn from(items: Vec<T>) -> Self {
        Self { items }
    }
}

/// It was done, and there is nothing more to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {}

impl Kind for Done {
    const KIND: &'static str = "peer.v1.Done";
}
