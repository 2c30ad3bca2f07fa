//! The one place where trouble is told: what, why, and the command that helps, on stderr; as one
//! JSON object where answers are JSON.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::error::ErrorKind;
use serde_json::json;

use super::Globals;
use crate::api::problem::{Code, Problem};
use crate::show::{Format, plain};

/// Tells a problem, and gives the exit code it ends with.
pub fn tell(problem: &Problem, globals: &Globals) -> ExitCode {
    let is_json = matches!(globals.output, Format::Json | Format::Jsonl);
    let text = if is_json {
        as_json(problem)
    } else {
        as_text(problem)
    };
    // Nobody is left to tell if stderr is gone.
    let _ = write!(anstream::stderr(), "{text}");
    ExitCode::from(problem.code.exit())
}

/// Tells why the arguments make no sense, or prints the help that was asked for.
pub fn misread(error: &clap::Error, args: impl Iterator<Item = OsString>) -> ExitCode {
    let is_help = matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    );
    if is_help || !wants_json(args) {
        // A reader who closed the pipe has seen enough.
        let _ = error.print();
        return ExitCode::from(if is_help { 0 } else { Code::Usage.exit() });
    }
    let words = error.render().to_string();
    let mut lines = words.lines();
    let first = lines.next().unwrap_or("the arguments make no sense");
    let problem = Problem::new(Code::Usage, first.trim_start_matches("error: "));
    let _ = write!(
        anstream::stderr(),
        "{}",
        as_json(&problem.try_this("peer --help"))
    );
    ExitCode::from(Code::Usage.exit())
}

/// Makes a panic say what it is: our fault, with exit code 70 where it ends the command.
pub fn own_up_to_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        usual(panic);
        let _ = writeln!(
            std::io::stderr(),
            "peer: this is a bug; please report the lines above"
        );
        if std::thread::current().name() == Some("main") {
            std::process::exit(Code::Bug.exit().into());
        }
    }));
}

fn wants_json(args: impl Iterator<Item = OsString>) -> bool {
    let args: Vec<String> = args.map(|arg| arg.to_string_lossy().into_owned()).collect();
    let json = |value: &str| matches!(value, "json" | "jsonl");
    let joined = |arg: &String| {
        let value = arg
            .strip_prefix("--output=")
            .or_else(|| arg.strip_prefix("-o"));
        value.is_some_and(|value| json(value.trim_start_matches('=')))
    };
    let apart = args.windows(2);
    args.iter().any(joined)
        || apart
            .into_iter()
            .any(|two| matches!(&*two[0], "-o" | "--output") && json(&two[1]))
}

fn as_json(problem: &Problem) -> String {
    let error = json!({
        "kind": "peer.v1.Error",
        "code": problem.code,
        "exit": problem.code.exit(),
        "title": problem.title,
        "detail": problem.detail,
        "fix": problem.fix,
    });
    format!("{error}\n")
}

fn as_text(problem: &Problem) -> String {
    let mut text = format!("\x1b[31mpeer:\x1b[0m {}\n", plain(&problem.title));
    if let Some(detail) = &problem.detail {
        for line in detail.trim_end().lines() {
            text += &format!("  {}\n", plain(line));
        }
    }
    if let Some(fix) = &problem.fix {
        text += &format!("  \x1b[1mtry:\x1b[0m {}\n", plain(fix));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_wanted_however_it_is_written() {
        let wants = |line: &str| wants_json(line.split(' ').map(OsString::from));
        for line in [
            "peer -o json x",
            "peer x -ojson",
            "peer --output jsonl",
            "peer --output=json",
        ] {
            assert!(wants(line), "{line}");
        }
        for line in ["peer x", "peer -o table", "peer json", "peer -o"] {
            assert!(!wants(line), "{line}");
        }
    }

    #[test]
    fn a_problem_says_what_why_and_what_helps() {
        let problem = Problem::new(Code::NoOffers, "nobody\x1b[2J can run it")
            .because("two\nlines")
            .try_this("peer offer ls");
        let text = anstream::adapter::strip_str(&as_text(&problem)).to_string();
        assert_eq!(
            text,
            "peer: nobody [2J can run it\n  two\n  lines\n  try: peer offer ls\n"
        );
        let json: serde_json::Value = serde_json::from_str(&as_json(&problem)).unwrap();
        assert_eq!(
            (&json["code"], &json["exit"]),
            (&"no-offers".into(), &4.into())
        );
    }
}
