//! Whatever bytes come as a module: they are refused in words, or compile.
#![no_main]

#[path = "../../src/nan/programs.rs"]
mod programs;
mod smith;

use std::borrow::Cow;
use std::sync::LazyLock;

use executor::bare;
use libfuzzer_sys::{Corpus, fuzz_target};
use protocol::job::{Profile, UnknownImports};
use wasmtime::Engine;

static ENGINE: LazyLock<Engine> =
    LazyLock::new(|| Engine::new(&bare::config()).expect("this machine runs the profile"));

/// Bytes as they come, or a whole module in which a few of them are put.
fn module(chance: &[u8]) -> Option<Cow<'_, [u8]>> {
    let ([form, rest @ ..], [at, bent @ ..]) = chance.split_at_checked(chance.len() / 4 * 3)?
    else {
        return None;
    };
    let mut wasm = match form % 4 {
        0 => return Some(Cow::Borrowed(rest)),
        1 if cfg!(feature = "deep") => smith::module(rest)?,
        1 | 2 => wat::parse_str(programs::program(rest).replace("\"go\")", "\"run\")")).ok()?,
        _ => wat::parse_str(std::str::from_utf8(rest).ok()?).ok()?,
    };
    let at = usize::from(*at) * wasm.len() / 256;
    for (into, from) in wasm[at..].iter_mut().zip(bent.iter().take(3)) {
        *into = *from;
    }
    Some(Cow::Owned(wasm))
}

fuzz_target!(|chance: &[u8]| -> Corpus {
    let Some(wasm) = module(chance) else {
        return Corpus::Reject;
    };
    match executor::check_module(&wasm, UnknownImports::Trap, Profile::WASM_3) {
        Ok(facts) => {
            assert!(facts.memory_min <= protocol::job::MEMORY_MAX, "{facts:?}");
            let rewritten = bare::metered(&wasm, true).expect("it was rewritten before");
            let compiled = ENGINE.precompile_module(&rewritten);
            assert!(compiled.is_ok(), "{:?}", compiled.err());
            assert_eq!(
                executor::check_module(&wasm, UnknownImports::Trap, Profile::WASM_3),
                Ok(facts)
            );
        }
        Err(refused) => assert!(!refused.to_string().is_empty()),
    }
    // Modules that no job could bring are rewritten too, if they are valid.
    if bare::is_valid(&wasm)
        && let Ok(rewritten) = bare::metered(&wasm, true)
    {
        assert!(
            bare::is_valid(&rewritten),
            "the rewritten module is not valid"
        );
    }
    Corpus::Keep
});
