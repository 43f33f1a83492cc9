// SPDX-License-Identifier: MPL-2.0
//! What takes minutes or hours in real time. Run by hand: `cargo test --test long`.

mod time;
