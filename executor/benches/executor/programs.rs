//! Whole programs that others made: what the profile costs them, and what rewriting does.

use std::path::PathBuf;

use executor::bare;

use crate::case;
use crate::{TURNS, on_processor};

/// Whole programs that others made, in the same world with the same files: as they are, and as the
/// profile has them.
pub(crate) fn programs() {
    println!("\nprograms made by others, processor seconds, least of {TURNS}\n");
    println!(
        "{:<11} {:>9} {:>9}  profile/plain",
        "program", "plain", "profile"
    );
    for case in case::cases() {
        let wasm = case.module();
        let (job, inputs) = case.job(&wasm);
        let made = [true, false]
            .map(|plain| bare::Program::new(&wasm, job.clone(), &inputs, plain).unwrap());
        let mut least = [f64::MAX; 2];
        for _ in 0..TURNS {
            let outputs = [0, 1].map(|way| {
                let begun = on_processor();
                let output = made[way].run().unwrap();
                least[way] = least[way].min((on_processor() - begun) as f64 / 1e9);
                output
            });
            for name in &case.outputs {
                let [plain, profile] = outputs
                    .each_ref()
                    .map(|output| output.files.iter().find(|(path, _)| path == name));
                assert!(plain.is_some() && plain == profile, "{}: {name}", case.name);
            }
        }
        let [plain, profile] = least;
        let ratio = profile / plain;
        println!(
            "{:<11} {plain:>9.3} {profile:>9.3}  {ratio:>13.2}",
            case.name
        );
    }
}

/// How long rewriting takes, and by how much a module grows.
pub(crate) fn rewriting(files: &[PathBuf]) {
    println!(
        "\n{:<24} {:>11} {:>11} {:>8} {:>9}",
        "module", "bytes", "rewritten", "grown", "seconds"
    );
    for file in files {
        let wasm = std::fs::read(file).unwrap();
        let begun = on_processor();
        let rewritten = bare::metered(&wasm, true);
        let seconds = (on_processor() - begun) as f64 / 1e9;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        match rewritten {
            Ok(rewritten) => {
                let grown = (rewritten.len() as f64 / wasm.len() as f64 - 1.0) * 100.0;
                let (from, to) = (wasm.len(), rewritten.len());
                println!("{name:<24} {from:>11} {to:>11} {grown:>+7.1}% {seconds:>9.3}");
            }
            Err(why) => println!("{name:<24} {why}"),
        }
    }
}
