// SPDX-License-Identifier: MPL-2.0
#![no_main]

use gstvdoroom::{protocol, vdoroomsrc};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: gst::init().expect("GStreamer starts"), |input: &[u8]| {
    let read = protocol::fuzzing::sdp(input);
    if let Err(broken) = read.and_then(|()| vdoroomsrc::fuzzing::narrowing(input)) {
        panic!("{broken}");
    }
});
