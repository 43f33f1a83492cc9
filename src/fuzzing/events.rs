// SPDX-License-Identifier: MPL-2.0
//! Events between packets or frames that nothing has asked for.

/// What may come between packets and frames.
pub(super) fn event(how: u8, caps: &gst::Caps, [a, b]: [u8; 2]) -> gst::Event {
    let time = gst::ClockTime::from_mseconds(u64::from(a) * 10);
    match how % 8 {
        0 | 1 => lost(time, [a, b]),
        2 => gst::event::Gap::builder(time)
            .duration(gst::ClockTime::from_mseconds(b.into()))
            .build(),
        3 => {
            let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
            segment.set_start(time);
            segment.set_base(gst::ClockTime::from_mseconds(u64::from(b) << 8));
            gst::event::Segment::new(&segment)
        }
        4 => gst::event::Caps::new(caps),
        5 => gst::event::StreamStart::new(if a % 2 == 0 { "again" } else { "" }),
        6 => gst_video::DownstreamForceKeyUnitEvent::builder()
            .all_headers(a % 2 == 0)
            .build(),
        _ => gst::event::CustomDownstream::new(
            gst::Structure::builder("vdoroom-session-end")
                .field("reason", "bye")
                .build(),
        ),
    }
}

/// As rtpjitterbuffer says that a packet did not come.
fn lost(time: gst::ClockTime, [a, b]: [u8; 2]) -> gst::Event {
    let lost = gst::Structure::builder("GstRTPPacketLost")
        .field("seqnum", u32::from(a))
        .field("timestamp", time)
        .field("duration", gst::ClockTime::from_mseconds(b.into()))
        .field("retry", 0_u32)
        .field("might-have-been-fec", b % 2 == 0)
        .field("no-packet", b % 3 == 0);
    gst::event::CustomDownstream::new(lost.build())
}
