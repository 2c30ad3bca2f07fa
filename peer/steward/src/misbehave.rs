//! The lie of a `devnet`'s liar: a small change that only running the task again can find.

use protocol::ids::Digest;
use protocol::outcome::TaskOutput;
use protocol::steps::{self, StepEntries};
use protocol::units::Fuel;

/// The same output with one figure changed, and, of a task that cost so much and ran in steps,
/// entries that lead to it from their middle on.
pub fn altered(
    output: &TaskOutput,
    entries: Option<StepEntries>,
    fuel: Fuel,
) -> (TaskOutput, Option<StepEntries>) {
    let mut lie = figure(output);
    lie.steps = None;
    let entries = entries.and_then(|entries| {
        let mut all = entries.all().to_vec();
        let middle = all.len() / 2;
        for entry in &mut all[middle..] {
            *entry = Digest::of(entry.bytes());
        }
        *all.last_mut()? = steps::end(&lie, fuel);
        StepEntries::new(all)
    });
    lie.steps = entries.as_ref().map(StepEntries::list);
    (lie, entries)
}

/// The last digit of standard output is another, or that of the first file that has one; where
/// there is no digit at all, one is added to standard output.
fn figure(output: &TaskOutput) -> TaskOutput {
    let mut lie = output.clone();
    let files = lie.files.iter_mut().map(|(_, content)| content);
    let contents = std::iter::once(&mut lie.stdout).chain(files);
    let digit = contents
        .flat_map(|content| content.iter_mut().rev())
        .find(|b| b.is_ascii_digit());
    match digit {
        Some(digit) => *digit = if *digit == b'9' { b'0' } else { *digit + 1 },
        None => lie.stdout.push(b'1'),
    }
    lie
}

#[cfg(test)]
mod tests {
    use protocol::job::Profile;
    use protocol::outcome::{Outcome, Status};

    use super::*;

    fn output(stdout: &str, file: &str) -> TaskOutput {
        TaskOutput {
            profile: Profile::WASM_3,
            status: Status::Exited(0),
            stdout: stdout.into(),
            stderr: Vec::new(),
            files: vec![("scores.tsv".into(), file.into())],
            steps: None,
        }
    }

    #[test]
    fn a_lie_changes_one_figure_and_always_changes_something() {
        for (told, lie) in [
            (output("score 19\n", "7"), output("score 10\n", "7")),
            (output("done\n", "a 7 b"), output("done\n", "a 8 b")),
            (output("", ""), output("1", "")),
        ] {
            assert_eq!(altered(&told, None, Fuel::new(9)), (lie, None));
        }
    }

    #[test]
    fn a_lie_in_steps_is_its_own_list_s_end() {
        let bare = output("score 19\n", "7");
        let fuel = Fuel::new(9);
        let entries = [b"init", b"one_", b"two_"].map(|word| Digest::of(word));
        let entries = entries.into_iter().chain([steps::end(&bare, fuel)]);
        let entries = StepEntries::new(entries.collect()).expect("four entries");
        let told = TaskOutput {
            steps: Some(entries.list()),
            ..bare
        };
        let (lie, lies) = altered(&told, Some(entries.clone()), fuel);
        let lies = lies.expect("four entries");
        let digest = Digest::of(&lie.to_bytes());
        assert!(lies.are_of(Outcome { digest, fuel }, &lie));
        assert_eq!(lie.stdout, b"score 10\n");
        assert_eq!(entries.part(&lies).map(|parting| parting.place), Some(2));
    }
}
