// SPDX-License-Identifier: MPL-2.0
//! What comes among packets of media costs nothing: packets without media, which are normal, and
//! datagrams that are no packets.

use std::time::Duration;

use vdoroom_testkit::check;
use vdoroom_testkit::{Codec, Dialect, Folder, Publisher, PublisherBuilder, RoomServer};

use crate::recording::{DEADLINE, assert_whole, interrupt, launch};

/// By a process of its own: one kind of such packets ended it.
fn every_frame_is_recorded_of(
    codec: Codec,
    with: impl FnOnce(PublisherBuilder) -> PublisherBuilder,
) {
    let server = RoomServer::start(Dialect::Hosted);
    let folder = Folder::new();
    let program = launch(&server, &folder);
    let alice = Publisher::builder(server.url(), "r", "alice").codec(codec);
    let publisher = with(alice.with_busy_frames()).start().unwrap();
    publisher.wait_for_frames(120, DEADLINE).unwrap();
    let files = interrupt(program, &folder, Duration::from_secs(5));
    let [file] = files.as_slice() else {
        panic!("{files:?}");
    };
    let report = check::inspect(file);
    assert_whole("alice", &report);
    let manifest = folder.manifest();
    let closed = manifest.iter().find(|line| line["event"] == "part-closed");
    for track in closed.unwrap()["tracks"].as_array().unwrap() {
        assert_eq!(
            (&track["corrupted"], &track["discontinuities"]),
            (&0.into(), &0.into()),
            "{track}"
        );
        assert_eq!(track["dropped"], 0, "{track}");
    }
}

#[test]
fn padding_among_fragments_of_h264_costs_no_frame_and_ends_nothing() {
    every_frame_is_recorded_of(Codec::H264, PublisherBuilder::with_padding);
}

#[test]
fn padding_among_packets_of_vp8_costs_no_frame() {
    every_frame_is_recorded_of(Codec::Vp8, PublisherBuilder::with_padding);
}

#[test]
fn datagrams_that_are_too_short_among_packets_cost_no_frame() {
    every_frame_is_recorded_of(Codec::Vp8, PublisherBuilder::with_short_datagrams);
}
