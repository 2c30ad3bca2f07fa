//! Plays scenes from files: `play --scene FILE [--seed N | --seeds N..M] [--out DIR]
//! [--params FILE] [--explain SEED]`. Seeds are played side by side, every 50th twice.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, thread};

use sim::report::report;
use sim::{Scene, Story};

/// Every so many seeds, one is played twice and compared.
const TWICE_EVERY: u64 = 50;

fn main() -> ExitCode {
    match act() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("play: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Asked {
    scene: Scene,
    seeds: Vec<u64>,
    out: Option<PathBuf>,
    explain: Option<u64>,
}

fn asked() -> Result<Asked, String> {
    let (mut text, mut seeds, mut out) = (None, vec![1], None);
    let (mut params, mut explain) = (None, None);
    let mut words = env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words
            .next()
            .ok_or_else(|| format!("{word} needs a value"))?;
        let read = |path: &str| fs::read_to_string(path).map_err(|e| format!("{path}: {e}"));
        match &*word {
            "--scene" => text = Some(read(&value)?),
            "--params" => params = Some(read(&value)?),
            "--seed" => seeds = vec![number(&value)?],
            "--seeds" => {
                let (from, to) = value.split_once("..").ok_or("--seeds is N..M")?;
                seeds = (number(from)?..number(to)?).collect();
            }
            "--out" => out = Some(PathBuf::from(value)),
            "--explain" => explain = Some(number(&value)?),
            _ => return Err(format!("what is {word}?")),
        }
    }
    let mut scene =
        Scene::read(&text.ok_or("--scene FILE is missing")?).map_err(|e| e.to_string())?;
    if let Some(params) = params {
        scene
            .override_params(&params)
            .map_err(|error| error.to_string())?;
    }
    Ok(Asked {
        scene,
        seeds,
        out,
        explain,
    })
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("`{text}` is no number"))
}

fn act() -> Result<bool, String> {
    let asked = asked()?;
    if let Some(seed) = asked.explain {
        let story = sim::tell(seed, &asked.scene).map_err(|error| error.to_string())?;
        for line in &story.lines {
            println!(
                "{:>10}.{:03} {}",
                line.at_ms / 1_000,
                line.at_ms % 1_000,
                line.what
            );
        }
        return Ok(true);
    }
    let stories = play_all(&asked.scene, &asked.seeds)?;
    let report = report(&asked.scene, &stories);
    for one in &report.judged {
        let found = one
            .found
            .map_or_else(|| "not measured".to_owned(), |f| f.to_string());
        let mark = if one.holds { "ok  " } else { "FAIL" };
        println!(
            "{mark} {} ({} {}: {found})",
            one.promise, one.what, one.asked
        );
    }
    for alarm in stories.iter().flat_map(|story| story.alarms.iter().take(5)) {
        println!("     {alarm}");
    }
    if let Some(out) = &asked.out {
        fs::create_dir_all(out).map_err(|error| error.to_string())?;
        for (name, content) in &report.files {
            fs::write(out.join(name), content).map_err(|error| error.to_string())?;
        }
    }
    Ok(report.holds())
}

fn play_all(scene: &Scene, seeds: &[u64]) -> Result<Vec<Story>, String> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<Story>> = Mutex::new(Vec::new());
    let failed: Mutex<Option<String>> = Mutex::new(None);
    let work = || {
        while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
            let story = sim::play(*seed, scene).map_err(|error| error.to_string());
            let story = story.and_then(|story| {
                let again = seed % TWICE_EVERY == 0;
                if again && sim::play(*seed, scene).ok().as_ref() != Some(&story) {
                    return Err(format!("seed {seed} played twice gave two stories"));
                }
                Ok(story)
            });
            match story {
                Ok(story) => done.lock().expect("no player panics").push(story),
                Err(error) => *failed.lock().expect("no player panics") = Some(error),
            }
        }
    };
    let threads = thread::available_parallelism()
        .map_or(1, usize::from)
        .min(seeds.len().max(1));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    if let Some(error) = failed.into_inner().expect("no player panics") {
        return Err(error);
    }
    let mut stories = done.into_inner().expect("no player panics");
    stories.sort_by_key(|story| story.seed);
    Ok(stories)
}
