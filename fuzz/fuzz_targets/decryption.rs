// SPDX-License-Identifier: MPL-2.0
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Err(broken) = vdoroom_protocol::fuzzing::decryption(input) {
        panic!("{broken}");
    }
});
