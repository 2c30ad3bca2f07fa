//! From files on this disk to a job that can be handed in: reads them, uploads them, names them by
//! digest.

use std::fs;
use std::path::Path;

use executor::ModuleRefused;
use protocol::ids::Digest;
use protocol::job::{MODULE_MAX, Profile, WORDS_MAX};
use protocol::kernel::SHADER_MAX;

use super::submit::Work;
use crate::api::Client;
use crate::api::problem::{Code, Problem};
use crate::api::types::{
    ArrayForm, BlobForm, CheckerForm, EnvForm, Id, InputForm, JobForm, KernelForm, LimitsForm,
    Money, UnknownImportsForm,
};
use crate::blobs::BLOB_BYTES_MAX;
use crate::checker;

/// Input folders may lie in each other so deep.
const DEPTH_MAX: usize = 32;
/// What every WebAssembly module begins with.
const WASM: &[u8] = b"\0asm";

/// What the files that a job names became at the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The module, or the shader.
    pub module: BlobForm,
    /// The checker, where the job has one.
    pub checker: Option<BlobForm>,
    /// Standard input, where the job has one.
    pub stdin: Option<BlobForm>,
    /// Every input file.
    pub inputs: Vec<InputForm>,
}

/// Looks at everything `work` names, uploads it and writes the form.
///
/// # Errors
/// A file that cannot be read, is too large, or is no module that can run: then nothing has
/// travelled. And what the peer says.
pub(super) async fn fill(client: &Client, work: Work) -> Result<JobForm, Problem> {
    let profile = match work.gpu_calls {
        true => Profile::WASM_GPU_1,
        false => Profile::WASM_3,
    };
    let program = match work.gpu {
        None => module(&work.module, work.unknown_imports, profile)?,
        Some(_) => read(&work.module, "the shader", SHADER_MAX.get())?,
    };
    let checker = match work.gpu.as_ref().and_then(KernelForm::checker) {
        Some(CheckerForm::File(path)) => {
            Some(module(path, UnknownImportsForm::Refuse, Profile::WASM_3)?)
        }
        _ => None,
    };
    let files = named_files(&work.inputs)?;
    let kept = Kept {
        checker: match &checker {
            Some(checker) => Some(client.keep(checker.clone()).await?),
            None => None,
        },
        module: client.keep(program.clone()).await?,
        stdin: match &work.stdin {
            Some(path) => Some(client.keep(stdin(path)?).await?),
            None => None,
        },
        inputs: inputs(client, files).await?,
    };
    let path = work.module.clone();
    let form = written(work, kept);
    if form.gpu.is_some() {
        shader((&program, checker.as_deref()), &form, &path)?;
    }
    Ok(form)
}

/// The form of `work`, whose files became `kept`.
pub fn written(work: Work, kept: Kept) -> JobForm {
    let mut gpu = work.gpu;
    if let (Some(checker), Some(named)) =
        (kept.checker, gpu.as_mut().and_then(KernelForm::checker_mut))
    {
        *named = CheckerForm::Kept(checker);
    }
    let env = work.env.into_iter();
    JobForm {
        name: work.name,
        module: kept.module,
        unknown_imports: work.unknown_imports,
        gpu,
        gpu_calls: work.gpu_calls,
        args: work.args,
        env: env.map(|(name, value)| EnvForm { name, value }).collect(),
        stdin: kept.stdin,
        inputs: kept.inputs,
        array: ArrayForm {
            first: work.array.first,
            step: work.array.step,
            count: work.array.count,
        },
        limits: LimitsForm {
            fuel: work.limits.fuel.get(),
            memory: work.limits.memory.get(),
            output: work.limits.output.get(),
            output_files: work.limits.output_files,
            wall_ms: work.limits.wall_ms.get(),
        },
        seed: work.seed.map(|seed| Id(Digest::of(seed.as_bytes()))),
        class: work.class,
        copies: work.copies,
        tasks_per_bundle: work.tasks_per_bundle,
        per_gfuel: work.per_gfuel.map(Money),
        budget: work.budget.map(Money),
        seal_window_ms: None,
        purse: work.purse.map(Id),
        canaries: work.canaries,
    }
}

/// Checks a shader as every peer will, before anything is paid for it, and its checker as ours
/// will.
fn shader(
    (program, checker): (&[u8], Option<&[u8]>),
    form: &JobForm,
    path: &Path,
) -> Result<(), Problem> {
    let refused = |why: &dyn std::fmt::Display| {
        let title = format!("no peer can run {}", path.display());
        Problem::new(Code::Usage, title).because(why)
    };
    let (job, _) = form.clone().read().map_err(|why| refused(&why))?;
    executor::check_shader(program, &job).map_err(|why| refused(&why))?;
    match (checker, job.checking([])) {
        (Some(checker), Some(checking)) => checker::fits(checker, &checking).map_err(|why| {
            let title = format!("the checker of {} cannot run", path.display());
            Problem::new(Code::Usage, title).because(why)
        }),
        _ => Ok(()),
    }
}

fn module(path: &Path, unknown: UnknownImportsForm, profile: Profile) -> Result<Vec<u8>, Problem> {
    let content = read(path, "the module", MODULE_MAX.get())?;
    if !content.starts_with(WASM) {
        let title = format!("{} is not a WebAssembly module", path.display());
        return Err(Problem::new(Code::Usage, title)
            .because("it does not begin with `\\0asm`")
            .try_this(
                "build one with `cargo build --target wasm32-wasip1`, or wasi-sdk's `clang`",
            ));
    }
    let Err(refused) = executor::check_module(&content, unknown.into(), profile) else {
        return Ok(content);
    };
    let title = format!("no peer can run {}", path.display());
    let problem = Problem::new(Code::Usage, title).because(&refused);
    Err(match refused {
        ModuleRefused::GpuCallsUnsaid(_) | ModuleRefused::GpuCallsUnused => {
            problem.try_this("let `gpu_calls` in the job file say whether the module imports `gpu`")
        }
        _ => problem.try_this(
            "build it again with `cargo build --target wasm32-wasip1`, or wasi-sdk's `clang`",
        ),
    })
}

fn stdin(path: &Path) -> Result<Vec<u8>, Problem> {
    use std::io::Read;
    if path != Path::new("-") {
        return read(path, "the standard input", BLOB_BYTES_MAX);
    }
    let mut content = Vec::new();
    let input = std::io::stdin().lock();
    input
        .take(BLOB_BYTES_MAX + 1)
        .read_to_end(&mut content)
        .map_err(|error| Problem::new(Code::Failed, "cannot read stdin").because(error))?;
    if content.len() as u64 > BLOB_BYTES_MAX {
        return Err(too_large("stdin", BLOB_BYTES_MAX));
    }
    Ok(content)
}

/// Where a guest finds an input of this name.
fn in_guest(name: &str) -> String {
    match name.starts_with('/') {
        true => name.to_owned(),
        false => format!("/in/{name}"),
    }
}

/// Every input file, by the name it has for the guest.
fn named_files(named: &[(String, std::path::PathBuf)]) -> Result<Files, Problem> {
    let mut files = Files::new();
    for (name, path) in named {
        let before = files.len();
        walk(name, path, 0, &mut files)?;
        if files.len() == before {
            let title = format!("the input {} is a folder without a file", path.display());
            return Err(Problem::new(Code::Usage, title)
                .because(format!("the program would not find {}", in_guest(name)))
                .try_this("put the files there, or leave that --in out"));
        }
    }
    files.sort();
    if let Some(twice) = files.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        let title = format!("two inputs would both be {}", in_guest(&twice[0].0));
        return Err(Problem::new(Code::Usage, title).try_this("give each --in its own NAME"));
    }
    Ok(files)
}

async fn inputs(client: &Client, files: Files) -> Result<Vec<InputForm>, Problem> {
    let mut inputs = Vec::with_capacity(files.len());
    for (guest, path) in files {
        let content = read(&path, "the input", BLOB_BYTES_MAX)?;
        let blob: BlobForm = client.keep(content).await?;
        inputs.push(InputForm { path: guest, blob });
    }
    Ok(inputs)
}

type Files = Vec<(String, std::path::PathBuf)>;

fn walk(guest: &str, path: &Path, depth: usize, files: &mut Files) -> Result<(), Problem> {
    let cannot = |error: &dyn std::fmt::Display| {
        let title = format!("cannot read the input {}", path.display());
        Problem::new(Code::Usage, title).because(error)
    };
    let found = fs::metadata(path).map_err(|error| cannot(&error))?;
    if !found.is_dir() {
        files.push((guest.to_owned(), path.to_owned()));
        if files.len() > WORDS_MAX {
            return Err(
                cannot(&format!("a job has at most {WORDS_MAX} input files"))
                    .try_this("pack them into one archive that the program unpacks"),
            );
        }
        return Ok(());
    }
    if depth == DEPTH_MAX {
        return Err(cannot(&format!(
            "folders lie more than {DEPTH_MAX} deep in each other"
        )));
    }
    for entry in fs::read_dir(path).map_err(|error| cannot(&error))? {
        let entry = entry.map_err(|error| cannot(&error))?;
        let name = entry.file_name();
        let name = name
            .to_str()
            .ok_or_else(|| cannot(&"a name in it is not UTF-8"))?;
        walk(&format!("{guest}/{name}"), &entry.path(), depth + 1, files)?;
    }
    Ok(())
}

/// Reads a whole file that may have `max` bytes.
pub(super) fn read(path: &Path, what: &str, max: u64) -> Result<Vec<u8>, Problem> {
    let cannot = |error: std::io::Error| {
        let title = format!("cannot read {what} {}", path.display());
        Problem::new(Code::Usage, title).because(error)
    };
    let found = fs::metadata(path).map_err(cannot)?;
    if found.is_file() && found.len() > max {
        return Err(too_large(&path.display().to_string(), max));
    }
    let content = fs::read(path).map_err(cannot)?;
    if content.len() as u64 > max {
        return Err(too_large(&path.display().to_string(), max));
    }
    Ok(content)
}

fn too_large(what: &str, max: u64) -> Problem {
    Problem::new(Code::Usage, format!("{what} is too large"))
        .because(format!("at most {max} bytes are allowed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_becomes_its_files_under_the_name() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("a/b")).unwrap();
        fs::write(dir.path().join("a/b/x"), "1").unwrap();
        fs::write(dir.path().join("y"), "2").unwrap();
        let mut files = Files::new();
        walk("data", dir.path(), 0, &mut files).unwrap();
        files.sort();
        let names: Vec<&str> = files.iter().map(|(guest, _)| guest.as_str()).collect();
        assert_eq!(names, ["data/a/b/x", "data/y"]);
        assert!(walk("data", &dir.path().join("gone"), 0, &mut files).is_err());
    }

    #[test]
    fn a_folder_that_holds_itself_is_an_error_not_a_loop() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(dir.path(), dir.path().join("self")).unwrap();
        assert!(walk("data", dir.path(), 0, &mut Files::new()).is_err());
    }

    #[test]
    fn a_module_and_its_job_agree_on_whether_it_drives_a_gpu() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("prog.wasm");
        // `_start`, a memory of one page, and with `buffer` one import of `gpu`.
        let made = |imports: bool| {
            let mut wasm = b"\0asm\x01\0\0\0\x01\x09\x02\x60\x01\x7f\x01\x7f\x60\0\0".to_vec();
            if imports {
                wasm.extend(b"\x02\x0e\x01\x03gpu\x06buffer\0\0");
            }
            let start = u8::from(imports);
            wasm.extend(b"\x03\x02\x01\x01\x05\x03\x01\0\x01");
            wasm.extend(b"\x07\x13\x02\x06memory\x02\0\x06_start\0");
            wasm.push(start);
            wasm.extend(b"\x0a\x04\x01\x02\0\x0b");
            wasm
        };
        for (imports, profile, why) in [
            (true, Profile::WASM_GPU_1, None),
            (false, Profile::WASM_3, None),
            (true, Profile::WASM_3, Some("say `gpu_calls = true`")),
            (false, Profile::WASM_GPU_1, Some("imports nothing of `gpu`")),
        ] {
            fs::write(&path, made(imports)).unwrap();
            let found = module(&path, UnknownImportsForm::Refuse, profile);
            let said = found.as_ref().err().map(ToString::to_string);
            match why {
                None => assert_eq!(said, None),
                Some(why) => assert!(said.is_some_and(|said| said.contains(why)), "{why}"),
            }
        }
    }

    #[test]
    fn what_is_no_module_is_refused_before_it_travels() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("prog.wasm");
        for content in [&b""[..], b"\0as", b"#!/bin/sh", &[0xff; 100]] {
            fs::write(&path, content).unwrap();
            let problem = module(&path, UnknownImportsForm::Refuse, Profile::WASM_3).unwrap_err();
            assert_eq!(problem.code, Code::Usage);
            assert!(
                problem.title.contains("is not a WebAssembly module"),
                "{problem}"
            );
        }
    }
}
