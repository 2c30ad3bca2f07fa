//! Pictures of a report, as SVG written by hand: lines over hours, and cost against gain.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::story::Story;

const WIDE: i128 = 760;
const HIGH: i128 = 340;
const LEFT: i128 = 90;
const RIGHT: i128 = 150;
const TOP: i128 = 40;
const FOOT: i128 = 50;
const COLOURS: [&str; 8] = [
    "#2b6cb0", "#c05621", "#2f855a", "#97266d", "#744210", "#285e61", "#4a5568", "#b83280",
];
/// More lines than this cannot be told apart.
const LINES_MAX: usize = 16;

type Points = Vec<(i128, i128)>;

/// Every picture: file name, title, content.
pub(super) fn all(stories: &[Story]) -> Vec<(String, String, String)> {
    let mut pictures = Vec::new();
    let mut hourly = |file: &str, title: &str, unit: &str, prefix: &str, scale: i128| {
        let lines = series(stories, prefix, scale);
        if !lines.is_empty() {
            let picture = Chart::new(title, "hours", unit, &lines).lines(&lines);
            pictures.push((file.to_owned(), title.to_owned(), picture));
        }
    };
    hourly(
        "wrong.svg",
        "Wrong results accepted, per hour",
        "tasks",
        "wrong_accepted",
        1,
    );
    hourly(
        "price.svg",
        "Price index by class",
        "micro-credits per Gfuel",
        "index_",
        1,
    );
    hourly(
        "income.svg",
        "Income by sponsor, per hour",
        "credits",
        "income_",
        1_000_000,
    );
    hourly(
        "slashed.svg",
        "Slashed by fault, per hour",
        "credits",
        "slashed_",
        1_000_000,
    );
    hourly(
        "supply.svg",
        "Credits in circulation",
        "credits",
        "supply",
        1_000_000,
    );
    if let Some(picture) = attacks(stories) {
        let title = "Cost against gain of each attack, one dot a seed".to_owned();
        pictures.push(("attacks.svg".to_owned(), title, picture));
    }
    pictures
}

/// The mean over seeds of every hourly measure with this beginning, in thousandths of `scale`.
fn series(stories: &[Story], prefix: &str, scale: i128) -> BTreeMap<String, Points> {
    let mut sums: BTreeMap<(String, i128), (i128, i128)> = BTreeMap::new();
    for epoch in stories.iter().flat_map(|story| &story.epochs) {
        for (name, value) in &epoch.measures {
            if let Some(name) = name.strip_prefix(prefix) {
                let sum = sums
                    .entry((name.to_owned(), epoch.number.into()))
                    .or_default();
                *sum = (sum.0 + value.in_milli(), sum.1 + 1);
            }
        }
    }
    let mut lines: BTreeMap<String, Points> = BTreeMap::new();
    for ((name, hour), (sum, count)) in sums {
        lines
            .entry(name)
            .or_default()
            .push((hour, sum / count / scale));
    }
    while lines.len() > LINES_MAX {
        lines.pop_last();
    }
    lines
}

struct Chart {
    svg: String,
    x_most: i128,
    y_most: i128,
}

impl Chart {
    fn new(title: &str, x: &str, y: &str, lines: &BTreeMap<String, Points>) -> Self {
        let points = lines.values().flatten();
        let x_most = points
            .clone()
            .map(|point| point.0)
            .max()
            .unwrap_or(1)
            .max(1);
        let y_most = points.map(|point| point.1).max().unwrap_or(1).max(1);
        let mut chart = Self {
            svg: format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDE} {HIGH}\" \
                 font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"{WIDE}\" \
                 height=\"{HIGH}\" fill=\"white\"/>\n"
            ),
            x_most,
            y_most: round_up(y_most),
        };
        chart.text(LEFT, TOP - 16, "start", 15, title);
        chart.text(LEFT + (WIDE - LEFT - RIGHT) / 2, HIGH - 12, "middle", 12, x);
        chart.text(8, TOP - 2, "start", 12, y);
        for step in 0..=4 {
            let (at_y, at_x) = (chart.y_most * step / 4, x_most * step / 4);
            let (px, py) = (chart.x(at_x), chart.y(at_y));
            let end = WIDE - RIGHT;
            chart.put(&format!(
                "<line x1=\"{LEFT}\" y1=\"{py}\" x2=\"{end}\" y2=\"{py}\" stroke=\"#e2e8f0\"/>"
            ));
            chart.text(LEFT - 6, py + 4, "end", 11, &short(at_y));
            chart.text(px, HIGH - FOOT + 16, "middle", 11, &at_x.to_string());
        }
        chart
    }

    fn x(&self, x: i128) -> i128 {
        LEFT + (WIDE - LEFT - RIGHT) * x / self.x_most
    }

    fn y(&self, y: i128) -> i128 {
        HIGH - FOOT - (HIGH - FOOT - TOP) * y.max(0) / self.y_most
    }

    fn put(&mut self, line: &str) {
        writeln!(self.svg, "{line}").expect("writing to memory cannot fail");
    }

    fn text(&mut self, x: i128, y: i128, anchor: &str, size: u8, words: &str) {
        let words = words.replace('&', "&amp;").replace('<', "&lt;");
        self.put(&format!(
            "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\" font-size=\"{size}\">{words}</text>"
        ));
    }

    fn name(&mut self, number: usize, words: &str) {
        let y = TOP + 12 + 16 * number as i128;
        let (x, colour) = (WIDE - RIGHT + 12, COLOURS[number % COLOURS.len()]);
        let (fill, dash) = if number < COLOURS.len() {
            (colour, "none")
        } else {
            ("none", "2 2")
        };
        self.put(&format!(
            "<rect x=\"{x}\" y=\"{}\" width=\"10\" height=\"10\" fill=\"{fill}\" \
             stroke=\"{colour}\" stroke-dasharray=\"{dash}\"/>",
            y - 9
        ));
        self.text(x + 16, y, "start", 11, words);
    }

    fn lines(mut self, lines: &BTreeMap<String, Points>) -> String {
        for (number, (name, points)) in lines.iter().enumerate() {
            let colour = COLOURS[number % COLOURS.len()];
            let path: Vec<String> = points
                .iter()
                .map(|(x, y)| format!("{},{}", self.x(*x), self.y(*y)))
                .collect();
            // Colours come twice; the second time the line is broken.
            let dash = if number < COLOURS.len() {
                "none"
            } else {
                "5 3"
            };
            self.put(&format!(
                "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.6\" \
                 stroke-dasharray=\"{dash}\" points=\"{}\"/>",
                path.join(" ")
            ));
            if lines.len() > 1 {
                self.name(number, name);
            }
        }
        self.done()
    }

    fn done(mut self) -> String {
        self.svg.push_str("</svg>\n");
        self.svg
    }
}

/// Cost against gain in credits, with the line on which cost is twice the gain.
fn attacks(stories: &[Story]) -> Option<String> {
    let mut groups: BTreeMap<String, Points> = BTreeMap::new();
    for attack in stories.iter().flat_map(|story| &story.attacks) {
        let point = (attack.gain / 1_000_000, attack.cost / 1_000);
        groups.entry(attack.group.clone()).or_default().push(point);
    }
    if groups.is_empty() {
        return None;
    }
    let title = "Cost against gain of each attack, one dot a seed";
    let mut chart = Chart::new(title, "gain, credits", "cost, credits", &groups);
    let until = chart.x_most.min(chart.y_most / 2_000);
    let (x1, y1) = (chart.x(0), chart.y(0));
    let (x2, y2) = (chart.x(until), chart.y(until * 2_000));
    chart.put(&format!(
        "<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" stroke=\"#c53030\" \
         stroke-dasharray=\"5 4\"/>"
    ));
    chart.text(x2 + 4, y2, "start", 11, "twice");
    for (number, (name, points)) in groups.iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        for (x, y) in points {
            let (x, y) = (chart.x((*x).max(0)), chart.y(*y));
            chart.put(&format!(
                "<circle cx=\"{x}\" cy=\"{y}\" r=\"3.5\" fill=\"{colour}\" opacity=\"0.7\"/>"
            ));
        }
        chart.name(number, name);
    }
    Some(chart.done())
}

/// The next number of the kind people draw axes with, in thousandths.
fn round_up(most: i128) -> i128 {
    let mut step = 1;
    loop {
        for factor in [1, 2, 4, 5, 8] {
            if step * factor >= most {
                return (step * factor).max(4);
            }
        }
        step *= 10;
    }
}

fn short(milli: i128) -> String {
    let (unit, name) = match milli {
        1_000_000_000_000.. => (1_000_000_000, " G"),
        1_000_000_000.. => (1_000_000, " M"),
        1_000_000.. => (1_000, " k"),
        _ => (1, ""),
    };
    format!("{}{name}", crate::figure::Figure::milli(milli / unit))
}
