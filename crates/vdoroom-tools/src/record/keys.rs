// SPDX-License-Identifier: MPL-2.0
//! `m` and `q` on the terminal, without Enter. Ctrl+C stays the terminal's own.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::Keys;
#[cfg(windows)]
pub use windows::Keys;
