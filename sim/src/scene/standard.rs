//! What a scene means where it says nothing.

use protocol::job::Class;

pub(super) const fn block_ms() -> u64 {
    1_000
}
pub(super) const fn grid() -> Class {
    Class::Grid
}
pub(super) const fn block_entries() -> usize {
    512
}
pub(super) const fn four() -> usize {
    4
}
pub(super) const fn grant() -> u64 {
    1_000_000
}
pub(super) const fn member_bond() -> u64 {
    10_000
}
pub(super) const fn mfuel() -> u64 {
    1_000
}
pub(super) const fn always() -> u32 {
    10_000
}
pub(super) const fn two() -> u16 {
    2
}
pub(super) const fn ten() -> u32 {
    10
}
pub(super) const fn price() -> u64 {
    1_000_000
}
pub(super) const fn bond() -> u64 {
    50_000
}
pub(super) const fn minute() -> u64 {
    60
}
pub(super) const fn copies() -> u8 {
    2
}

/// A class by its name.
pub(super) mod class {
    use protocol::job::Class;
    use serde::{Deserialize, Deserializer, de::Error};

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Class, D::Error> {
        let name = String::deserialize(from)?;
        let found = Class::ALL.into_iter().find(|class| class.name() == name);
        found.ok_or_else(|| D::Error::custom(format!("there is no class `{name}`")))
    }
}
