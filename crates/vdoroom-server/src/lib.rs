// SPDX-License-Identifier: MPL-2.0
#![doc = include_str!("../README.md")]

// From bottom to top; nothing imports what stands below it in this list.
//
// `limits`      what clients may cost: who may connect, what is read of them and waits for them
// `printable`, `open_files`, `log`   leaves: text for a terminal, the limit of open files, a conversation
// `rules`       what a server answers to a message, without sockets
// `input`       what the loop is told
// `pages`       what browsers are shown
// `connection`  one connection, from TLS to its end
// `hub`         the loop
// `server`, `builder`   the handle and how it is made
// `testing`, `fuzzing`, `web`   for tests, for fuzzers, and for programs with pages of their own
mod builder;
mod connection;
#[cfg(feature = "faults")]
pub mod fuzzing;
mod hub;
mod input;
mod limits;
#[cfg(feature = "faults")]
pub mod log;
pub mod open_files;
mod pages;
mod printable;
mod rules;
mod server;
#[cfg(feature = "faults")]
mod testing;
pub mod web;

pub use builder::RoomServerBuilder;
pub use connection::Certificate;
#[cfg(feature = "faults")]
pub use hub::{Candidates, Faults};
pub use input::Who;
pub use limits::{Closing, Limits};
pub use pages::Pages;
pub use printable::printable;
#[cfg(feature = "faults")]
pub use rules::LeaveNotice;
pub use rules::{Dialect, RoomEvent};
pub use server::RoomServer;
