//! One peer of a Tallygrid federation, as a library: `main.rs` performs what is said here.

pub mod alike;
pub mod amount;
pub mod answers;
pub mod api;
pub mod asked;
pub mod blobs;
pub mod carry;
pub mod cli;
pub mod config;
pub mod devices;
pub mod devnet;
pub mod doctor;
pub mod driver;
pub mod entries;
pub mod facts;
pub mod home;
pub mod intake;
pub mod keys;
pub mod links;
pub mod load;
pub mod mail;
pub mod outbox;
pub mod ownership;
pub mod parts;
pub mod perform;
pub mod picture;
pub mod runs;
pub mod sealing;
pub mod serving;
pub mod show;
pub mod told;
pub mod up;
pub mod watch;
pub mod witness;

mod news;
mod requests;
