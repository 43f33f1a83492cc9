// SPDX-License-Identifier: MPL-2.0
//! The packets of one person into a file, through all that vdoroomsrc has behind webrtcbin.

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use gst::prelude::*;
use gstvdoroom::vdoroomsrc::packets::{Unpacked, unpack};
use vdoroom_testkit::Folder;

use crate::buffers::{begin, encode, ends, source};

/// One second.
const AUDIO: &str = "audiotestsrc wave=silence num-buffers=50 samplesperbuffer=960 \
    ! audio/x-raw,rate=48000,channels=2 ! opusenc ! rtpopuspay";

/// callgrind takes its time.
const PATIENCE: Duration = Duration::from_secs(300);

/// The packets of a second, again and again.
struct Lane {
    source: gst_app::AppSrc,
    track: Unpacked,
    /// All packets have gone into the track.
    over: Receiver<()>,
    clock_rate: u32,
    seqnum: u16,
}

impl Lane {
    /// Gives out this packet, as it is so many seconds later.
    fn push(&mut self, mut packet: gst::Buffer, seconds: u32) -> Result<(), String> {
        let timed = packet.make_mut();
        timed.set_pts(timed.pts().map(|pts| pts + later(seconds)));
        timed.set_dts(timed.pts());
        let mut rtp = gst_rtp::RTPBuffer::from_buffer_writable(timed).map_err(|e| e.to_string())?;
        rtp.set_seq(self.seqnum);
        let ticks = self.clock_rate.wrapping_mul(seconds);
        rtp.set_timestamp(rtp.timestamp().wrapping_add(ticks));
        drop(rtp);
        self.seqnum = self.seqnum.wrapping_add(1);
        self.source
            .push_buffer(packet)
            .map(drop)
            .map_err(|e| e.to_string())
    }

    fn end(mut self) -> Result<(), String> {
        self.source.end_of_stream().map_err(|e| e.to_string())?;
        let over = self.over.recv_timeout(PATIENCE);
        over.map_err(|_| "the packets do not end")?;
        self.track.end();
        Ok(())
    }
}

fn later(seconds: u32) -> gst::ClockTime {
    gst::ClockTime::from_seconds(seconds.into())
}

pub fn record(encoding_name: &str, encoder: &str, seconds: u32) -> Result<(), String> {
    begin()?;
    let payloader = format!("rtp{}pay", encoding_name.to_lowercase());
    let folder = Folder::new();
    let line = format!(
        "bin ( name=bob \
           appsrc name=video format=time block=true max-bytes=100000 \
           appsrc name=audio format=time block=true max-bytes=100000 ) \
         roomfilesink name=r location={}/rec",
        folder.0.display()
    );
    let pipeline = gst::parse::launch(&line).map_err(|e| e.to_string())?;
    let mut second = vec![];
    let mut lanes = vec![];
    for (name, encoding_name, clock_rate, line) in [
        (
            "video",
            encoding_name,
            90_000,
            format!("{encoder} ! {payloader} mtu=1200"),
        ),
        ("audio", "OPUS", 48_000, AUDIO.to_owned()),
    ] {
        let (caps, packets) = encode(&line)?;
        let begin = packets.first().and_then(|packet| packet.pts());
        second.extend(packets.into_iter().map(|mut packet| {
            let timed = packet.make_mut();
            timed.set_pts(timed.pts().zip(begin).map(|(pts, begin)| pts - begin));
            (lanes.len(), packet)
        }));
        let source = source(&pipeline, name)?;
        source.set_caps(Some(&caps));
        let (track, over) = connect(&pipeline, &source, encoding_name)?;
        lanes.push(Lane {
            source,
            track,
            over,
            clock_rate,
            seqnum: 0,
        });
    }
    // As they come.
    second.sort_by_key(|(_, packet)| packet.pts());
    pipeline
        .set_state(gst::State::Playing)
        .map_err(|e| e.to_string())?;
    for seconds in 0..seconds {
        for (lane, packet) in &second {
            lanes[*lane].push(packet.clone(), seconds)?;
        }
    }
    for lane in lanes {
        lane.end()?;
    }
    ends(&pipeline)
}

/// Through a track of vdoroomsrc to the recorder.
fn connect(
    pipeline: &gst::Element,
    source: &gst_app::AppSrc,
    encoding_name: &str,
) -> Result<(Unpacked, Receiver<()>), String> {
    let pipeline = pipeline.downcast_ref::<gst::Bin>().ok_or("no bin")?;
    let element = |name| pipeline.by_name(name).ok_or(format!("no {name}"));
    let (bob, recorder) = (element("bob")?, element("r")?);
    let bin = bob.downcast_ref::<gst::Bin>().ok_or("no bin")?;
    let packets = source.static_pad("src").ok_or("no pad")?;
    let (tell, over) = channel();
    packets.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if info.event().map(|event| event.type_()) == Some(gst::EventType::Eos) {
            // Nobody listens any more when something has failed.
            let _ = tell.send(());
        }
        gst::PadProbeReturn::Ok
    });
    let track = unpack(bin, &packets, encoding_name)?;
    let name = track.pad().name();
    let entry = recorder.request_pad_simple(&name).ok_or("no pad")?;
    track.pad().link(&entry).map_err(|e| e.to_string())?;
    Ok((track, over))
}
