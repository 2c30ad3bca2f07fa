//! What a module is made of, read from its bytes alone.
//!
//! The answer depends on nothing but the bytes and the profile, so every machine refuses the same
//! modules for the same reason. Nothing is compiled here.

use protocol::job::{MODULE_MAX, Profile, UnknownImports};
use protocol::units::Bytes;
use thiserror::Error;
use wasmparser::{
    CompositeInnerType, ExternalKind, FuncType, Import, Imports, Parser, Payload, TypeRef, ValType,
    Validator,
};

use crate::engine::FEATURES;
use crate::limiter::{TABLE_ELEMENTS_MAX, TABLES_MAX};
use crate::{passes, wasi};

/// How a module is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// `_start`: a program with a `main`.
    Command,
    /// `run`, after `_initialize` if there is one: a library that is called.
    Reactor,
    /// `init`, after `_initialize` if there is one, and then `step` until it says that it is done.
    Steps,
}

/// What a submitter may want to know of a module before it pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleFacts {
    /// How it is entered.
    pub entry: Entry,
    /// The calls it imports, in its own order.
    pub imports: Vec<String>,
    /// The functions it imports that no peer has, `module.name` each, in its own order.
    pub unknown: Vec<String>,
    /// The memory it starts with; a limit below this ends every task as *out of memory*.
    pub memory_min: Bytes,
}

/// Why no task of a module can ever run, on any machine.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ModuleRefused {
    /// It is larger than any module may be.
    #[error("the module has {size} bytes, and at most {max} are allowed")]
    TooLarge {
        /// Its size.
        size: u64,
        /// The most there may be.
        max: u64,
    },
    /// It is not a module, or uses instructions that the profile does not have.
    #[error("not a valid WebAssembly module of profile 3: {0}")]
    Invalid(String),
    /// It has a `start` section: code that would run before its fuel is counted.
    #[error("the module has a start section; export `_start` or `run` instead")]
    StartSection,
    /// It imports something that the host does not have.
    #[error(
        "the module imports `{module}` `{name}`, which no peer has; if it can do without, \
        say `unknown_imports = \"trap\"` in the job"
    )]
    UnknownImport {
        /// The module it asks for.
        module: String,
        /// The name it asks for.
        name: String,
    },
    /// It drives a GPU, and its job does not say so.
    #[error(
        "the module imports `gpu` `{0}`, which only peers with a graphics adapter have; say \
        `gpu_calls = true` in the job, and only they run it"
    )]
    GpuCallsUnsaid(String),
    /// Its job says that it drives a GPU, and it does not.
    #[error(
        "the job says `gpu_calls = true`, but the module imports nothing of `gpu`; without it, \
        every peer runs it"
    )]
    GpuCallsUnused,
    /// It would have to show what it has on a GPU.
    #[error(
        "the module runs in steps and imports `gpu`, but what it has on a GPU is in no step's \
        root; export `_start` or `run` instead"
    )]
    StepsDriveGpu,
    /// It imports a call with other parameters or results than the call has.
    #[error("the module imports `{0}` with a type that the call does not have")]
    WrongImportType(String),
    /// There is nothing to call.
    #[error(
        "the module exports neither `_start`, nor `run`, nor `init` and `step`, as functions \
        without parameters"
    )]
    NoEntry,
    /// What would be called first cannot be.
    #[error(
        "the module exports `_initialize`, but not as a function without parameters or results"
    )]
    WrongBeginning,
    /// Its memory cannot be reached by the calls it imports.
    #[error("the module exports no memory named `memory`")]
    NoMemory,
    /// It shares its memory, and there are no threads to share it with.
    #[error("the module's memory is shared; build it without threads")]
    SharedMemory,
    /// Its tables are larger, or more, than they may be.
    #[error("the module has more than {TABLES_MAX} tables, or one of more than {max} elements",
        max = TABLE_ELEMENTS_MAX)]
    TableTooLarge,
    /// It cannot be made to count its work, to have the same NaNs on every machine, or to show its
    /// state.
    #[error("{0}")]
    CannotBeRewritten(String),
}

const PAGE: u64 = 64 << 10;

#[derive(Default)]
struct Seen {
    types: Vec<Option<FuncType>>,
    functions: Vec<u32>,
    imports: Vec<String>,
    unknown: Vec<String>,
    lenient: bool,
    drives: bool,
    memory_min: Option<u64>,
    memory_exported: bool,
    entries: Vec<(String, u32)>,
    tables: usize,
}

/// Reads a module, and refuses it if no task of it could ever run.
///
/// Takes time and memory in proportion to the bytes; safe for a stranger's bytes.
///
/// # Errors
/// [`ModuleRefused`], the same on every machine.
pub fn check_module(
    bytes: &[u8],
    unknown: UnknownImports,
    profile: Profile,
) -> Result<ModuleFacts, ModuleRefused> {
    prepare(bytes, unknown, profile).map(|(facts, _)| facts)
}

/// The same, with what the module is compiled from.
///
/// # Errors
/// [`ModuleRefused`], the same on every machine.
pub(crate) fn prepare(
    bytes: &[u8],
    unknown: UnknownImports,
    profile: Profile,
) -> Result<(ModuleFacts, Vec<u8>), ModuleRefused> {
    let size = bytes.len() as u64;
    if size > MODULE_MAX.get() {
        return Err(ModuleRefused::TooLarge {
            size,
            max: MODULE_MAX.get(),
        });
    }
    Validator::new_with_features(FEATURES)
        .validate_all(bytes)
        .map_err(invalid)?;
    let mut seen = Seen {
        lenient: unknown == UnknownImports::Trap,
        ..Seen::default()
    };
    for payload in Parser::new(0).parse_all(bytes) {
        seen.read(payload.map_err(invalid)?, profile)?;
    }
    let entry = seen.entry()?;
    match (profile.needs_gpu(), seen.drives, entry) {
        (true, false, _) => return Err(ModuleRefused::GpuCallsUnused),
        (_, true, Entry::Steps) => return Err(ModuleRefused::StepsDriveGpu),
        _ => {}
    }
    if !seen.memory_exported {
        return Err(ModuleRefused::NoMemory);
    }
    if seen.tables > TABLES_MAX {
        return Err(ModuleRefused::TableTooLarge);
    }
    let memory_min = Bytes::new(seen.memory_min.unwrap_or(0).saturating_mul(PAGE));
    let rewritten = passes::rewrite(bytes, entry)
        .map_err(|refused| ModuleRefused::CannotBeRewritten(refused.to_string()))?;
    let facts = ModuleFacts {
        entry,
        imports: seen.imports,
        unknown: seen.unknown,
        memory_min,
    };
    Ok((facts, rewritten))
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is a function for `map_err`"
)]
fn invalid(error: wasmparser::BinaryReaderError) -> ModuleRefused {
    ModuleRefused::Invalid(error.to_string())
}

impl Seen {
    fn read(&mut self, payload: Payload<'_>, profile: Profile) -> Result<(), ModuleRefused> {
        match payload {
            Payload::Version { encoding, .. } if encoding != wasmparser::Encoding::Module => {
                return Err(ModuleRefused::Invalid(
                    "a component, not a module".to_owned(),
                ));
            }
            Payload::TypeSection(types) => {
                for group in types {
                    for one in group.map_err(invalid)?.into_types() {
                        self.types.push(match one.composite_type.inner {
                            CompositeInnerType::Func(function) => Some(function),
                            _ => None,
                        });
                    }
                }
            }
            Payload::ImportSection(imports) => {
                for group in imports {
                    match group.map_err(invalid)? {
                        Imports::Single(_, import) => self.import(&import, profile)?,
                        _ => return Err(ModuleRefused::Invalid("compact imports".to_owned())),
                    }
                }
            }
            Payload::FunctionSection(functions) => {
                for function in functions {
                    self.functions.push(function.map_err(invalid)?);
                }
            }
            Payload::MemorySection(memories) => {
                for memory in memories {
                    let memory = memory.map_err(invalid)?;
                    if memory.shared {
                        return Err(ModuleRefused::SharedMemory);
                    }
                    self.memory_min = Some(memory.initial);
                }
            }
            Payload::TableSection(tables) => {
                for table in tables {
                    self.tables += 1;
                    if table.map_err(invalid)?.ty.initial > TABLE_ELEMENTS_MAX as u64 {
                        return Err(ModuleRefused::TableTooLarge);
                    }
                }
            }
            Payload::StartSection { .. } => return Err(ModuleRefused::StartSection),
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export.map_err(invalid)?;
                    match export.kind {
                        ExternalKind::Memory if export.name == "memory" => {
                            self.memory_exported = true;
                        }
                        ExternalKind::Func => {
                            self.entries.push((export.name.to_owned(), export.index));
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn import(&mut self, import: &Import<'_>, profile: Profile) -> Result<(), ModuleRefused> {
        let has = |profile| wasi::signature(profile, import.module, import.name);
        let unknown = || match has(Profile::WASM_GPU_1) {
            Some(_) => ModuleRefused::GpuCallsUnsaid(import.name.to_owned()),
            None => ModuleRefused::UnknownImport {
                module: import.module.chars().take(80).collect(),
                name: import.name.chars().take(80).collect(),
            },
        };
        let TypeRef::Func(declared) = import.ty else {
            return Err(unknown());
        };
        let Some((words, answers)) = has(profile) else {
            if !self.lenient {
                return Err(unknown());
            }
            self.functions.push(declared);
            self.unknown
                .push(format!("{}.{}", import.module, import.name));
            return Ok(());
        };
        let declared_type = self.types.get(declared as usize).and_then(Option::as_ref);
        let fits = declared_type.is_some_and(|function| {
            let results: &[ValType] = if answers { &[ValType::I32] } else { &[] };
            function.results() == results
                && function.params().len() == words.len()
                && function.params().iter().zip(words).all(|(a, b)| match a {
                    ValType::I32 => b.is_i32(),
                    ValType::I64 => b.is_i64(),
                    _ => false,
                })
        });
        if !fits {
            return Err(ModuleRefused::WrongImportType(import.name.to_owned()));
        }
        self.functions.push(declared);
        self.drives |= import.module != wasi::MODULE;
        self.imports.push(import.name.to_owned());
        Ok(())
    }

    fn entry(&self) -> Result<Entry, ModuleRefused> {
        let exports = |name: &str| self.entries.iter().any(|(export, _)| export == name);
        let has = |name: &str, results: &[ValType]| {
            let index = self
                .entries
                .iter()
                .find(|(export, _)| export == name)
                .map(|(_, i)| *i);
            let declared = index.and_then(|index| self.functions.get(index as usize));
            let function = declared.and_then(|d| self.types.get(*d as usize)?.as_ref());
            function.is_some_and(|f| f.params().is_empty() && f.results() == results)
        };
        if has("_start", &[]) {
            return Ok(Entry::Command);
        }
        let entry = if has("run", &[ValType::I32]) {
            Entry::Reactor
        } else if has("init", &[]) && has("step", &[ValType::I32]) {
            Entry::Steps
        } else {
            return Err(ModuleRefused::NoEntry);
        };
        if exports("_initialize") && !has("_initialize", &[]) {
            return Err(ModuleRefused::WrongBeginning);
        }
        Ok(entry)
    }
}
