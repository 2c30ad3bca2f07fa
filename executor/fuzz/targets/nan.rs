//! A rewritten module shows what wasmtime's own NaN canonicalisation shows, on Cranelift and on
//! Pulley, and none of what machines may differ in; and it counts what wasmtime counts.
#![no_main]

#[path = "../../src/nan/programs.rs"]
mod programs;
mod smith;

use std::sync::LazyLock;

use executor::bare;
use libfuzzer_sys::{Corpus, fuzz_target};
use wasmtime::{Engine, Instance, Module, Store, Trap, Val};

/// What a module may use in all its functions together.
const FUEL: u64 = 20_000_000;

struct Engines {
    plain: Engine,
    /// Like the profile's: nothing counts but the module itself.
    bare: Engine,
    flag: Engine,
    #[cfg(feature = "deep")]
    pulley: Engine,
}

static ENGINES: LazyLock<Engines> = LazyLock::new(|| {
    let engine = |change: fn(&mut wasmtime::Config)| {
        let mut config = bare::config();
        change(&mut config);
        Engine::new(&config).expect("this machine runs the profile")
    };
    Engines {
        bare: engine(|_| ()),
        plain: engine(|config| {
            config.consume_fuel(true);
        }),
        flag: engine(|config| {
            config.consume_fuel(true);
            config.cranelift_nan_canonicalization(true);
        }),
        #[cfg(feature = "deep")]
        pulley: engine(|config| {
            config.consume_fuel(true);
            config.cranelift_nan_canonicalization(true);
            config.target("pulley64").expect("Pulley is built in");
            // It knows no atomic instructions, and the modules have none.
            config.wasm_threads(false);
        }),
    }
});

/// All that can be seen of a run, and what it used if nothing trapped; `None` where machines may
/// differ, or where fuel ran out.
type Seen = Option<(Vec<(String, Vec<u8>)>, Option<u64>)>;

fn shown(value: &Val) -> Vec<u8> {
    match value {
        Val::I32(value) => value.to_le_bytes().to_vec(),
        Val::I64(value) => value.to_le_bytes().to_vec(),
        Val::F32(bits) => bits.to_le_bytes().to_vec(),
        Val::F64(bits) => bits.to_le_bytes().to_vec(),
        Val::V128(value) => value.as_u128().to_le_bytes().to_vec(),
        _ => Vec::new(),
    }
}

/// Runs all that a module exports; `itself` says that it counts its own work.
fn run(engine: &Engine, wasm: &[u8], itself: bool) -> Seen {
    let module = Module::new(engine, wasm).expect("it is valid");
    let mut store = Store::new(engine, ());
    if !itself {
        store.set_fuel(FUEL).expect("fuel is on");
    }
    let instance = Instance::new(&mut store, &module, &[]).ok()?;
    // What it takes to put data into their places is not the module's work.
    match itself {
        true => bare::give_fuel(&mut store, &instance, FUEL),
        false => store.set_fuel(FUEL),
    }
    .expect("it counts");
    let mut whole = true;
    let mut seen = Vec::new();
    let exports: Vec<_> = instance
        .exports(&mut store)
        .map(|export| (export.name().to_owned(), export.into_extern()))
        .filter(|(name, _)| !name.starts_with("tallygrid "))
        .collect();
    for (name, export) in &exports {
        let Some(function) = export.clone().into_func() else {
            continue;
        };
        let mut results = vec![Val::I32(0); function.ty(&store).results().len()];
        let arguments: Vec<_> = function
            .ty(&store)
            .params()
            .map(|kind| Val::default_for_ty(&kind))
            .collect::<Option<_>>()?;
        let ended = function.call(&mut store, &arguments, &mut results);
        whole &= ended.is_ok();
        if itself && bare::fuel_left(&mut store, &instance).ok()?.is_none() {
            return None;
        }
        match ended {
            Ok(()) => seen.push((name.clone(), results.iter().flat_map(shown).collect())),
            Err(error) => match error.downcast_ref::<Trap>() {
                Some(Trap::OutOfFuel | Trap::StackOverflow) => return None,
                Some(trap) => seen.push((format!("{name}: {trap}"), Vec::new())),
                None => seen.push((format!("{name}: thrown"), Vec::new())),
            },
        }
    }
    for (name, export) in exports {
        if let Some(global) = export.clone().into_global() {
            seen.push((name, shown(&global.get(&mut store))));
        } else if let Some(memory) = export.into_memory() {
            let content = memory.data(&store);
            let end = content
                .iter()
                .rposition(|byte| *byte != 0)
                .map_or(0, |last| last + 1);
            seen.push((format!("{name} {}", content.len()), content[..end].to_vec()));
        }
    }
    let left = match itself {
        true => bare::fuel_left(&mut store, &instance).ok()?,
        false => store.get_fuel().ok().filter(|left| *left > 0),
    };
    let used = left.map(|left| FUEL - left);
    Some((seen, used.filter(|_| whole)))
}

fuzz_target!(|chance: &[u8]| -> Corpus {
    let Some((form, chance)) = chance.split_first() else {
        return Corpus::Reject;
    };
    let (wasm, text) = if cfg!(feature = "deep") && form % 4 == 0 {
        let Some(wasm) = smith::module(chance) else {
            return Corpus::Reject;
        };
        (wasm, String::new())
    } else {
        let text = programs::program(chance);
        (
            wat::parse_str(&text).expect("programs are well written"),
            text,
        )
    };
    let Ok(rewritten) = bare::rewritten(&wasm, false) else {
        return Corpus::Reject;
    };
    let noisy = bare::rewritten(&wasm, true).expect("noise changes little");
    let Ok(metered) = bare::metered(&wasm, true) else {
        return Corpus::Reject;
    };
    let engines = &*ENGINES;
    let flag = run(&engines.flag, &wasm, false);
    let others = [
        ("rewritten", run(&engines.plain, &rewritten, false)),
        ("with noise", run(&engines.plain, &noisy, false)),
        #[cfg(feature = "deep")]
        ("Pulley", run(&engines.pulley, &wasm, false)),
        ("the profile", run(&engines.bare, &metered, true)),
    ];
    for (what, other) in others {
        // Rewriting costs stack and wasmtime's fuel, so what ran out of either says nothing.
        let (Some((flag, fuel)), Some((other, other_fuel))) = (&flag, &other) else {
            continue;
        };
        assert_eq!(flag, other, "{what}\n{text}");
        if let ("the profile", Some(fuel), Some(other)) = (what, fuel, other_fuel) {
            assert_eq!(fuel, other, "fuel\n{text}");
        }
    }
    Corpus::Keep
});
