// SPDX-License-Identifier: MPL-2.0
//! RTP and RTCP as they leave a publisher: sender reports that lie, and the sound card's time.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gst::glib;
use gst::prelude::*;
use gst_rtp::RTPBuffer;
use gst_webrtc::WebRTCPeerConnectionState;

use super::card::SoundCard;

/// RFC 3550, 6.4.1.
const SENDER_REPORT: u8 = 200;
const HOUR: u32 = 3600;
/// When the first reports are sent, after the connection is there.
const REPORTS: [gst::ClockTime; 2] = [
    gst::ClockTime::from_mseconds(150),
    gst::ClockTime::from_mseconds(400),
];

/// The SSRCs of one kind of media.
pub(crate) type Ssrcs = Arc<Mutex<HashSet<u32>>>;

pub(crate) fn lock(ssrcs: &Ssrcs) -> MutexGuard<'_, HashSet<u32>> {
    ssrcs.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the sender reports of a publisher say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SenderReports {
    /// When each unit was captured, as a browser's do.
    #[default]
    True,
    /// Nothing: the publisher knows no time (RFC 3550, 6.4.1).
    ZeroNtp,
    /// Another hour each time.
    JumpingNtp,
    /// That video was captured this much later than it was.
    LateVideo { seconds: u32 },
    /// The truth about video; about audio, nothing is reported.
    VideoOnly,
    /// None are sent.
    None,
}

impl SenderReports {
    /// Changes what leaves webrtcbin, before it is encrypted.
    pub(crate) fn tamper(self, rtpbin: &gst::Element, video_ssrcs: &Ssrcs) {
        if self == Self::True {
            return;
        }
        let video_ssrcs = video_ssrcs.clone();
        rtpbin.connect_pad_added(move |_, pad| {
            if !pad.name().starts_with("send_rtcp_src") {
                return;
            }
            let video_ssrcs = video_ssrcs.clone();
            let count = AtomicU32::new(0);
            pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
                let Some(buffer) = info.buffer_mut() else {
                    return gst::PadProbeReturn::Ok;
                };
                let Ok(mut map) = buffer.make_mut().map_writable() else {
                    return gst::PadProbeReturn::Ok;
                };
                let n = count.fetch_add(1, Relaxed);
                match self.rewrite(&mut map, n, &|ssrc| lock(&video_ssrcs).contains(&ssrc)) {
                    true => gst::PadProbeReturn::Ok,
                    false => gst::PadProbeReturn::Handled,
                }
            });
        });
    }

    /// False if the packet is not to be sent.
    fn rewrite(self, compound: &mut [u8], n: u32, is_video: &impl Fn(u32) -> bool) -> bool {
        let mut rest = compound;
        while rest.len() >= 4 {
            let length = (usize::from(u16::from_be_bytes([rest[2], rest[3]])) + 1) * 4;
            let Some((packet, others)) = rest.split_at_mut_checked(length) else {
                return true;
            };
            rest = others;
            if packet[1] != SENDER_REPORT || packet.len() < 28 {
                continue;
            }
            let word = |at: usize| {
                u32::from_be_bytes([packet[at], packet[at + 1], packet[at + 2], packet[at + 3]])
            };
            let (ssrc, seconds) = (word(4), word(8));
            let seconds = match self {
                Self::True => seconds,
                Self::ZeroNtp => {
                    packet[12..16].fill(0);
                    0
                }
                Self::JumpingNtp => seconds.wrapping_add(HOUR * (n % 7)),
                Self::LateVideo { seconds: late } if is_video(ssrc) => seconds.wrapping_add(late),
                Self::LateVideo { .. } => seconds,
                Self::VideoOnly if is_video(ssrc) => seconds,
                Self::VideoOnly | Self::None => return false,
            };
            packet[8..12].copy_from_slice(&seconds.to_be_bytes());
        }
        true
    }
}

/// Has RTP timestamps count what the sound card counts, not the machine's clock.
pub(crate) fn count_by_card(card: SoundCard, payloader: &gst::Pad) {
    if card.ppm == 0 {
        return;
    }
    let first = Mutex::new(None);
    payloader.add_probe(
        gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST,
        move |_, info| {
            let retime = |buffer: &mut gst::Buffer| {
                let Ok(mut packet) = RTPBuffer::from_buffer_writable(buffer.make_mut()) else {
                    return;
                };
                let stamp = packet.timestamp();
                let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
                let (before, ticks) = first.get_or_insert((stamp, 0i64));
                *ticks += i64::from(stamp.wrapping_sub(*before) as i32);
                *before = stamp;
                let start = stamp.wrapping_sub(*ticks as u32);
                let own = start.wrapping_add(card.own_ticks(*ticks) as u32);
                packet.set_timestamp(own);
            };
            match &mut info.data {
                Some(gst::PadProbeData::Buffer(buffer)) => retime(buffer),
                Some(gst::PadProbeData::BufferList(list)) => {
                    let retimed = list.iter_owned().map(|mut buffer| {
                        retime(&mut buffer);
                        buffer
                    });
                    *list = retimed.collect();
                }
                _ => {}
            }
            gst::PadProbeReturn::Ok
        },
    );
}

/// Has the RTP timestamps of audio count samples, as browsers' do: they rest while none come.
pub(crate) fn count_samples(payloader: &gst::Pad) {
    /// Of a packet, and what no packet lasts.
    const PACKET: u32 = 960;
    const PAUSE: u32 = 9600;
    let state = Mutex::new((None, 0_u32));
    payloader.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(buffer) = info.buffer_mut()
            && let Ok(mut packet) = RTPBuffer::from_buffer_writable(buffer.make_mut())
        {
            let stamp = packet.timestamp();
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            let step = state.0.map_or(0, |last| stamp.wrapping_sub(last));
            if step > PAUSE {
                state.1 = state.1.wrapping_add(step - PACKET);
            }
            state.0 = Some(stamp);
            packet.set_timestamp(stamp.wrapping_sub(state.1));
        }
        gst::PadProbeReturn::Ok
    });
}

/// Sender reports tell when a unit was captured, as a browser's do. By default rtpsession tells
/// when it was sent, and video lags behind audio by what its encoder takes.
pub(crate) fn tell_capture_times(rtpbin: &gst::Element) {
    rtpbin.set_property("rtcp-sync-send-time", false);
}

/// A browser sends its first reports when it is asked for them. rtpsession sends its own when the
/// other end may not have the keys yet, and the next one five seconds later.
pub(crate) fn report_soon(webrtcbin: &gst::Element, rtpbin: &gst::Element) {
    let rtpbin = rtpbin.downgrade();
    webrtcbin.connect_notify(Some("connection-state"), move |webrtcbin, _| {
        let state: WebRTCPeerConnectionState = webrtcbin.property("connection-state");
        if state != WebRTCPeerConnectionState::Connected {
            return;
        }
        let clock = gst::SystemClock::obtain();
        for after in REPORTS {
            let rtpbin = rtpbin.clone();
            let timer = clock.new_single_shot_id(clock.time() + after);
            // Without it the reports come later, as they would have.
            let _ = timer.wait_async(move |_, _, _| {
                let session = rtpbin.upgrade().and_then(|rtpbin| {
                    rtpbin.emit_by_name::<Option<glib::Object>>("get-internal-session", &[&0_u32])
                });
                if let Some(session) = session {
                    let within = gst::ClockTime::from_mseconds(50).nseconds();
                    session.emit_by_name::<bool>("send-rtcp-full", &[&within]);
                }
            });
        }
    });
}

/// Sender reports tell the time of the publisher's own clock, however fast it is.
pub(crate) fn tell_own_time(rtpbin: &gst::Element) {
    rtpbin.set_property_from_str("ntp-time-source", "clock-time");
}
