// SPDX-License-Identifier: MPL-2.0
#![no_main]

#[path = "../../crates/vdoroom-protocol/tests/protocol/conversation/mod.rs"]
mod conversation;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| conversation::converse(input, false));
