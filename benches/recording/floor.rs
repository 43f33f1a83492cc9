// SPDX-License-Identifier: MPL-2.0
//! The least that recording SRTP costs with GStreamer's elements, without ICE, DTLS and sessions:
//! `udpsrc ! srtpdec ! rtpjitterbuffer ! depay ! mux ! filesink`.

use std::path::Path;
use std::sync::mpsc;

use gst::prelude::*;

use crate::files::{self, Files};
use crate::scene::{Media, SRTP, floor_ports};

/// Records so many streams until it is interrupted.
pub fn record(media: &Media, streams: usize, folder: &Path) -> Result<(), String> {
    let (stop, stopped) = mpsc::channel();
    ctrlc::set_handler(move || {
        // A second interrupt changes nothing.
        let _ = stop.send(());
    })
    .map_err(|e| e.to_string())?;
    let pipeline = gst::Pipeline::new();
    let mut files = Files::new(folder);
    for number in 0..streams {
        let name = format!("guest{number}");
        let file = files.open(&pipeline, &name, media.encoding())?;
        let ports = floor_ports(number);
        let tracks = [
            (media.encoding(), media.video_caps()),
            ("OPUS", media.audio_caps()),
        ];
        for (port, (encoding, caps)) in ports.into_iter().zip(tracks) {
            let caps = format!("{caps},ssrc=(uint){port},{SRTP}");
            let caps = caps.replacen("application/x-rtp", "application/x-srtp", 1);
            let line = format!(
                "udpsrc address=127.0.0.1 port={port} caps=\"{caps}\" ! srtpdec \
                 ! rtpjitterbuffer latency=200"
            );
            let bin = gst::parse::bin_from_description(&line, true).map_err(|e| e.to_string())?;
            pipeline.add(&bin).map_err(|e| e.to_string())?;
            file.link_rtp(&bin.static_pad("src").ok_or("no src pad")?, encoding);
        }
    }
    pipeline
        .set_state(gst::State::Playing)
        .map_err(|e| e.to_string())?;
    println!("ready");
    // Fails when the handler is gone, which is as good.
    let _ = stopped.recv();
    files::finish(&pipeline)
}
