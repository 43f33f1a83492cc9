// SPDX-License-Identifier: MPL-2.0
//! What a recording loses on a network that loses packets.

use std::time::Duration;

use vdoroom_test_support::Codec;
use vdoroom_test_support::netns::Impairment;

use crate::lossy::{Outcome, record};

#[test]
fn one_packet_in_twenty_lost_costs_next_to_no_picture() {
    let wire = Impairment {
        seed: 1,
        loss_percent: 5.0,
        delay: Duration::from_millis(25),
        ..Default::default()
    };
    let recorded = record(
        [
            ("vp8", |guest| guest.codec(Codec::Vp8)),
            ("h264", |guest| guest.codec(Codec::H264)),
            ("vp8_without_rtx", |guest| {
                guest.codec(Codec::Vp8).without_rtx()
            }),
            ("h264_without_rtx", |guest| {
                guest.codec(Codec::H264).without_rtx()
            }),
        ],
        wire,
        600,
        |_| {},
    );
    let Some((guests, recorded)) = recorded else {
        return;
    };
    for name in ["vp8", "h264", "vp8_without_rtx", "h264_without_rtx"] {
        let outcome = Outcome::of(recorded.only(name));
        eprintln!("{name}: {outcome:?}");
        assert!(outcome.whole_percent() >= 99.5, "{name}: {outcome:?}");
    }
    let resent = guests.map(|guest| guest.resent_packets());
    assert!(
        resent[2] > 0 && resent[3] > 0,
        "nothing was sent again: {resent:?}"
    );
}
