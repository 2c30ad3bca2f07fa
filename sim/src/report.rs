//! What many plays of one scene say: which promises hold, and the tables and pictures of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::bounds::{Bounds, of_mean, of_ratio};
use crate::figure::Figure;
use crate::scene::{Of, Promise, Scene};
use crate::story::Story;

mod plot;
mod tables;

/// Whether a promise of a scene holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The promise, in words.
    pub promise: String,
    /// Its measure.
    pub what: String,
    /// What is asked of it.
    pub asked: String,
    /// What was found where it matters most; `None` if nothing was measured under that name.
    pub found: Option<Figure>,
    /// The seed in which it was found, if it was one.
    pub seed: Option<u64>,
    /// Whether it holds.
    pub holds: bool,
}

/// The files of a report, by name, and what they conclude.
#[derive(Clone, Debug)]
pub struct Report {
    /// Name and content.
    pub files: BTreeMap<String, String>,
    /// One for each promise of the scene, and one more: that nothing happened that must never be.
    pub judged: Vec<Judged>,
}

impl Report {
    /// Whether everything holds.
    pub fn holds(&self) -> bool {
        self.judged.iter().all(|judged| judged.holds)
    }
}

/// Reports on plays of a scene.
pub fn report(scene: &Scene, stories: &[Story]) -> Report {
    let judged = judge(scene, stories);
    let mut files = BTreeMap::new();
    let mut put = |name: &str, content: String| {
        files.insert(name.to_owned(), content);
    };
    put("summary.json", tables::summary(scene, stories, &judged));
    put("epochs.csv", tables::epochs(stories));
    put("attacks.csv", tables::attacks(stories));
    put("roots.txt", tables::roots(stories));
    let mut pictures = Vec::new();
    for (name, title, picture) in plot::all(stories) {
        put(&name, picture);
        pictures.push((name, title));
    }
    put("report.md", page(scene, stories, &judged, &pictures));
    Report { files, judged }
}

/// Which promises hold.
pub fn judge(scene: &Scene, stories: &[Story]) -> Vec<Judged> {
    let mut judged: Vec<Judged> = scene.holds.iter().map(|one| hold(one, stories)).collect();
    let alarmed = stories.iter().find(|story| !story.alarms.is_empty());
    judged.push(Judged {
        promise: "The second books agree with the rules' rows, and every job ends".to_owned(),
        what: "alarms".to_owned(),
        asked: "none".to_owned(),
        found: Some(Figure::whole(
            alarmed.map_or(0, |story| story.alarms.len() as u64),
        )),
        seed: alarmed.map(|story| story.seed),
        holds: alarmed.is_none(),
    });
    judged
}

fn hold(promise: &Promise, stories: &[Story]) -> Judged {
    let least = promise.at_least.map(|least| format!("at least {least}"));
    let most = promise.at_most.map(|most| format!("at most {most}"));
    let asked: Vec<String> = least.into_iter().chain(most).collect();
    let fits = |found: Figure| {
        promise.at_least.is_none_or(|least| found >= least)
            && promise.at_most.is_none_or(|most| found <= most)
    };
    let (found, seed) = match promise.of {
        Of::Each => worst(promise, stories),
        Of::Mean => (
            bounds(&promise.what, stories).map(|bounds| bounds.mean),
            None,
        ),
        Of::Bound => {
            let bounds = bounds(&promise.what, stories);
            let side = |bounds: Bounds| {
                if promise.at_least.is_some() {
                    bounds.low
                } else {
                    bounds.high
                }
            };
            (bounds.map(side), None)
        }
    };
    Judged {
        promise: promise.promise.clone(),
        what: promise.what.clone(),
        asked: asked.join(" and "),
        found,
        seed,
        holds: found.is_some_and(fits),
    }
}

/// The value that is nearest to breaking a promise, or has broken it, and its seed.
fn worst(promise: &Promise, stories: &[Story]) -> (Option<Figure>, Option<u64>) {
    let values = stories
        .iter()
        .map(|story| (story.measures.get(&promise.what), story.seed));
    let Some(values) = values
        .map(|(value, seed)| Some((*value?, seed)))
        .collect::<Option<Vec<(Figure, u64)>>>()
    else {
        return (None, None);
    };
    let low = values.iter().min().filter(|_| promise.at_least.is_some());
    let high = values.iter().max().filter(|_| promise.at_most.is_some());
    let low_breaks = low.is_some_and(|(low, _)| promise.at_least.is_some_and(|l| *low < l));
    let worst = if low_breaks { low } else { high.or(low) };
    (worst.map(|(found, _)| *found), worst.map(|(_, seed)| *seed))
}

/// A measure over all seeds; `None` if one lacks it. `one / other` is the ratio of two measures.
pub fn bounds(what: &str, stories: &[Story]) -> Option<Bounds> {
    if let Some((part, of)) = what.split_once(" / ") {
        let pairs = stories.iter().map(|story| {
            let [part, of] = [part, of].map(|name| story.measures.get(name));
            Some((part?.in_milli(), of?.in_milli()))
        });
        return Some(of_ratio(&pairs.collect::<Option<Vec<_>>>()?));
    }
    if let Some(group) = what.strip_suffix(".ratio") {
        let pairs = stories.iter().map(|story| {
            let attack = story.attacks.iter().find(|attack| attack.group == group)?;
            Some((attack.cost, attack.gain))
        });
        return Some(of_ratio(&pairs.collect::<Option<Vec<_>>>()?));
    }
    let values = stories
        .iter()
        .map(|story| story.measures.get(what).copied());
    Some(of_mean(&values.collect::<Option<Vec<_>>>()?))
}

/// Every measure that some story has.
fn names(stories: &[Story]) -> BTreeSet<&String> {
    stories
        .iter()
        .flat_map(|story| story.measures.keys())
        .collect()
}

fn page(
    scene: &Scene,
    stories: &[Story],
    judged: &[Judged],
    pictures: &[(String, String)],
) -> String {
    let mut page = format!("# {}\n\n{}\n\n", scene.name, scene.about);
    let seeds: Vec<String> = stories.iter().map(|story| story.seed.to_string()).collect();
    let hours = scene.seconds / 3_600;
    let mut line = |text: String| {
        writeln!(page, "{text}").expect("writing to memory cannot fail");
    };
    line(format!(
        "Seeds: {}. Each plays {hours} h of agreed time.\n",
        seeds.join(", ")
    ));
    line("| promise | asked | found | holds |\n|---|---|---|---|".to_owned());
    for one in judged {
        let found = one
            .found
            .map_or_else(|| "not measured".to_owned(), |f| f.to_string());
        let seed = one
            .seed
            .map_or_else(String::new, |seed| format!(" (seed {seed})"));
        let holds = if one.holds { "yes" } else { "**NO**" };
        let (promise, what, asked) = (&one.promise, &one.what, &one.asked);
        line(format!(
            "| {promise} | `{what}` {asked} | {found}{seed} | {holds} |"
        ));
    }
    line(String::new());
    for (name, title) in pictures {
        line(format!("![{title}]({name})\n"));
    }
    line("| measure | low 95 % | mean | high 95 % |\n|---|---|---|---|".to_owned());
    for name in names(stories) {
        if let Some(Bounds { low, mean, high }) = bounds(name, stories) {
            line(format!("| {name} | {low} | {mean} | {high} |"));
        }
    }
    for story in stories.iter().filter(|story| !story.alarms.is_empty()) {
        line(format!("\nSeed {}:\n", story.seed));
        for alarm in &story.alarms {
            line(format!("* {alarm}"));
        }
    }
    page
}
