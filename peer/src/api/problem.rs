//! What went wrong, in the one shape that the API sends, the command line prints and a script
//! reads: a code, what we were doing, why it failed, and the command that helps.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which kind of trouble it is. Codes and numbers never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// Something in the world failed: a disk, a file, a process.
    Failed,
    /// The question itself is wrong: an argument, a file's content, a size.
    Usage,
    /// A job ended, and some of its tasks did not do what they were meant to do.
    TasksFailed,
    /// There is no such thing.
    NotFound,
    /// No peer offers what the job needs.
    NoOffers,
    /// The wallet or the job's budget does not reach.
    Budget,
    /// The peer, or the federation behind it, does not answer; ask again later.
    Unreachable,
    /// The peer has too much to do at this moment; ask again later.
    Busy,
    /// Who asks may not ask that.
    NotAllowed,
    /// The wait was over before the job was; the job goes on.
    TimedOut,
    /// Peers, or even members, gave different results and none was found right.
    Disputed,
    /// Too early: the result is not judged yet.
    NotFinal,
    /// We are wrong.
    Bug,
    /// Ctrl-C, or a closed terminal.
    Interrupted,
    /// `peer doctor`: something is less than it could be.
    Weaker,
    /// `peer doctor`: something that a peer needs is not there.
    Missing,
}

/// An error and what caused it, the nearest first, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut causes = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(next) = cause {
        causes.push(next.to_string());
        cause = next.source();
    }
    causes.dedup();
    causes.join(": ")
}

impl Code {
    /// The exit code of a command that ends with it.
    pub const fn exit(self) -> u8 {
        match self {
            Self::Failed | Self::Weaker => 1,
            Self::Usage | Self::Missing => 2,
            Self::TasksFailed => 3,
            Self::NotFound | Self::NoOffers => 4,
            Self::Budget => 5,
            Self::Unreachable | Self::Busy => 6,
            Self::NotAllowed => 7,
            Self::TimedOut => 8,
            Self::Disputed => 9,
            Self::NotFinal => 10,
            Self::Bug => 70,
            Self::Interrupted => 130,
        }
    }

    /// The HTTP status of an answer that carries it.
    pub const fn http(self) -> u16 {
        match self {
            Self::Usage => 400,
            Self::NotAllowed => 403,
            Self::NotFound => 404,
            Self::NoOffers | Self::Budget | Self::TasksFailed | Self::Disputed | Self::NotFinal => {
                409
            }
            Self::Failed | Self::Bug | Self::Interrupted | Self::Weaker | Self::Missing => 500,
            Self::Unreachable | Self::Busy => 503,
            Self::TimedOut => 504,
        }
    }
}

/// Trouble, told in full. Written as RFC 9457 `problem+json` with two fields of our own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Which kind.
    pub code: Code,
    /// What we were doing, as a sentence without a full stop.
    pub title: String,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The one command, or deed, that helps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Problem {
    /// Trouble of this kind; `title` says what cannot be done.
    pub fn new(code: Code, title: impl Into<String>) -> Self {
        Self {
            code,
            title: title.into(),
            detail: None,
            fix: None,
        }
    }

    /// The same, with its cause.
    #[must_use]
    pub fn because(mut self, detail: impl fmt::Display) -> Self {
        self.detail = Some(detail.to_string());
        self
    }

    /// The same, with the command that helps.
    #[must_use]
    pub fn try_this(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

impl fmt::Display for Problem {
    /// What and why in one line, for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.detail {
            Some(detail) => write!(f, "{}: {detail}", self.title),
            None => f.write_str(&self.title),
        }
    }
}

impl std::error::Error for Problem {}
