// SPDX-License-Identifier: MPL-2.0
//! Somebody answers in another's name: the certificate of the DTLS handshake is not the one that
//! the offer announced.

use gst::prelude::*;
use vdoroom_testkit::{Codec, Dialect, Flavour, Publisher, RoomServer};

use crate::recording::Recording;

/// Mallory is one of a kind that brings its media with the first offer, or only a data channel.
/// Nothing of Mallory is taken; Alice is recorded whole.
fn nothing_is_taken_from_an_impostor(flavour: Flavour) {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let mallory = Publisher::builder(server.url(), "r", "mallory")
        .flavour(flavour)
        .codec(Codec::Vp8)
        .frame_rate(10)
        .label("not to be believed")
        .with_false_fingerprint()
        .start()
        .unwrap();
    let alice = Publisher::builder(server.url(), "r", "alice")
        .codec(Codec::Vp8)
        .start()
        .unwrap();
    recording.wait("the impostor to be noticed", |r| {
        let mismatches = r.stats().get::<u64>("identity-mismatches");
        mismatches.is_ok_and(|count| count >= 1)
    });
    recording.wait_for_frames(&["alice"], 45);
    let pads = recording.source.src_pads();
    let names: Vec<String> = pads.iter().map(|pad| pad.name().to_string()).collect();
    assert!(
        names.iter().all(|name| name.ends_with("_alice")),
        "{names:?}"
    );
    assert_eq!(mallory.media_request(), None, "the channel was answered");
    assert!(!recording.stats().to_string().contains("not to be believed"));
    drop(mallory);
    let mut recorded = recording.finish();
    // Each attempt of Mallory's may be told.
    let of_mallory = |complaint: &mut String| complaint.contains("\"mallory\"");
    let warned: Vec<String> = recorded.complaints.extract_if(.., of_mallory).collect();
    assert!(
        warned.iter().any(|w| w.contains("certificate")),
        "{warned:?}"
    );
    recorded.assert_whole(&["alice"]);
    assert_eq!(alice.complaints(), Vec::<String>::new());
}

#[test]
fn media_of_somebody_else_than_the_one_who_offered_is_not_taken() {
    nothing_is_taken_from_an_impostor(Flavour::Sdk);
}

#[test]
fn a_channel_to_somebody_else_than_the_one_who_offered_is_not_believed() {
    nothing_is_taken_from_an_impostor(Flavour::Browser);
}
