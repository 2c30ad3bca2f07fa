//! The lie of a `devnet`'s liar: a small change that only running the task again can find.

use protocol::outcome::TaskOutput;

/// The same output with one figure changed: the last digit of standard output, or of the first
/// file that has one; where there is no digit at all, one is added to standard output.
pub fn altered(output: &TaskOutput) -> TaskOutput {
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
    use protocol::outcome::Status;

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
            assert_eq!(altered(&told), lie);
        }
    }
}
