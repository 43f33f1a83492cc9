// SPDX-License-Identifier: MPL-2.0
//! Proofs that take too long for every run: `scripts/test-long`.

#[path = "../roomfilesink/child.rs"]
mod child;
#[path = "../roomfilesink/crash.rs"]
mod crash;
mod files;
#[path = "../roomfilesink/power.rs"]
mod power;
#[path = "../roomfilesink/strace.rs"]
mod strace;
