//! A shader next to its declaration: what each variable is, how large, and who may touch it.

use naga::proc::Layouter;
use naga::valid::ModuleInfo;
use naga::{
    AddressSpace, ArraySize, Expression, Function, GlobalVariable, Handle, Module, Span,
    StorageAccess, Type, TypeInner,
};

use super::refused::ShaderRefused;
use super::source;

/// Our own part of every shader.
pub(crate) const PRELUDE: &str = include_str!("prelude.wgsl");
/// The variables of one workgroup may have so many bytes.
const WORKGROUP_BYTES_MAX: u64 = 16_384;
/// The private variables of one invocation, and the variables of all functions, may have so many
/// bytes together; so may one value.
const PRIVATE_BYTES_MAX: u64 = 8_192;

/// A shader together with our part of it.
pub(crate) struct Shader<'a> {
    pub(crate) module: Module,
    pub(crate) info: ModuleInfo,
    pub(crate) layouts: Layouter,
    pub(crate) source: &'a str,
    prelude: usize,
    /// The declared length of each buffer, in bytes.
    pub(crate) sizes: Vec<u64>,
    /// Whether every device must give the same bits; else floats are the device's own.
    pub(crate) exact: bool,
}

/// What a variable outside functions is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// One of the meter's.
    Ours,
    /// Belongs to one invocation.
    Private,
    /// Shared by a workgroup.
    WorkGroup { atomic: bool },
    /// A declared buffer.
    Buffer {
        binding: u32,
        writable: bool,
        atomic: bool,
    },
}

impl<'a> Shader<'a> {
    /// Reads the text that is a prelude of so many bytes and the source, and checks all variables.
    ///
    /// # Errors
    /// [`ShaderRefused`].
    pub(crate) fn read(
        text: &str,
        source: &'a str,
        sizes: Vec<u64>,
        exact: bool,
    ) -> Result<Self, ShaderRefused> {
        let prelude = text.len() - source.len();
        let parsed = source::parse(text, prelude)?;
        let mut layouts = Layouter::default();
        layouts
            .update(parsed.module.to_ctx())
            .map_err(|error| ShaderRefused::anywhere(error.to_string()))?;
        let shader = Self {
            module: parsed.module,
            info: parsed.info,
            layouts,
            source,
            prelude,
            sizes,
            exact,
        };
        shader.check_variables()?;
        shader.check_values()?;
        Ok(shader)
    }

    /// A refusal at a place of the source.
    pub(crate) fn refuse(&self, span: Span, why: impl Into<String>) -> ShaderRefused {
        ShaderRefused::spanned(self.source, self.prelude, span, why)
    }

    /// The type that a type is made of.
    pub(crate) fn inner(&self, ty: Handle<Type>) -> &TypeInner {
        &self.module.types[ty].inner
    }

    /// What a variable is. All variables were checked to be one of these.
    pub(crate) fn place(&self, global: Handle<GlobalVariable>) -> Place {
        let variable = &self.module.global_variables[global];
        if variable.name.as_deref().is_some_and(is_ours) {
            return Place::Ours;
        }
        let atomic = self.leaves(variable.ty).0;
        match (variable.space, &variable.binding) {
            (AddressSpace::Storage { access }, Some(at)) => Place::Buffer {
                binding: at.binding,
                writable: access.contains(StorageAccess::STORE),
                atomic,
            },
            (AddressSpace::WorkGroup, _) => Place::WorkGroup { atomic },
            _ => Place::Private,
        }
    }

    /// Whether a type has atomic parts, and whether it has others.
    fn leaves(&self, ty: Handle<Type>) -> (bool, bool) {
        match self.inner(ty) {
            TypeInner::Atomic(_) => (true, false),
            TypeInner::Array { base, .. } => self.leaves(*base),
            TypeInner::Struct { members, .. } => {
                members
                    .iter()
                    .fold((false, false), |(atomic, plain), member| {
                        let (one, other) = self.leaves(member.ty);
                        (atomic || one, plain || other)
                    })
            }
            _ => (false, true),
        }
    }

    /// How many elements an array has. Where the buffer decides, it is the one of this binding, and
    /// the array begins at `before` bytes; `None` if not even one element fits.
    pub(crate) fn length(&self, array: &TypeInner, buffer: Option<(u32, u32)>) -> Option<u32> {
        let TypeInner::Array { size, stride, .. } = array else {
            return None;
        };
        match (size, buffer) {
            (ArraySize::Constant(count), _) => Some(count.get()),
            (ArraySize::Dynamic, Some((binding, before))) => {
                let bytes = *self.sizes.get(binding as usize)?;
                let left = bytes.checked_sub(before.into())?;
                u32::try_from(left / u64::from(*stride))
                    .ok()
                    .filter(|count| *count > 0)
            }
            _ => None,
        }
    }

    fn check_variables(&self) -> Result<(), ShaderRefused> {
        let (mut shared, mut private) = (0_u64, 0_u64);
        if !self.module.overrides.is_empty() {
            return Err(ShaderRefused::anywhere(
                "`override` is not offered: write `const`",
            ));
        }
        for (handle, variable) in self.module.global_variables.iter() {
            let span = self.module.global_variables.get_span(handle);
            let bytes = u64::from(self.layouts[variable.ty].size);
            match (variable.space, self.place(handle)) {
                (_, Place::Ours) => {}
                (AddressSpace::WorkGroup, _) => shared = shared.saturating_add(bytes),
                (AddressSpace::Private, _) => private = private.saturating_add(bytes),
                (AddressSpace::Storage { .. }, place) => {
                    self.check_buffer(span, variable, place)?
                }
                _ => {
                    let why = "only `storage`, `workgroup` and `private` variables are offered";
                    return Err(self.refuse(span, why));
                }
            }
            if shared > WORKGROUP_BYTES_MAX {
                let why = format!("workgroup variables take {shared} bytes, more than 16384");
                return Err(self.refuse(span, why));
            }
        }
        for (_, function) in self.functions() {
            for (handle, variable) in function.local_variables.iter() {
                private = private.saturating_add(self.layouts[variable.ty].size.into());
                if private > PRIVATE_BYTES_MAX {
                    let span = function.local_variables.get_span(handle);
                    let why = "variables of one invocation take more than 8192 bytes together";
                    return Err(self.refuse(span, why));
                }
            }
        }
        Ok(())
    }

    fn check_buffer(
        &self,
        span: Span,
        variable: &GlobalVariable,
        place: Place,
    ) -> Result<(), ShaderRefused> {
        let bound = variable.binding.as_ref().filter(|at| at.group == 0);
        let size = bound.and_then(|at| self.sizes.get(at.binding as usize));
        let (Some(at), Some(size)) = (bound, size) else {
            let count = self.sizes.len();
            let why = format!("buffers stand at @group(0), @binding(0) to below {count}");
            return Err(self.refuse(span, why));
        };
        let needs = u64::from(self.layouts[variable.ty].size);
        if needs > *size {
            let why = format!(
                "buffer {} has {size} bytes, and {needs} are needed",
                at.binding
            );
            return Err(self.refuse(span, why));
        }
        let Place::Buffer { writable: true, .. } = place else {
            return Ok(());
        };
        match (self.leaves(variable.ty), self.inner(variable.ty)) {
            ((true, false), _) => Ok(()),
            (
                (false, true),
                array @ TypeInner::Array {
                    size: ArraySize::Dynamic,
                    ..
                },
            ) => {
                let length = self.length(array, Some((at.binding, 0)));
                let why = "the buffer has not even one element";
                length.map(|_| ()).ok_or_else(|| self.refuse(span, why))
            }
            _ => {
                let why = "a buffer that is written is an `array<T>`, or atomic throughout";
                Err(self.refuse(span, why))
            }
        }
    }

    /// No value may be large: a function that passes a megabyte around has no honest use.
    fn check_values(&self) -> Result<(), ShaderRefused> {
        for (index, function) in self.functions() {
            let info = self.function_info(index);
            for (handle, _) in function.expressions.iter() {
                let Some(ty) = info[handle].ty.handle() else {
                    continue;
                };
                let pointer = self.inner(ty).pointer_space().is_some();
                if !pointer && self.is_large(ty) && !is_variable(function, handle) {
                    let span = function.expressions.get_span(handle);
                    return Err(self.refuse(span, "a value has more than 8192 bytes"));
                }
            }
        }
        Ok(())
    }

    fn is_large(&self, ty: Handle<Type>) -> bool {
        u64::from(self.layouts[ty].size) > PRIVATE_BYTES_MAX
    }

    /// All functions of the stranger: those that are called, then those that are entered.
    pub(crate) fn functions(&self) -> impl Iterator<Item = (Index, &Function)> {
        let called = self.module.functions.iter();
        let called = called
            .filter(|(_, function)| !function.name.as_deref().is_some_and(is_ours))
            .map(|(handle, function)| (Index::Called(handle), function));
        let entered = self.module.entry_points.iter().enumerate();
        let entered = entered
            .filter(|(_, entry)| !is_ours(&entry.name))
            .map(|(number, entry)| (Index::Entered(number), &entry.function));
        called.chain(entered)
    }

    /// What naga knows of a function.
    pub(crate) fn function_info(&self, index: Index) -> &naga::valid::FunctionInfo {
        match index {
            Index::Called(handle) => &self.info[handle],
            Index::Entered(number) => self.info.get_entry_point(number),
        }
    }

    /// A function of ours, which every shader has.
    pub(crate) fn helper(&self, name: &str) -> Handle<Function> {
        let mut functions = self.module.functions.iter();
        let found = functions.find(|(_, function)| function.name.as_deref() == Some(name));
        found.map(|(handle, _)| handle).expect("the prelude has it")
    }
}

/// Which function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Index {
    /// One that others call.
    Called(Handle<Function>),
    /// An entry point.
    Entered(usize),
}

/// Whether a name is the meter's.
pub(crate) fn is_ours(name: &str) -> bool {
    name.starts_with("tg_")
}

fn is_variable(function: &Function, handle: Handle<Expression>) -> bool {
    matches!(
        function.expressions[handle],
        Expression::GlobalVariable(_) | Expression::LocalVariable(_)
    )
}

/// Where a pointer leads: the variable it begins at, and the first step into it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chain {
    pub(crate) root: Handle<GlobalVariable>,
    /// The access whose base is the variable itself; `None` if the pointer is the variable.
    pub(crate) step: Option<Handle<Expression>>,
}

/// Follows a pointer to its variable; `None` if it begins in a function.
pub(crate) fn chain(function: &Function, pointer: Handle<Expression>) -> Option<Chain> {
    let (mut at, mut step) = (pointer, None);
    loop {
        match function.expressions[at] {
            Expression::Access { base, .. } | Expression::AccessIndex { base, .. } => {
                step = Some(at);
                at = base;
            }
            Expression::GlobalVariable(root) => return Some(Chain { root, step }),
            _ => return None,
        }
    }
}
