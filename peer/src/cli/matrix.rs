//! Rows of pair scores, gathered into one symmetric matrix. Every pair must be there exactly once:
//! a matrix with a hole is no result.

use thiserror::Error;

/// The rows do not make a matrix.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum GatherError {
    /// A line is not `i<TAB>j<TAB>score`.
    #[error("task {task}, line {line}: `{text}` is not a pair and its score")]
    NotAPair {
        /// Whose row.
        task: u64,
        /// Which line, from 1.
        line: usize,
        /// What stands there.
        text: String,
    },
    /// A pair stands in the wrong row, or names a sequence that there is not.
    #[error("task {task} has a score for {i} and {j}, which is not in its row")]
    Misplaced {
        /// Whose row.
        task: u64,
        /// The first of the pair.
        i: usize,
        /// The second of the pair.
        j: usize,
    },
    /// A pair stands there twice.
    #[error("there are two scores for {i} and {j}")]
    Twice {
        /// The first of the pair.
        i: usize,
        /// The second of the pair.
        j: usize,
    },
    /// A pair is missing.
    #[error("there is no score for {i} and {j}")]
    Missing {
        /// The first of the pair.
        i: usize,
        /// The second of the pair.
        j: usize,
    },
}

/// A sequence of a FASTA file: its name and how many letters it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// The first word after `>`.
    pub name: String,
    /// Its letters.
    pub letters: usize,
}

/// The sequences of a FASTA file, in order.
pub fn sequences(fasta: &str) -> Vec<Sequence> {
    let mut sequences: Vec<Sequence> = Vec::new();
    for line in fasta.lines() {
        if let Some(title) = line.strip_prefix('>') {
            let name = title.split_whitespace().next().unwrap_or("?").to_owned();
            sequences.push(Sequence { name, letters: 0 });
        } else if let Some(last) = sequences.last_mut() {
            last.letters += line.bytes().filter(u8::is_ascii_alphabetic).count();
        }
    }
    sequences
}

/// The matrix of all pair scores. `rows` are the tasks' outputs: task `i` holds a line
/// `i<TAB>j<TAB>score` for every `j > i`. The diagonal, a sequence with itself, is twice its
/// letters: every letter matches, and a match is +2.
///
/// # Errors
/// [`GatherError`], naming the first thing that is wrong.
pub fn gather(
    sequences: &[Sequence],
    rows: &[(u64, Vec<u8>)],
) -> Result<Vec<Vec<i64>>, GatherError> {
    let side = sequences.len();
    let mut scores: Vec<Vec<Option<i64>>> = vec![vec![None; side]; side];
    for (i, sequence) in sequences.iter().enumerate() {
        scores[i][i] = i64::try_from(sequence.letters * 2).ok();
    }
    for (task, row) in rows {
        let text = String::from_utf8_lossy(row);
        for (number, line) in text.lines().enumerate() {
            let (i, j, score) = pair(line).ok_or_else(|| GatherError::NotAPair {
                task: *task,
                line: number + 1,
                text: line.chars().take(80).collect(),
            })?;
            let task = *task;
            if i as u64 != task || j <= i || j >= side {
                return Err(GatherError::Misplaced { task, i, j });
            }
            if scores[i][j].replace(score).is_some() {
                return Err(GatherError::Twice { i, j });
            }
            scores[j][i] = Some(score);
        }
    }
    let whole = |(i, row): (usize, Vec<Option<i64>>)| {
        let cells = row.into_iter().enumerate();
        cells
            .map(|(j, score)| score.ok_or(GatherError::Missing { i, j }))
            .collect()
    };
    scores.into_iter().enumerate().map(whole).collect()
}

fn pair(line: &str) -> Option<(usize, usize, i64)> {
    let mut words = line.split('\t');
    let pair = (
        words.next()?.parse().ok()?,
        words.next()?.parse().ok()?,
        words.next()?.parse().ok()?,
    );
    words.next().is_none().then_some(pair)
}

/// The matrix as tab-separated values: names above and before, scores between.
pub fn tsv(sequences: &[Sequence], scores: &[Vec<i64>]) -> String {
    let mut text = String::new();
    for sequence in sequences {
        text.push('\t');
        text += &sequence.name;
    }
    text.push('\n');
    for (sequence, row) in sequences.iter().zip(scores) {
        text += &sequence.name;
        for score in row {
            text += &format!("\t{score}");
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(texts: &[&str]) -> Vec<(u64, Vec<u8>)> {
        (0..)
            .zip(texts)
            .map(|(task, text)| (task, text.as_bytes().to_vec()))
            .collect()
    }

    #[test]
    fn rows_become_a_symmetric_matrix_with_the_diagonal() {
        let names = sequences(">a first\nACG\nT\n>b\nAC\n>c\nACGTACGT\n");
        assert_eq!(
            names[0],
            Sequence {
                name: "a".to_owned(),
                letters: 4
            }
        );
        let scores = gather(&names, &rows(&["0\t1\t3\n0\t2\t5\n", "1\t2\t-1\n", ""])).unwrap();
        assert_eq!(scores, [[8, 3, 5], [3, 4, -1], [5, -1, 16]]);
        assert_eq!(
            tsv(&names, &scores),
            "\ta\tb\tc\na\t8\t3\t5\nb\t3\t4\t-1\nc\t5\t-1\t16\n"
        );
    }

    #[test]
    fn a_hole_a_double_or_a_stray_is_no_matrix() {
        let names = sequences(">a\nA\n>b\nA\n>c\nA\n");
        let gathered = |texts: &[&str]| gather(&names, &rows(texts)).unwrap_err();
        assert_eq!(
            gathered(&["0\t1\t3\n0\t2\t5\n", "", ""]),
            GatherError::Missing { i: 1, j: 2 }
        );
        assert_eq!(
            gathered(&["0\t1\t3\n0\t1\t3\n"]),
            GatherError::Twice { i: 0, j: 1 }
        );
        for stray in ["1\t2\t3\n", "0\t0\t3\n", "0\t3\t3\n"] {
            assert!(
                matches!(gathered(&[stray]), GatherError::Misplaced { .. }),
                "{stray}"
            );
        }
        for line in [
            "",
            "0",
            "0\t1",
            "0\t1\tx",
            "0\t1\t2\t3",
            "-1\t1\t2",
            "\u{0}",
        ] {
            let wrong = matches!(
                gathered(&[&format!("{line}\n")]),
                GatherError::NotAPair { .. }
            );
            assert!(wrong, "{line:?}");
        }
    }
}
