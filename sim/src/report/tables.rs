//! Tables for other programs: JSON and CSV.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::{Judged, bounds, names};
use crate::bounds::of_ratio;
use crate::figure::Figure;
use crate::scene::Scene;
use crate::story::Story;

fn text(words: &str) -> String {
    let mut out = String::from("\"");
    for c in words.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn number(figure: Figure) -> String {
    if figure.is_endless() {
        text(&figure.to_string())
    } else {
        figure.to_string()
    }
}

pub(super) fn summary(scene: &Scene, stories: &[Story], judged: &[Judged]) -> String {
    let promises: Vec<String> = judged
        .iter()
        .map(|one| {
            let found = one.found.map_or_else(|| "null".to_owned(), number);
            let seed = one
                .seed
                .map_or_else(|| "null".to_owned(), |seed| seed.to_string());
            format!(
                "    {{ \"promise\": {}, \"measure\": {}, \"asked\": {}, \"found\": {found}, \
                 \"seed\": {seed}, \"holds\": {} }}",
                text(&one.promise),
                text(&one.what),
                text(&one.asked),
                one.holds
            )
        })
        .collect();
    let measures: Vec<String> = names(stories)
        .into_iter()
        .filter_map(|name| {
            let bounds = bounds(name, stories)?;
            let [low, mean, high] = [bounds.low, bounds.mean, bounds.high].map(number);
            let name = text(name);
            Some(format!(
                "    {name}: {{ \"low\": {low}, \"mean\": {mean}, \"high\": {high} }}"
            ))
        })
        .collect();
    let seeds: Vec<String> = stories.iter().map(|story| story.seed.to_string()).collect();
    format!(
        "{{\n  \"scene\": {},\n  \"seeds\": [{}],\n  \"holds\": {},\n  \"promises\": [\n{}\n  ],\n\
         \x20 \
         \"measures\": {{\n{}\n  }}\n}}\n",
        text(&scene.name),
        seeds.join(", "),
        judged.iter().all(|one| one.holds),
        promises.join(",\n"),
        measures.join(",\n")
    )
}

pub(super) fn epochs(stories: &[Story]) -> String {
    let epochs = stories.iter().flat_map(|story| &story.epochs);
    let columns: BTreeSet<&String> = epochs.flat_map(|epoch| epoch.measures.keys()).collect();
    let mut table = String::from("seed,epoch");
    for column in &columns {
        write!(table, ",{column}").expect("writing to memory cannot fail");
    }
    table.push('\n');
    for story in stories {
        for epoch in &story.epochs {
            write!(table, "{},{}", story.seed, epoch.number)
                .expect("writing to memory cannot fail");
            for column in &columns {
                let value = epoch.measures.get(*column).map(ToString::to_string);
                write!(table, ",{}", value.unwrap_or_default())
                    .expect("writing to memory cannot fail");
            }
            table.push('\n');
        }
    }
    table
}

pub(super) fn attacks(stories: &[Story]) -> String {
    let mut table =
        String::from("group,crime,seeds,cost_micro,gain_micro,ratio,ratio_low_95,ratio_high_95\n");
    let all = stories.iter().flat_map(|story| &story.attacks);
    let groups: BTreeSet<(&str, &str)> =
        all.map(|attack| (&*attack.group, &*attack.crime)).collect();
    for (group, crime) in groups {
        let of_group = stories.iter().flat_map(|story| &story.attacks);
        let pairs: Vec<(i128, i128)> = of_group
            .filter(|attack| attack.group == group)
            .map(|attack| (attack.cost, attack.gain))
            .collect();
        let (cost, gain) = pairs
            .iter()
            .fold((0, 0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1));
        let bounds = of_ratio(&pairs);
        writeln!(
            table,
            "{group},{crime},{},{cost},{gain},{},{},{}",
            pairs.len(),
            bounds.mean,
            bounds.low,
            bounds.high
        )
        .expect("writing to memory cannot fail");
    }
    table
}

pub(super) fn roots(stories: &[Story]) -> String {
    let mut table = String::new();
    for story in stories {
        for epoch in &story.epochs {
            let (seed, number, root) = (story.seed, epoch.number, epoch.root.full());
            writeln!(table, "{seed} epoch {number} {root}").expect("writing to memory cannot fail");
        }
        let (seed, root) = (story.seed, story.root.full());
        let (blocks, entries) = (story.blocks, story.entries);
        writeln!(table, "{seed} end {root} {blocks} blocks {entries} entries")
            .expect("writing to memory cannot fail");
    }
    table
}
