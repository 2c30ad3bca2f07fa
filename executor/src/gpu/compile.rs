//! From a stranger's shader and its declaration to a [`Plan`], or to the reason why not.

use std::fmt::Write as _;

use naga::back::wgsl::{self, WriterFlags};
use naga::valid::{Capabilities, GlobalUse, ModuleInfo, ValidationFlags, Validator};
use naga::{
    ArraySize, Block, BuiltIn, EntryPoint, Expression, Function, Handle, Module, Range,
    ShaderStage, Span, Statement, TypeInner,
};
use protocol::job::Job;
use protocol::kernel::{BUFFER_MAX, Compare, Kernel, Pass, Program};

use super::plan::{PassPlan, Plan};
use super::refused::ShaderRefused;
use super::shader::{Index, PRELUDE, Place, Shader, is_ours};
use super::{exact, fuel, phases, rewrite, source};

/// A workgroup may have so many invocations.
const GROUP_MAX: u32 = 256;
/// A workgroup may be so long in each direction.
const GROUP_SIDES_MAX: [u32; 3] = [256, 256, 64];
/// A pass may have so many invocations.
const INVOCATIONS_MAX: u64 = 1 << 26;

/// Checks a shader and writes it anew.
///
/// # Errors
/// [`ShaderRefused`], the same on every machine.
pub(crate) fn compile(bytes: &[u8], job: &Job) -> Result<Plan, ShaderRefused> {
    let Program::Wgsl(kernel) = &job.program else {
        return Err(ShaderRefused::anywhere("the job's program is no shader"));
    };
    let source = source::read(bytes)?;
    let parsed = source::parse(source, 0)?;
    let mut text = PRELUDE.to_owned();
    let mut entries: Vec<&str> = Vec::new();
    for pass in &kernel.passes {
        if !entries.contains(&pass.entry.as_str()) {
            let size = workgroup(&parsed.module, &pass.entry)?;
            write_entry(&mut text, &entry_name(entries.len()), size);
            entries.push(&pass.entry);
        }
    }
    text.push_str(source);
    let sizes = sizes(kernel, job)?;
    let exact = kernel.compare == Compare::Exact;
    let mut shader = Shader::read(&text, source, sizes, exact)?;
    shader
        .module
        .entry_points
        .retain(|entry| is_ours(&entry.name) || entries.contains(&entry.name.as_str()));
    shader.info = validate(&shader.module)?;
    exact::check(&shader)?;
    let known = fuel::weigh(&shader)?;
    phases::check(&shader, &known)?;
    let (passes, sizes) = passes(&shader, kernel, &entries, job)?;
    let mut written: Vec<(Index, Function)> = Vec::new();
    for (index, function) in shader.functions() {
        written.push((
            index,
            rewrite::function(&shader, index, function, &known[&index]),
        ));
    }
    let mut module = shader.module;
    assemble(&mut module, written, &entries)?;
    let info = validate(&module)?;
    let text = wgsl::write_string(&module, &info, WriterFlags::empty())
        .map_err(|error| ShaderRefused::anywhere(format!("it cannot be written anew: {error}")))?;
    Ok(Plan {
        text,
        passes,
        sizes,
    })
}

fn validate(module: &Module) -> Result<ModuleInfo, ShaderRefused> {
    Validator::new(ValidationFlags::all(), Capabilities::empty())
        .validate(module)
        .map_err(|error| ShaderRefused::anywhere(format!("it cannot be metered: {error:?}")))
}

/// A name that ends in a letter, since naga changes others.
fn entry_name(number: usize) -> String {
    let letter = |n: usize| char::from(b'a' + u8::try_from(n % 26).unwrap_or(0));
    format!("tg_entry_{}{}", letter(number / 26), letter(number))
}

fn write_entry(text: &mut String, name: &str, [x, y, z]: [u32; 3]) {
    let builtin = |what| format!("@builtin({what})");
    let (group, local) = (builtin("workgroup_id"), builtin("local_invocation_id"));
    let chair = builtin("local_invocation_index");
    let written = writeln!(
        text,
        "@compute @workgroup_size({x}, {y}, {z}) fn {name}({group} group: vec3<u32>, \
         {local} local: vec3<u32>, {chair} chair: u32) {{ \
         tg_begin(group, local, chair, vec3<u32>({x}u, {y}u, {z}u)); tg_end(); }}"
    );
    written.expect("a text in memory can be written");
}

/// An entry point's workgroup.
fn workgroup(module: &Module, name: &str) -> Result<[u32; 3], ShaderRefused> {
    let mut entries = module.entry_points.iter();
    let found = entries.find(|entry| entry.name == name);
    let why = |why: &str| Err(ShaderRefused::anywhere(format!("`{name}` {why}")));
    let Some(entry) = found else {
        return why("is no entry point of the shader");
    };
    let size = entry.workgroup_size;
    let inside = size
        .iter()
        .zip(GROUP_SIDES_MAX)
        .all(|(side, max)| *side <= max);
    if entry.stage != ShaderStage::Compute || entry.workgroup_size_overrides.is_some() {
        return why("is no compute entry point of constant size");
    }
    if !inside || size.iter().product::<u32>() > GROUP_MAX {
        return why("has more than 256 invocations in a workgroup, or more than 64 in z");
    }
    let known = |argument: &naga::FunctionArgument| match argument.binding {
        Some(naga::Binding::BuiltIn(builtin)) => is_offered(builtin),
        _ => false,
    };
    if !entry.function.arguments.iter().all(known) {
        return why("takes something else than the five builtins, each as a parameter of its own");
    }
    Ok(size)
}

const fn is_offered(builtin: BuiltIn) -> bool {
    matches!(
        builtin,
        BuiltIn::GlobalInvocationId
            | BuiltIn::LocalInvocationId
            | BuiltIn::LocalInvocationIndex
            | BuiltIn::WorkGroupId
            | BuiltIn::NumWorkGroups
    )
}

fn sizes(kernel: &Kernel, job: &Job) -> Result<Vec<u64>, ShaderRefused> {
    let size =
        |buffer: &protocol::kernel::Buffer| buffer.size(job).map(protocol::units::Bytes::get);
    let sizes: Option<Vec<u64>> = kernel.buffers.iter().map(size).collect();
    sizes.ok_or_else(|| ShaderRefused::anywhere("an input buffer names no input"))
}

/// What each pass uses, and how large buffers must be so that all invocations have their places.
fn passes(
    shader: &Shader<'_>,
    kernel: &Kernel,
    entries: &[&str],
    job: &Job,
) -> Result<(Vec<PassPlan>, Vec<u64>), ShaderRefused> {
    let (mut plans, mut sizes) = (Vec::new(), shader.sizes.clone());
    for pass in &kernel.passes {
        let number = entries
            .iter()
            .position(|entry| *entry == pass.entry)
            .unwrap_or(0);
        plans.push(plan(shader, pass, entry_name(number), &mut sizes)?);
    }
    let all = sizes
        .iter()
        .fold(0, |all: u64, size| all.saturating_add(*size));
    if sizes.iter().any(|size| *size > BUFFER_MAX.get()) || all > job.limits.memory.get() {
        let why = format!(
            "with a place for every invocation, the buffers take {all} bytes: more than 128 MiB \
             each, or than the task's memory"
        );
        return Err(ShaderRefused::anywhere(why));
    }
    Ok((plans, sizes))
}

fn plan(
    shader: &Shader<'_>,
    pass: &Pass,
    entry: String,
    sizes: &mut [u64],
) -> Result<PassPlan, ShaderRefused> {
    let mut points = shader.module.entry_points.iter().enumerate();
    let found = points.find(|(_, point)| point.name == pass.entry);
    let (number, point) = found.expect("the first reading found it");
    let sides = pass.groups.iter().chain(&point.workgroup_size);
    let invocations = sides.fold(1, |all: u64, side| all.saturating_mul((*side).into()));
    if invocations > INVOCATIONS_MAX {
        let why = format!(
            "`{}` has more than {INVOCATIONS_MAX} invocations",
            pass.entry
        );
        return Err(ShaderRefused::anywhere(why));
    }
    let info = shader.info.get_entry_point(number);
    let (mut uses, mut own) = (Vec::new(), [1; 8]);
    for (handle, variable) in shader.module.global_variables.iter() {
        let Place::Buffer {
            binding,
            writable,
            atomic,
        } = shader.place(handle)
        else {
            continue;
        };
        if info[handle] == GlobalUse::empty() {
            continue;
        }
        uses.push((binding, writable));
        let array = shader.inner(variable.ty);
        if let (
            true,
            false,
            TypeInner::Array {
                size: ArraySize::Dynamic,
                stride,
                ..
            },
        ) = (writable, atomic, array)
        {
            let length = u64::from(shader.length(array, Some((binding, 0))).unwrap_or(1));
            let count = length.div_ceil(invocations);
            let bytes = count
                .saturating_mul(invocations)
                .saturating_mul((*stride).into());
            let size = &mut sizes[binding as usize];
            *size = bytes.max(*size);
            own[binding as usize] = u32::try_from(count).unwrap_or(u32::MAX);
        }
    }
    uses.sort_unstable();
    Ok(PassPlan {
        entry,
        groups: pass.groups,
        uses,
        own,
    })
}

/// Puts the new functions in place of the old, and calls each old entry point from ours.
fn assemble(
    module: &mut Module,
    written: Vec<(Index, Function)>,
    entries: &[&str],
) -> Result<(), ShaderRefused> {
    for (index, function) in written {
        match index {
            Index::Called(handle) => *module.functions.get_mut(handle) = function,
            Index::Entered(number) => {
                let old = module.entry_points[number].clone();
                let place = entries.iter().position(|entry| *entry == old.name);
                let name = entry_name(place.unwrap_or(0));
                let inner = module.functions.append(function, Span::UNDEFINED);
                let mut points = module
                    .entry_points
                    .iter()
                    .position(|entry| entry.name == name);
                let at = points.take().expect("one was written for each");
                let mut ours = module.entry_points[at].clone();
                enter(module, &mut ours, &old, inner);
                module.entry_points[at] = ours;
            }
        }
    }
    module.entry_points.retain(|entry| is_ours(&entry.name));
    let literals = module.global_expressions.iter_mut();
    for (_, expression) in literals {
        if let Expression::Literal(naga::Literal::F32(number)) = expression
            && *number == 0.0
        {
            *number = 0.0;
        }
    }
    Ok(())
}

/// Calls `inner` just before our entry point's end, with the builtins of the whole dispatch.
fn enter(module: &Module, ours: &mut EntryPoint, old: &EntryPoint, inner: Handle<Function>) {
    let function = &mut ours.function;
    let mut before = Block::new();
    let mut arguments = Vec::new();
    for argument in &old.function.arguments {
        let global = match argument.binding {
            Some(naga::Binding::BuiltIn(BuiltIn::LocalInvocationId)) => Err(1),
            Some(naga::Binding::BuiltIn(BuiltIn::LocalInvocationIndex)) => Err(2),
            Some(naga::Binding::BuiltIn(BuiltIn::WorkGroupId)) => Ok("tg_group"),
            Some(naga::Binding::BuiltIn(BuiltIn::NumWorkGroups)) => Ok("tg_groups"),
            _ => Ok("tg_global"),
        };
        let expressions = &mut function.expressions;
        let value = match global {
            Err(number) => {
                expressions.append(Expression::FunctionArgument(number), Span::UNDEFINED)
            }
            Ok(name) => {
                let mut variables = module.global_variables.iter();
                let found = variables.find(|(_, v)| v.name.as_deref() == Some(name));
                let (variable, _) = found.expect("the prelude has it");
                let pointer = Expression::GlobalVariable(variable);
                let pointer = expressions.append(pointer, Span::UNDEFINED);
                let load = Expression::Load { pointer };
                let load = expressions.append(load, Span::UNDEFINED);
                let range = Range::new_from_bounds(load, load);
                before.push(Statement::Emit(range), Span::UNDEFINED);
                load
            }
        };
        arguments.push(value);
    }
    let call = Statement::Call {
        function: inner,
        arguments,
        result: None,
    };
    before.push(call, Span::UNDEFINED);
    let calls = |statement: &Statement| matches!(statement, Statement::Call { .. });
    let end = function.body.iter().rposition(calls).unwrap_or(0);
    function.body.splice(end..end, before);
}
