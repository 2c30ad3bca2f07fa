//! Does what its steward says.

use super::Role;

#[derive(Debug)]
pub(super) struct Honest;

impl Role for Honest {}
