//! What the pass must know of a module to follow its stack, and of a function to follow its locals.

use wasmparser::{
    BinaryReaderError, BlockType, CompositeInnerType, ContType, FrameKind, FunctionBody, Import,
    Imports, ModuleArity, Payload, RefType, SubType, TypeRef, ValType,
};

/// A module's types, and which its functions and exceptions have.
#[derive(Debug, Default)]
pub(super) struct Shape {
    types: Vec<SubType>,
    functions: Vec<u32>,
    tags: Vec<u32>,
    imported: usize,
}

impl Shape {
    /// Notes what one section says.
    pub(super) fn read(&mut self, payload: &Payload<'_>) -> Result<(), BinaryReaderError> {
        match payload {
            Payload::TypeSection(types) => {
                for group in types.clone() {
                    self.types.extend(group?.into_types());
                }
            }
            Payload::ImportSection(imports) => {
                for group in imports.clone() {
                    if let Imports::Single(_, Import { ty, .. }) = group? {
                        match ty {
                            TypeRef::Func(index) => self.functions.push(index),
                            TypeRef::Tag(tag) => self.tags.push(tag.func_type_idx),
                            _ => {}
                        }
                    }
                }
                self.imported = self.functions.len();
            }
            Payload::FunctionSection(functions) => {
                for function in functions.clone() {
                    self.functions.push(function?);
                }
            }
            Payload::TagSection(tags) => {
                for tag in tags.clone() {
                    self.tags.push(tag?.func_type_idx);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The type of the function whose body is the module's `place`-th.
    pub(super) fn type_of_body(&self, place: usize) -> Option<u32> {
        self.functions.get(self.imported + place).copied()
    }

    fn function(&self, index: u32) -> Option<(&[ValType], &[ValType])> {
        match &self.types.get(index as usize)?.composite_type.inner {
            CompositeInnerType::Func(function) => Some((function.params(), function.results())),
            _ => None,
        }
    }

    /// The parameters of a function type; none if there is no such type.
    pub(super) fn params(&self, index: u32) -> &[ValType] {
        self.function(index).map_or(&[], |(params, _)| params)
    }

    /// How many values a block takes and gives.
    pub(super) fn block(&self, block: BlockType) -> (usize, usize) {
        match block {
            BlockType::Empty => (0, 0),
            BlockType::Type(_) => (0, 1),
            BlockType::FuncType(index) => self
                .function(index)
                .map_or((0, 0), |(params, results)| (params.len(), results.len())),
        }
    }
}

/// For instructions that neither branch nor end a block, and so need no stack of labels.
impl ModuleArity for Shape {
    fn sub_type_at(&self, index: u32) -> Option<&SubType> {
        self.types.get(index as usize)
    }

    fn tag_type_arity(&self, at: u32) -> Option<(u32, u32)> {
        self.sub_type_arity(self.sub_type_at(*self.tags.get(at as usize)?)?)
    }

    fn type_index_of_function(&self, index: u32) -> Option<u32> {
        self.functions.get(index as usize).copied()
    }

    fn func_type_of_cont_type(&self, _: &ContType) -> Option<&wasmparser::FuncType> {
        None
    }

    fn sub_type_of_ref_type(&self, _: &RefType) -> Option<&SubType> {
        None
    }

    fn control_stack_height(&self) -> u32 {
        0
    }

    fn label_block(&self, _: u32) -> Option<(BlockType, FrameKind)> {
        None
    }
}

/// Many locals of one type, one after the other.
#[derive(Clone, Copy, Debug)]
struct Run {
    end: u32,
    slot: u32,
    floats: Option<bool>,
}

/// A function's locals, parameters first. Those that can hold a NaN have a slot.
#[derive(Debug)]
pub(super) struct Locals {
    runs: Vec<Run>,
    /// How many parameters are among the slots.
    pub(super) slots_of_params: usize,
    /// How many slots there are.
    pub(super) slots: usize,
}

impl Locals {
    /// Reads a function's declarations.
    pub(super) fn read(
        params: &[ValType],
        body: &FunctionBody<'_>,
    ) -> Result<Self, BinaryReaderError> {
        let mut locals = Self {
            runs: Vec::new(),
            slots_of_params: 0,
            slots: 0,
        };
        for param in params {
            locals.add(1, *param);
        }
        locals.slots_of_params = locals.slots;
        for group in body.get_locals_reader()? {
            let (count, kind) = group?;
            locals.add(count, kind);
        }
        Ok(locals)
    }

    fn add(&mut self, count: u32, kind: ValType) {
        let floats = match kind {
            ValType::F32 | ValType::V128 => Some(false),
            ValType::F64 => Some(true),
            _ => None,
        };
        let run = Run {
            end: self.count().saturating_add(count),
            slot: u32::try_from(self.slots).unwrap_or(u32::MAX),
            floats,
        };
        self.runs.push(run);
        self.slots += floats.map_or(0, |_| count as usize);
    }

    /// How many there are.
    pub(super) fn count(&self) -> u32 {
        self.runs.last().map_or(0, |run| run.end)
    }

    /// The slot of a local, and whether it is an `f64`; `None` if it can hold no NaN.
    pub(super) fn slot(&self, local: u32) -> Option<(usize, bool)> {
        let place = self.runs.partition_point(|run| run.end <= local);
        let run = self.runs.get(place)?;
        let first = place
            .checked_sub(1)
            .map_or(0, |before| self.runs[before].end);
        run.floats
            .map(|is_double| ((run.slot + (local - first)) as usize, is_double))
    }
}
