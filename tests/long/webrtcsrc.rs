// SPDX-License-Identifier: MPL-2.0
//! The manual's line for `webrtcsrc`, an element of gst-plugins-rs, which Debian 12 and 13 do not
//! have: it is run where somebody has installed that.

use std::path::PathBuf;
use std::time::Duration;

use vdoroom_testkit::require::require;
use vdoroom_testkit::{Launch, check, manual};

use crate::room::{Folder, wait_for};

/// Longer than anything here takes.
const DEADLINE: Duration = Duration::from_secs(30);

/// Not webrtcsink's default, which may be in use.
const WEBRTC_PORT: u16 = 18443;

#[test]
fn a_stream_of_webrtcsink_is_recorded() {
    gst::init().unwrap();
    let elements = ["webrtcsrc", "webrtcsink"];
    let there = elements.map(|element| gst::ElementFactory::find(element).is_some());
    if !require(
        there == [true; 2],
        "webrtcsrc is not installed (gst-plugins-rs)",
    ) {
        return;
    }
    let folder = Folder::new();
    let sender = format!(
        "videotestsrc is-live=true ! video/x-raw,width=320,height=180 ! s.video_0 \
         audiotestsrc is-live=true ! s.audio_0 webrtcsink name=s stun-server=NULL run-signalling-server=true \
         signalling-server-host=127.0.0.1 signalling-server-port={WEBRTC_PORT} \
         signaller::uri=ws://127.0.0.1:{WEBRTC_PORT} video-caps=video/x-vp8"
    );
    let mut sender = Launch::start(&folder.0, &sender);
    // webrtcsrc that comes before it waits for ever (0.15).
    sender.wait_for_line("registered as [Producer]", DEADLINE);
    // Both elements would ask a STUN server somewhere else.
    let mut lines = manual::all_shell_lines();
    lines.retain(|line| line.contains("webrtcsrc"));
    let line = lines[0]
        .replace("gst-launch-1.0 ", "")
        .replace(":8443", &format!(":{WEBRTC_PORT}"))
        .replace("webrtcsrc ", "webrtcsrc stun-server=NULL ");
    let receiver = Launch::start(&folder.0, &line);
    wait_for("a second of media", || {
        let size = |f: &PathBuf| f.metadata().map_or(0, |m| m.len());
        folder
            .recordings()
            .iter()
            .any(|f| size(f) > 60_000)
            .then_some(())
    });
    receiver.signal("INT");
    // webrtcsrc (0.15) reports its closed signalling as an error after EOS.
    receiver.wait(Duration::from_secs(5));
    let files = folder.recordings();
    assert_eq!(files.len(), 1, "{files:?}");
    let report = check::inspect(&files[0]);
    assert!(report.is_whole(), "{report:#?}");
    assert!(
        report.video.is_some() && report.audio.is_some(),
        "{report:#?}"
    );
}
