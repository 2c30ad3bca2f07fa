//! Effects in words, one line each.

use protocol::entry::Body;
use protocol::ids::PeerId;
use protocol::job::Blob;
use protocol::message::Message;
use steward::{Answer, Effect, News, Report, Why};

use super::peer;

/// A peer by its number.
pub fn name(id: &PeerId) -> String {
    (0..=20)
        .find(|n| peer(*n) == *id)
        .map_or_else(|| id.to_string(), |n| format!("p{n}"))
}

fn names(peers: &[PeerId]) -> String {
    peers.iter().map(name).collect::<Vec<_>>().join("+")
}

/// An effect in words; `None` for one that stories leave out.
pub fn show(effect: &Effect) -> Option<String> {
    Some(match effect {
        Effect::Propose { body, .. } => format!("propose {}", show_body(body)),
        Effect::SignSeal(seal) => format!("sign {}", seal.bundle.index),
        Effect::Send { to, message } => format!("to {}: {}", name(to), show_message(message)),
        Effect::SendOutcomes {
            to,
            bundle,
            outcomes,
            inline,
            ..
        } => {
            let (n, whole) = (outcomes.len(), inline.len());
            format!(
                "to {}: outcomes {} ({n}, {whole} inline)",
                name(to),
                bundle.index
            )
        }
        Effect::FetchJob { from, .. } => format!("fetch job from {}", names(from)),
        Effect::Fetch { from, .. } => format!("fetch from {}", names(from)),
        Effect::Run {
            bundle,
            tasks,
            why,
            alter,
            states,
            ..
        } => {
            let why = match why {
                Why::Work => "run",
                Why::Panel => "judge",
                Why::Audit => "audit",
                Why::Canary => "know",
                Why::Check(_) => "check",
                Why::Step(None) => "begin",
                Why::Step(Some(_)) => "step",
                Why::State(_) => "state",
            };
            let lies = if alter.is_empty() {
                String::new()
            } else {
                format!(" lying {alter:?}")
            };
            format!("{why} {} {tasks:?}{lies}{}", bundle.index, goes_on(states))
        }
        Effect::Compare { bundle, pairs, .. } => {
            format!("compare {} pairs of {}", pairs.len(), bundle.index)
        }
        Effect::ReadKept { bundle, tasks, .. } => format!("read kept {} {tasks:?}", bundle.index),
        Effect::ReadLists { claimed, .. } => format!("read lists of {} claims", claimed.len()),
        Effect::CancelRun(_) => "cancel run".to_owned(),
        Effect::KeepOutput { bytes, .. } => format!("keep {}", String::from_utf8_lossy(bytes)),
        Effect::KeepTold { .. } => return None,
        Effect::Announce(_) => return None,
        Effect::Reply { answer, .. } => match answer {
            Answer::Submitted(_) => "reply submitted".to_owned(),
            Answer::Cancelled(_) => "reply cancelled".to_owned(),
            Answer::Collecting { missing, .. } => format!("reply {missing} missing"),
            Answer::Refused { trouble, .. } => {
                format!("reply refused, {:?}: {}", trouble.kind, trouble.why)
            }
        },
        Effect::Tell(news) => format!("tell {}", show_news(news)),
        Effect::Report(report) => show_report(report),
    })
}

fn goes_on(states: &[(u32, Blob)]) -> String {
    if states.is_empty() {
        return String::new();
    }
    let tasks: Vec<u32> = states.iter().map(|(task, _)| *task).collect();
    format!(" going on {tasks:?}")
}

fn show_body(body: &Body) -> String {
    let places = match body {
        Body::SealBatch { seals, .. } => seals.iter().map(|s| (s.bundle, s.peer)).collect(),
        Body::OpenBatch { openings, .. } => openings.iter().map(|o| (o.bundle, o.peer)).collect(),
        Body::Dispute { bundle, tasks } => {
            let places = tasks
                .iter()
                .map(|task| task.claims[0].1.place)
                .collect::<Vec<_>>();
            return format!("dispute {} {places:?}", bundle.index);
        }
        Body::Decline { to: Some(to), .. } => return format!("decline for {}", name(to)),
        _ => Vec::new(),
    };
    let places: Vec<String> = places
        .iter()
        .map(|(b, p)| format!(" {b}/{}", name(p)))
        .collect();
    format!("{}{}", body.name(), places.concat())
}

fn show_message(message: &Message) -> String {
    match message {
        Message::AskOutcomes { bundle } => format!("ask {}", bundle.index),
        Message::Openings { openings, .. } => format!("openings ({})", openings.len()),
        Message::RunFailed { bundle, why } => format!("failed {}: {why}", bundle.index),
        Message::AskKept { bundle } => format!("ask kept {}", bundle.index),
        Message::Kept { bundle, states } => {
            let tasks: Vec<u32> = states.iter().map(|(task, _)| *task).collect();
            format!("kept {} {tasks:?}", bundle.index)
        }
        Message::AskState(of) => format!("ask state {} of {}", of.steps, of.task),
        Message::State { of, state } => {
            let state = state.map_or("no state", |_| "state");
            format!("{state} {} of {}", of.steps, of.task)
        }
        other => format!("{other:?}"),
    }
}

fn show_news(news: &News) -> String {
    match news {
        News::Submitted(_) => "submitted".to_owned(),
        News::Drawn { bundle, peers } => format!("drawn {} {}", bundle.index, names(peers)),
        News::Replaced { bundle, out, next } => {
            let next = next.as_ref().map_or("nobody".to_owned(), name);
            format!("replaced {} {} by {next}", bundle.index, name(out))
        }
        News::RunFailed { bundle, peer, .. } => format!("failed {} {}", bundle.index, name(peer)),
        News::Output {
            task,
            provisional: true,
            ..
        } => format!("output {task} provisional"),
        News::Output { task, .. } => format!("output {task}"),
        News::AllSealed(_) => "all sealed".to_owned(),
        News::Closed(_) => "closed".to_owned(),
        News::Disputed { bundle, peers } => format!("disputed {} {}", bundle.index, names(peers)),
        News::PanelCalled { bundle, tasks, .. } => format!("panel {} {tasks:?}", bundle.index),
        News::Verdict {
            bundle,
            upheld,
            convicted,
        } => {
            let (right, wrong) = (names(upheld), names(convicted));
            format!("verdict {} right {right} wrong {wrong}", bundle.index)
        }
        News::Slashed { peer, fault, .. } => format!("slashed {} {}", name(peer), fault.code()),
        News::BundleEnded { bundle, ending } => format!("ended {} {ending:?}", bundle.index),
        News::Ended { .. } => "job ended".to_owned(),
    }
}

fn show_report(report: &Report) -> String {
    match report {
        Report::Fault {
            peer,
            fault,
            hopeless,
        } => {
            let hopeless = if *hopeless { ", hopeless" } else { "" };
            format!("fault {} {fault:?}{hopeless}", name(peer))
        }
        Report::Misbehaving { bundle, tasks } => format!("LYING {} {tasks:?}", bundle.index),
        Report::ProposalRefused { what, again, .. } => format!("refused {what}, again: {again}"),
        Report::ProposalGivenUp { what } => format!("gave up {what}"),
        Report::CannotRun { bundle, why } => format!("cannot run {}: {why}", bundle.index),
        Report::HandedOver { bundle, to, why } => {
            format!("{} goes to {}: {why}", bundle.index, name(to))
        }
        Report::OneStepShows {
            task, step, wrong, ..
        } => format!("step {step} of {task} shows {}", names(wrong)),
        Report::SecretUnknown(_) => "secret unknown".to_owned(),
        Report::Convicted { bundle } => format!("convicted for {}", bundle.index),
        Report::CapacityMissing { seen, .. } => format!("{seen} slots seen"),
    }
}
