//! Why something that was asked for is not done: the words for whoever asked, and the kind of
//! trouble, for a program that must choose what to do next.

/// Which kind of trouble it is. The driver makes an exit code of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What was asked breaks a limit, or makes no sense.
    Request,
    /// The budget, or what is in the wallet, does not reach.
    Money,
    /// Too few peers offer what it needs.
    Offers,
    /// There is no such thing here.
    Unknown,
    /// The federation does not answer.
    Silence,
    /// It is too late, too early, or something else stands in the way.
    Other,
}

/// A kind of trouble, and the reason in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Which kind.
    pub kind: Kind,
    /// Why, in words.
    pub why: String,
}

impl Trouble {
    /// Trouble of this kind, for this reason.
    pub fn new(kind: Kind, why: impl Into<String>) -> Self {
        let why = why.into();
        Self { kind, why }
    }
}
