//! A step's root: a digest over everything that the next step depends on.

use std::io::{self, Write};
use std::sync::LazyLock;

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::bytes;
use protocol::ids::Digest;
use protocol::units::Fuel;
use wasmtime::{Error, Global, Result, V128, Val};

use super::Stepper;
use crate::wasi::Host;

/// The guest's memory is hashed in pieces of so many bytes: WebAssembly's pages.
pub(crate) const PAGE: usize = 64 << 10;

/// What a byte costs in a root, in fuel: hashing it takes about as long as so much work. Zeros in a
/// page of nothing else are only looked at, and cost one.
const FUEL_PER_BYTE: u64 = 8;

const ROOT: &str = "tallygrid step root v1";
const PAGE_LEAF: &str = "tallygrid step page v1";
const PAGE_NODE: &str = "tallygrid step memory v1";
const HOST: &str = "tallygrid step host v1";

static ZEROS: [u8; PAGE] = [0; PAGE];
static ZERO_LEAF: LazyLock<Digest> = LazyLock::new(|| Digest::derive(PAGE_LEAF, &[&ZEROS]));

/// A global's value, bit for bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum Value {
    I32(i32),
    I64(i64),
    F32(u32),
    F64(u64),
    V128(u128),
}

impl Value {
    fn of(value: &Val) -> Result<Self> {
        Ok(match value {
            Val::I32(value) => Self::I32(*value),
            Val::I64(value) => Self::I64(*value),
            Val::F32(bits) => Self::F32(*bits),
            Val::F64(bits) => Self::F64(*bits),
            Val::V128(value) => Self::V128(value.as_u128()),
            _ => return Err(Error::msg("a global that refers to something can change")),
        })
    }

    /// The value as a guest has it.
    pub(crate) fn val(self) -> Val {
        match self {
            Self::I32(value) => Val::I32(value),
            Self::I64(value) => Val::I64(value),
            Self::F32(bits) => Val::F32(bits),
            Self::F64(bits) => Val::F64(bits),
            Self::V128(value) => Val::V128(V128::from(value)),
        }
    }
}

/// Whether a page holds nothing but zeros.
pub(crate) fn is_zero(page: &[u8]) -> bool {
    page == ZEROS
}

/// Digests of a state's parts, and what they cost.
pub(crate) struct Parts {
    globals: Digest,
    pages: u64,
    memory: Digest,
    host: Digest,
    /// What the root costs.
    pub(crate) cost: Fuel,
}

impl Parts {
    /// The root after so many steps and so much fuel.
    pub(crate) fn root(&self, taken: u32, used: Fuel) -> Digest {
        let parts: [&[u8]; 6] = [
            &taken.to_le_bytes(),
            &used.get().to_le_bytes(),
            self.globals.bytes(),
            &self.pages.to_le_bytes(),
            self.memory.bytes(),
            self.host.bytes(),
        ];
        Digest::derive(ROOT, &parts)
    }
}

/// Hashes and counts what is written.
struct Counting {
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn host_digest(host: &Host) -> Result<(Digest, u64)> {
    let mut counting = Counting {
        hasher: blake3::Hasher::new_derive_key(HOST),
        bytes: 0,
    };
    host.write(&mut io::BufWriter::with_capacity(PAGE, &mut counting))
        .map_err(|error| Error::msg(error.to_string()))?;
    let digest = Digest::new(*counting.hasher.finalize().as_bytes());
    Ok((digest, counting.bytes))
}

fn memory_root(memory: &[u8]) -> Digest {
    let leaf = |page: &[u8]| match is_zero(page) {
        true => *ZERO_LEAF,
        false => Digest::derive(PAGE_LEAF, &[page]),
    };
    let leaves = memory.chunks(PAGE).map(leaf).collect();
    tree_root(leaves).unwrap_or(*ZERO_LEAF)
}

/// The root of a binary tree over digests: neighbours are joined, and what has no neighbour goes up
/// as it is. `None` over nothing.
fn tree_root(mut level: Vec<Digest>) -> Option<Digest> {
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => Digest::derive(PAGE_NODE, &[left.bytes(), right.bytes()]),
                _ => pair[0],
            })
            .collect();
    }
    level.first().copied()
}

impl Stepper<'_> {
    /// Every global that can change, in the module's order.
    pub(crate) fn values(&mut self) -> Result<Vec<Value>> {
        let globals = self.guest()?.globals.clone();
        let read = |global: &Global| Value::of(&global.get(&mut self.store));
        globals.iter().map(read).collect()
    }

    /// What the state is made of now.
    pub(crate) fn parts(&mut self) -> Result<Parts> {
        let globals = bytes::write(&self.values()?);
        let memory = self.guest()?.memory;
        let (memory, host) = memory.data_and_store_mut(&mut self.store);
        let (host, host_bytes) = host_digest(host)?;
        let zeros = memory.chunks(PAGE).filter(|page| is_zero(page)).count() * PAGE;
        let filled = (memory.len() - zeros + globals.len()) as u64 + host_bytes;
        Ok(Parts {
            globals: Digest::of(&globals),
            pages: (memory.len() / PAGE) as u64,
            memory: memory_root(memory),
            host,
            cost: Fuel::new(filled * FUEL_PER_BYTE + zeros as u64),
        })
    }
}
