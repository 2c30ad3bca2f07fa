//! The one door into a running peer, on a local socket; the command line is its first client.
//!
//! HTTP/1.1 under `/api/v1`, JSON documents ([`types`]), errors as RFC 9457 ([`problem`]). The
//! socket is for the user that runs the peer and nobody else: its mode is 0600, and the kernel says
//! whose process connects. Requests that a browser sends (`Origin`, `Referer`) are refused.

pub mod client;
pub mod door;
pub mod problem;
pub mod types;

mod blob_routes;
mod entry_routes;
pub(crate) mod read_routes;
mod routes;
mod server;
#[cfg(test)]
mod tests;

pub use client::Client;
pub use server::{Server, ServerError};
