//! One file as the rules see it. Of Rust: the code without its words, and the words without the
//! code, both with every line where it was.
//!
//! ```text
//! text      let a = "x{"; // why     let b = 'y';
//! code      let a =     ; //         let b =    ;      strings, characters and comments are blank
//! comments                 why                         only what stands in comments
//! ```

use std::fs;
use std::io;
use std::path::Path;

/// A text file, and for Rust its two halves.
pub(super) struct File {
    /// From the root, with `/` between folders.
    pub(super) path: String,
    /// As it lies on disk.
    pub(super) text: String,
    /// Rust only: code, with strings and comments blank.
    pub(super) code: String,
    /// Rust only: what the comments say, the rest blank.
    pub(super) comments: String,
}

impl File {
    /// The file at `path` below `root`, or `None` if it is not text.
    ///
    /// # Errors
    /// It could not be read.
    pub(super) fn read(root: &Path, path: &str) -> io::Result<Option<Self>> {
        let bytes = fs::read(root.join(path))?;
        Ok(String::from_utf8(bytes)
            .ok()
            .map(|text| Self::new(path, text)))
    }

    /// A file made of `text`.
    pub(super) fn new(path: &str, text: impl Into<String>) -> Self {
        let text = text.into();
        let (code, comments) = if path.ends_with(".rs") {
            split(&text)
        } else {
            (String::new(), String::new())
        };
        Self {
            path: path.to_owned(),
            text,
            code,
            comments,
        }
    }

    /// Whether this is Rust.
    pub(super) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether the whole file is there for tests.
    pub(super) fn is_test(&self) -> bool {
        self.path.split('/').any(|part| part == "tests")
            || self.path.ends_with("/tests.rs")
            || self.path.ends_with("_tests.rs")
    }

    /// The lines of code before the first `#[cfg(test)]` module: what users run.
    pub(super) fn production(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines: Vec<&str> = self.code.lines().collect();
        let tests = lines.windows(2).position(|pair| {
            pair[0].trim() == "#[cfg(test)]" && pair[1].trim_start().starts_with("mod ")
        });
        let until = if self.is_test() {
            0
        } else {
            tests.unwrap_or(lines.len())
        };
        (1..).zip(lines.into_iter().take(until))
    }
}

/// Whether `word` stands in `line` as a word of its own: not as a part of a longer name.
pub(super) fn holds_word(line: &str, word: &str) -> bool {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].ends_with(part_of_name) && !line[at + word.len()..].starts_with(part_of_name)
    })
}

/// What a character of Rust belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Code,
    Quoted,
    Comment,
}

/// The code and the comments of a Rust text.
fn split(text: &str) -> (String, String) {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut comments = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let (part, length) = next_part(&chars, at);
        for &c in &chars[at..at + length] {
            let blank = if c == '\n' { '\n' } else { ' ' };
            code.push(if part == Part::Code { c } else { blank });
            comments.push(if part == Part::Comment { c } else { blank });
        }
        at += length;
    }
    (code, comments)
}

/// What begins at `at`, and how many characters it has (at least one, and no more than are left).
fn next_part(chars: &[char], at: usize) -> (Part, usize) {
    let rest = &chars[at..];
    let inside_name = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    match rest {
        ['/', '/', ..] => (
            Part::Comment,
            rest.iter().position(|&c| c == '\n').unwrap_or(rest.len()),
        ),
        ['/', '*', ..] => (Part::Comment, block_comment(rest)),
        ['"', ..] => (Part::Quoted, quoted(rest)),
        ['r', '"' | '#', ..] if !inside_name => raw(rest, 1),
        ['b' | 'c', 'r', '"' | '#', ..] if !inside_name => raw(rest, 2),
        ['\'', '\\', ..] => (Part::Quoted, escaped_character(rest)),
        ['\'', _, '\'', ..] => (Part::Quoted, 3),
        _ => (Part::Code, 1),
    }
}

fn block_comment(rest: &[char]) -> usize {
    let (mut at, mut depth) = (2, 1);
    while at < rest.len() && depth > 0 {
        let step = match &rest[at..] {
            ['/', '*', ..] => {
                depth += 1;
                2
            }
            ['*', '/', ..] => {
                depth -= 1;
                2
            }
            _ => 1,
        };
        at += step;
    }
    at
}

fn quoted(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            '"' => return at + 1,
            '\\' => at += 2,
            _ => at += 1,
        }
    }
    rest.len()
}

fn escaped_character(rest: &[char]) -> usize {
    // The character after the backslash may be a quote: the end is the first quote past it.
    rest.iter()
        .skip(3)
        .position(|&c| c == '\'')
        .map_or(rest.len(), |more| more + 4)
}

/// A raw string whose `#`s begin at `prefix`, or a raw name (`r#type`), which is code.
fn raw(rest: &[char], prefix: usize) -> (Part, usize) {
    let hashes = rest[prefix..].iter().take_while(|&&c| c == '#').count();
    let body = prefix + hashes;
    if rest.get(body) != Some(&'"') {
        return (Part::Code, 1);
    }
    let mut at = body + 1;
    while at < rest.len() {
        let closing = &rest[at + 1..];
        if rest[at] == '"' && closing.iter().take_while(|&&c| c == '#').count() >= hashes {
            return (Part::Quoted, at + 1 + hashes);
        }
        at += 1;
    }
    (Part::Quoted, rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_comments_come_apart() {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        for (text, code, comments) in [
            ("a // b\nc", "a c", "// b"),
            ("a /* b /* c */ d */ e", "a e", "/* b /* c */ d */"),
            (r#"f("{ \" // x") + 1"#, "f( ) + 1", ""),
            ("f(r#\"a\" {\"#) + r#type", "f( ) + r#type", ""),
            ("f('{', '\\'', '\\u{7b}')", "f( , , )", ""),
            ("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}", ""),
            ("br\"{\" b'{' \"open", "b", ""),
        ] {
            let file = File::new("a.rs", text);
            assert_eq!(
                (words(&file.code), words(&file.comments)),
                (code.into(), comments.into())
            );
            for half in [&file.code, &file.comments] {
                assert_eq!(
                    half.chars().count(),
                    text.chars().count(),
                    "all stays in its place"
                );
            }
        }
    }

    #[test]
    fn production_ends_where_the_tests_begin() {
        let file = File::new(
            "a.rs",
            "one\n#[cfg(test)]\nuse x;\ntwo\n#[cfg(test)]\nmod tests {}",
        );
        assert_eq!(file.production().last(), Some((4, "two")));
        assert_eq!(File::new("a/tests/b.rs", "one").production().count(), 0);
    }

    #[test]
    fn a_word_is_not_a_part_of_a_name() {
        assert!(holds_word("a: f64,", "f64"));
        assert!(!holds_word("as_f64(x) + f640", "f64"));
    }
}
