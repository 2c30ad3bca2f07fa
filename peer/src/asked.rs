//! Entries that people ask for, rather than the steward: who waits for which, and what each is
//! told. A refusal keeps its number's meaning: it decides the exit code and the command that helps.

use std::collections::BTreeMap;

use ledger::{Agreed, Ledger};
use protocol::entry::{
    BankRequest, Body, ChannelRequest, CouncilRequest, LeaseRequest, SignedEntry,
};
use protocol::event::{CouncilEvent, Event};
use protocol::ids::{ChannelId, EntryId, LeaseId, PurseId};
use protocol::units::Moment;
use rules::Refusal;

use crate::api::door::Reply;
use crate::api::problem::{Code, Problem};
use crate::api::types::{EntryView, Id, Time};
use crate::outbox::AGAIN_AFTER;

/// So many entries that others signed wait here at a time.
pub const SIGNED_MAX: usize = 256;

/// Milliseconds that are a moment rather than a length of time: 2001 and later.
const FIRST_MOMENT: u64 = 1_000_000_000_000;

/// Entries that somebody signed elsewhere, handed on until they are agreed or their life is over.
#[derive(Default)]
pub struct Signed {
    waiting: BTreeMap<EntryId, (SignedEntry, Moment)>,
}

impl Signed {
    /// Takes one in; `false` if it waits here already, or too many do.
    pub fn put(&mut self, now: Moment, entry: &SignedEntry) -> bool {
        let id = entry.entry_id();
        if self.waiting.len() >= SIGNED_MAX || self.waiting.contains_key(&id) {
            return false;
        }
        self.waiting.insert(id, (entry.clone(), now));
        true
    }

    /// One that waits.
    pub fn entry(&self, id: EntryId) -> Option<&SignedEntry> {
        self.waiting.get(&id).map(|(entry, _)| entry)
    }

    /// Lets go of one, and returns its body if it waited here.
    pub fn take(&mut self, id: EntryId) -> Option<Body> {
        let (entry, _) = self.waiting.remove(&id)?;
        Some(entry.unchecked().body.clone())
    }

    /// Those to send again now.
    pub fn again(&mut self, now: Moment) -> Vec<SignedEntry> {
        let mut due = Vec::new();
        for (entry, sent) in self.waiting.values_mut() {
            if now.since(*sent) >= AGAIN_AFTER {
                *sent = now;
                due.push(entry.clone());
            }
        }
        due
    }

    /// Those whose life is over by agreed time: no block can take them any more.
    pub fn over(&self, agreed_time: Moment) -> Vec<EntryId> {
        let over = self
            .waiting
            .iter()
            .filter(|(_, (entry, _))| entry.unchecked().valid_until < agreed_time);
        over.map(|(id, _)| *id).collect()
    }

    /// When [`Signed::again`] next has something to send.
    pub fn wake_at(&self) -> Option<Moment> {
        let sent = self.waiting.values().map(|(_, sent)| *sent).min()?;
        Some(sent.after(AGAIN_AFTER))
    }
}

/// Tells who asked what a block did with an entry.
pub fn tell(
    reply: Reply<EntryView>,
    ledger: &Ledger,
    block: &Agreed,
    answer: &ledger::Answer,
    body: Option<&Body>,
) {
    reply.give(match &answer.refused {
        Some(refused) => Err(refusal(refused.code, &refused.why)),
        None => Ok(EntryView {
            entry: answer.entry.into(),
            what: body.map_or("entry", Body::name).to_owned(),
            height: block.height.get(),
            at: block.now.into(),
            proposal: body.and_then(|body| proposal(ledger, block, body)),
            purse: body.and_then(|body| purse(body, answer.entry)),
            channel: body.and_then(|body| channel(body, answer.entry)),
            lease: body.and_then(|body| lease(body, answer.entry)),
        }),
    });
}

/// The number of the proposal that an entry of this block made.
fn proposal(ledger: &Ledger, block: &Agreed, body: &Body) -> Option<u64> {
    let Body::Council(CouncilRequest::Propose { what }) = body else {
        return None;
    };
    let view = ledger.ask();
    let made = block.events.iter().filter_map(|event| match event {
        Event::Council(CouncilEvent::Proposed { proposal, .. }) => Some(*proposal),
        _ => None,
    });
    let is_it = |number: &u64| {
        let ballot = rules::read::proposal(&view, *number);
        ballot.is_some_and(|ballot| ballot.what == *what)
    };
    made.into_iter().rev().find(is_it)
}

const fn purse(body: &Body, entry: EntryId) -> Option<Id<PurseId>> {
    match body {
        Body::Bank(BankRequest::OpenTaskWallet { .. } | BankRequest::MintGrant { .. }) => {
            Some(Id(PurseId::new(*entry.bytes())))
        }
        _ => None,
    }
}

const fn channel(body: &Body, entry: EntryId) -> Option<Id<ChannelId>> {
    match body {
        Body::Channel(ChannelRequest::Open { .. }) => Some(Id(ChannelId::new(*entry.bytes()))),
        _ => None,
    }
}

const fn lease(body: &Body, entry: EntryId) -> Option<Id<LeaseId>> {
    match body {
        Body::Lease(LeaseRequest::Take { .. }) => Some(Id(LeaseId::new(*entry.bytes()))),
        _ => None,
    }
}

/// What the rules would say to an entry now. Agreed time stands still while nothing is asked, and
/// many an answer depends on it, so this goes by the clock where that is ahead.
///
/// # Errors
/// Why it would be refused; one whose turn has not come is fine.
pub fn preview(ledger: &Ledger, now: Moment, entry: &SignedEntry) -> Result<(), Problem> {
    let checked = entry.clone().check().map_err(|error| {
        Problem::new(Code::Usage, "this is no entry of the federation").because(error)
    })?;
    let view = ledger.ask();
    match rules::preview(&view, now.max(view.now()), &checked) {
        Ok(()) | Err(Refusal::NonceInFuture { .. }) => Ok(()),
        Err(why) => Err(refusal(why.code(), &why.to_string())),
    }
}

/// A refusal of this number, in these words.
pub fn refusal(number: u16, why: &str) -> Problem {
    Problem::new(code(number), "the ledger refuses")
        .because(with_times(why))
        .try_this(fix(number))
}

/// The rules know moments as milliseconds since 1970; people do not.
fn with_times(why: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut rest = why.split(' ').peekable();
    while let Some(word) = rest.next() {
        let moment = word.parse().ok().filter(|ms| *ms >= FIRST_MOMENT);
        let unit = rest.peek().copied().unwrap_or_default();
        match (moment, unit.strip_prefix("ms")) {
            (Some(ms), Some(after)) => {
                words.push(format!("{}{after}", Time(Moment::new(ms))));
                rest.next();
            }
            _ => words.push(word.to_owned()),
        }
    }
    words.join(" ")
}

/// Which kind of trouble a refusal of this number is.
pub const fn code(number: u16) -> Code {
    match number {
        // Malformed in itself, or by its amounts.
        1
        | 2
        | 20
        | 22
        | 40
        | 50..=52
        | 133
        | 134
        | 256
        | 265
        | 266
        | 275..=278
        | 302
        | 305
        | 310
        | 323
        | 329 => Code::Usage,
        // A wallet, a key's limit, an allowance, a quota or a bond does not reach.
        9 | 23 | 36 | 105 | 110 | 140..=142 | 145 | 160 | 282 | 283 | 288 | 316 | 322 | 325 => {
            Code::Budget
        }
        // There is no such thing.
        3 | 21 | 33 | 41 | 54 | 55 | 111 | 119 | 130 | 203 | 251 | 300 | 320 | 321 => {
            Code::NotFound
        }
        53 | 60 => Code::NoOffers,
        // Who asks may not.
        4
        | 31
        | 34
        | 35
        | 56
        | 71
        | 94
        | 100..=104
        | 117
        | 122
        | 131
        | 137..=139
        | 143
        | 151
        | 155
        | 200
        | 250
        | 268
        | 269
        | 301
        | 304
        | 311
        | 317
        | 328 => Code::NotAllowed,
        // Too early: the same may pass later.
        38 | 58 | 61 | 62 | 63 | 118 | 120 | 136 | 152 | 254 | 255 | 261 | 264 | 271 | 289
        | 308 | 312 | 332 | 334 => Code::NotFinal,
        _ => Code::Failed,
    }
}

/// The command that helps against a refusal of this number.
const fn fix(number: u16) -> &'static str {
    match number {
        3 | 21 => "peer key register KEY",
        33 | 34 | 36 | 37 => "peer node ls",
        38 => "`peer node show NODE` says when it matures",
        130..=142 => "`peer wallet task ls` and `peer grant ls` list what is set apart",
        143 | 250 => "ask a member: `peer ledger status` names them",
        145 => "wait for the next epoch: `peer epoch show`",
        251 => "peer council ls",
        252..=255 => "peer council show NUMBER",
        256 => "peer params show NAME",
        288 | 289 => "peer epoch ls",
        300 => "peer channel ls",
        301..=317 => "peer channel show CHANNEL",
        320 => "peer lease ls",
        321..=325 => "`peer lease terms NODE` says what it leases",
        326..=335 => "peer lease show LEASE",
        _ => match code(number) {
            Code::Budget => "peer wallet balance",
            Code::NotAllowed => "`peer key ls` says which keys speak for the party, and in what",
            Code::NoOffers => "peer offer ls",
            Code::NotFinal => "ask again later: `peer ledger status` says the agreed time",
            Code::Usage => "the command's own --help",
            _ => "peer ledger status",
        },
    }
}

#[cfg(test)]
mod tests {
    use protocol::ids::PartyId;
    use protocol::units::Credits;
    use rules::CouncilRefusal;

    use super::*;

    #[test]
    fn refusals_end_with_the_exit_code_of_their_kind() {
        let (one, two) = (Credits::new(1), Credits::new(2));
        let party = PartyId::new([1; 32]);
        for (why, exit) in [
            (Refusal::AmountIsZero, 2),
            (Refusal::UnknownReceiver { party }, 4),
            (Refusal::UnknownPurse, 4),
            (
                Refusal::InsufficientBalance {
                    needs: two,
                    has: one,
                },
                5,
            ),
            (
                Refusal::OverKeyLimit {
                    asked: two,
                    left: one,
                },
                5,
            ),
            (
                Refusal::OverTotalLimit {
                    asked: two,
                    left: one,
                },
                5,
            ),
            (Refusal::RootNeeded { party }, 7),
            (Refusal::NotAMember { party }, 7),
            (Refusal::NothingMatured, 10),
            (Refusal::Council(CouncilRefusal::NoSeat { party }), 7),
            (
                Refusal::Council(CouncilRefusal::UnknownProposal { proposal: 1 }),
                4,
            ),
            (
                Refusal::Council(CouncilRefusal::NotDecided { yes: 1, all: 4 }),
                10,
            ),
            (Refusal::Council(CouncilRefusal::NothingChanges), 1),
        ] {
            let problem = refusal(why.code(), &why.to_string());
            assert_eq!(problem.code.exit(), exit, "{why}");
            assert_eq!(problem.detail, Some(why.to_string()));
        }
    }

    #[test]
    fn moments_are_told_as_people_know_them() {
        let (from, now) = (
            Moment::new(1_795_258_731_138),
            Moment::new(1_795_258_721_000),
        );
        let why = Refusal::Council(CouncilRefusal::Timelocked { from, now });
        let told = refusal(why.code(), &why.to_string()).detail;
        let expected = "the decision can be carried out from 2026-11-21T10:58:51.138Z on, \
                        and it is 2026-11-21T10:58:41.000Z";
        assert_eq!(told.as_deref(), Some(expected));
        assert_eq!(
            with_times("between 1 ms and 12 ms, or 1 "),
            "between 1 ms and 12 ms, or 1 "
        );
    }
}
