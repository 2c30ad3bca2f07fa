//! Events in words, for a story that people read.

use protocol::event::{Ending, Event};

/// An ending in one word.
pub(super) const fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Agreed => "agreed",
        Ending::Judged => "judged",
        Ending::Nondeterministic => "nondeterministic",
        Ending::Short => "short",
        Ending::Undisputed => "undisputed",
        Ending::Cancelled => "cancelled",
    }
}

/// An event in one line.
pub(crate) fn words(event: &Event) -> String {
    match event {
        Event::Submitted {
            job, terms, escrow, ..
        } => format!(
            "{job} is submitted: {} tasks, {} copies, {escrow} set aside",
            terms.tasks, terms.copies
        ),
        Event::Drawn { bundle, peers, .. } => format!("{bundle} is drawn for {peers:?}"),
        Event::Replaced {
            bundle, out, next, ..
        } => match next {
            Some(next) => format!("{bundle}: {next} runs it instead of {out}"),
            None => format!("{bundle}: {out} is out, and nobody is left"),
        },
        Event::Disputed { bundle, roots, .. } => {
            format!("{bundle}: {} opened roots differ", roots.len())
        }
        Event::PanelCalled {
            bundle,
            panel,
            round,
            ..
        } => {
            format!(
                "{bundle}: {} members are called, round {round}",
                panel.len()
            )
        }
        Event::Verdict {
            bundle,
            upheld,
            convicted,
            ..
        } => {
            format!("{bundle}: upheld {upheld:?}, convicted {convicted:?}")
        }
        Event::Slashed {
            bundle,
            peer,
            fault,
            amount,
        } => {
            format!(
                "{bundle}: {peer} {} ({}) and loses {amount}",
                fault.words(),
                fault.code()
            )
        }
        Event::Paid {
            bundle,
            peer,
            amount,
            ..
        } => format!("{bundle}: {peer} earns {amount}"),
        Event::BundleEnded {
            bundle,
            ending: how,
        } => format!("{bundle} ends {}", ending(*how)),
        Event::JobEnded {
            job,
            paid,
            refunded,
        } => {
            format!("{job} ends: {paid} paid, {refunded} back")
        }
        other => format!("{other:?}"),
    }
}
