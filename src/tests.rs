// SPDX-License-Identifier: MPL-2.0
//! What the fuzzers of `fuzz/` look at, without a fuzzer: their corpora, and random changes of
//! them for a second each.

#[path = "../crates/vdoroom-protocol/tests/protocol/conversation/mod.rs"]
mod conversation;
mod media;

use std::time::Duration;

use vdoroom_testkit::corpus::{self, replay};

const CHANGES: Duration = Duration::from_secs(1);

/// How many seconds webrtcbin is tried for; 2 if that is not set.
const WEBRTCBIN_SECONDS: &str = "WEBRTCBIN_SECONDS";

#[test]
fn whatever_a_websocket_or_a_channel_brings_is_read() {
    replay("wire", CHANGES, crate::protocol::fuzzing::wire);
}

/// The conversations that the fuzzer of the room found.
#[test]
fn whatever_is_said_the_rules_hold() {
    replay("room", Duration::from_secs(3), |input| {
        conversation::converse(input, true);
        Ok(())
    });
}

#[test]
fn whatever_is_sealed_is_opened_or_refused() {
    replay("decryption", CHANGES, crate::protocol::fuzzing::decryption);
}

#[test]
fn whatever_is_offered_is_taken_or_refused() {
    gst::init().expect("GStreamer starts");
    replay("sdp", CHANGES, |input| {
        crate::protocol::fuzzing::sdp(input)?;
        crate::vdoroomsrc::fuzzing::narrowing(input)
    });
}

#[test]
fn whatever_is_offered_webrtcbin_survives() {
    gst::init().expect("GStreamer starts");
    let seconds = std::env::var(WEBRTCBIN_SECONDS).ok();
    let seconds = seconds.and_then(|seconds| seconds.parse().ok());
    let changes = Duration::from_secs(seconds.unwrap_or(2));
    let inputs = corpus::of("offers");
    for (name, input) in &inputs {
        let offers = crate::protocol::fuzzing::applied(input, Default::default()).len();
        let whole = offers == input.split(|byte| *byte == 0).count();
        assert!(whole, "{name}: {offers} are taken");
        assert_eq!(
            crate::vdoroomsrc::fuzzing::applying(input),
            Ok(()),
            "{name}"
        );
    }
    corpus::change(&inputs, changes, crate::vdoroomsrc::fuzzing::applying);
}

#[test]
fn whatever_people_are_called_their_files_stay_in_the_folder() {
    replay("naming", CHANGES, crate::roomfilesink::fuzzing::naming);
}
