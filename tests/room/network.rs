// SPDX-License-Identifier: MPL-2.0
//! The network fails: in a network namespace of the test's own, which takes root.

use std::time::{Duration, Instant};

use vdoroom_testkit::own_network::{in_a_network_of_its_own, shell};
use vdoroom_testkit::{Codec, Dialect, Publisher, RoomServer};

use crate::recording::Recording;

/// Nothing arrives for so long.
fn lose_everything_for(time: Duration) {
    assert!(shell("nft add rule inet t in drop"));
    // The outage itself.
    std::thread::sleep(time);
    assert!(shell("nft flush chain inet t in"));
}

/// How long it takes, after a network that was lost for `lost`, until alice is recorded again.
fn time_to_recover(lost: Duration, parts: usize) -> Duration {
    let server = RoomServer::start(Dialect::Hosted);
    let mut recording = Recording::start(&server, "r", |_| {});
    let alice = Publisher::builder(server.url(), "r", "alice")
        .codec(Codec::Vp8)
        .frame_rate(10)
        .start()
        .unwrap();
    recording.wait_for_frames(&["alice"], 45);
    lose_everything_for(lost);
    let flows = |r: &Recording| {
        let stream = r.stream("alice");
        stream.is_some_and(|s| s.get("state") == Ok("flowing"))
    };
    // Reachable is who has a network again, or whose page is back in the room if it was longer.
    let seeds = || {
        let log = server.log();
        log.iter().filter(|e| e.text.contains("\"seed\"")).count()
    };
    if parts > 1 {
        recording.wait("alice's way back into the room", |_| seeds() > 1);
    }
    let since = Instant::now();
    recording.wait("alice's media", flows);
    let took = since.elapsed();
    println!("network lost for {lost:?}: recorded again after {took:?}");
    let then = recording.frames("alice");
    recording.wait_for_frames(&["alice"], then + 30);
    let recorded = recording.finish();
    assert_eq!(
        recorded.files["alice"].len(),
        parts,
        "{:#?}",
        recorded.manifest
    );
    drop(alice);
    took
}

#[test]
fn a_lost_network_is_back_and_so_is_the_recording() {
    if in_a_network_of_its_own("network::a_lost_network_is_back_and_so_is_the_recording") {
        let (lost, parts) = crate::OUTAGE;
        let took = time_to_recover(lost, parts);
        assert!(took < Duration::from_secs(3), "{took:?}");
    }
}
