// SPDX-License-Identifier: MPL-2.0
#![no_main]

use libfuzzer_sys::fuzz_target;
use vdoroom_server::fuzzing::conversation;

fuzz_target!(|input: &[u8]| {
    if let Err(broken) = conversation(input) {
        panic!("{broken}");
    }
});
