//! A stranger's shader: reading it never fails us, what is refused is refused in the same words,
//! and what is written anew is WGSL that stands on its own, the same each time.
#![no_main]

use executor::bare;
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|given: &[u8]| -> Corpus {
    let Some((form, text)) = given.split_first() else {
        return Corpus::Reject;
    };
    // Whether every device must give the same bits, and how many buffers and workgroups there are.
    let (exact, buffers, groups) = (form & 1 == 0, 1 + (form >> 1) % 7, 1 + (form >> 4));
    let shape = (exact, buffers.into(), groups.into());
    let written = bare::shader(text, shape);
    assert_eq!(
        written,
        bare::shader(text, shape),
        "it depends on the bytes alone"
    );
    if let Ok(written) = written {
        bare::is_shader(&written).expect("what a driver is given is valid");
        assert!(written.contains("tg_meter"), "its work is counted");
    }
    Corpus::Keep
});
