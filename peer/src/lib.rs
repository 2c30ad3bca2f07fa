//! One peer of a Tallygrid federation, as a library: `main.rs` performs what is said here.

pub mod api;
pub mod blobs;
pub mod cli;
pub mod home;
pub mod keys;
pub mod picture;
pub mod show;
