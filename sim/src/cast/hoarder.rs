//! Buys up capacity with empty work, so that the price of its own rises.

use super::Role;

/// Its crime lies in what it submits; its peers do what their stewards say.
#[derive(Debug)]
pub(super) struct Hoarder;

impl Role for Hoarder {}
