// SPDX-License-Identifier: MPL-2.0
//! Files of a recorder that does nothing but record: `depay ! mux ! filesink`.

use std::path::{Path, PathBuf};

use gst::prelude::*;

pub struct Files {
    folder: PathBuf,
    opened: u32,
}

/// One person's file.
pub struct File {
    pipeline: gst::Pipeline,
    /// Of the multiplexer.
    video: gst::Pad,
    audio: gst::Pad,
}

impl Files {
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.into(),
            opened: 0,
        }
    }

    /// A Transport Stream for H.264, else Matroska.
    pub fn open(
        &mut self,
        pipeline: &gst::Pipeline,
        name: &str,
        codec: &str,
    ) -> Result<File, String> {
        self.opened += 1;
        let (muxer, [video, audio], extension) = match codec {
            "H264" => ("mpegtsmux", ["sink_%d"; 2], "ts"),
            _ => ("matroskamux", ["video_%u", "audio_%u"], "mkv"),
        };
        let text = |e: &dyn std::fmt::Display| e.to_string();
        let mux = gst::ElementFactory::make(muxer)
            .build()
            .map_err(|e| text(&e))?;
        if muxer == "matroskamux" {
            mux.set_property("streamable", true);
        }
        let location = self
            .folder
            .join(format!("{name}-{}.{extension}", self.opened));
        let sink = gst::ElementFactory::make("filesink")
            .property("location", location.display().to_string())
            .property("async", false)
            .property("sync", false)
            .build()
            .map_err(|e| text(&e))?;
        pipeline.add_many([&mux, &sink]).map_err(|e| text(&e))?;
        mux.link(&sink).map_err(|e| text(&e))?;
        let [video, audio] = [video, audio].map(|template| mux.request_pad_simple(template));
        for element in [&sink, &mux] {
            element.sync_state_with_parent().map_err(|e| text(&e))?;
        }
        Ok(File {
            pipeline: pipeline.clone(),
            video: video.ok_or("no pad for the video")?,
            audio: audio.ok_or("no pad for the audio")?,
        })
    }
}

impl File {
    /// Links a pad of webrtcbin's; the benchmark's publishers send nothing else.
    pub fn link(&self, pad: &gst::Pad) {
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        let encoding = caps
            .structure(0)
            .and_then(|s| s.get::<String>("encoding-name").ok());
        self.link_rtp(pad, &encoding.unwrap_or_default());
    }

    pub fn link_rtp(&self, pad: &gst::Pad, encoding: &str) {
        let (chain, to) = match encoding {
            "VP8" => ("rtpvp8depay", &self.video),
            "H264" => ("rtph264depay ! h264parse", &self.video),
            "OPUS" => ("rtpopusdepay ! opusparse", &self.audio),
            other => panic!("a pad of {other:?}"),
        };
        let bin = gst::parse::bin_from_description(chain, true).expect("depayloaders");
        self.pipeline.add(&bin).expect("a bin of its own");
        bin.static_pad("src")
            .expect("src")
            .link(to)
            .expect("the multiplexer takes it");
        bin.sync_state_with_parent().expect("PLAYING");
        pad.link(&bin.static_pad("sink").expect("sink"))
            .expect("it takes RTP");
    }
}

/// Ends all files, and the pipeline.
pub fn finish(pipeline: &gst::Pipeline) -> Result<(), String> {
    pipeline.send_event(gst::event::Eos::new());
    let bus = pipeline.bus().ok_or("no bus")?;
    let end = [gst::MessageType::Eos, gst::MessageType::Error];
    bus.timed_pop_filtered(gst::ClockTime::from_seconds(5), &end);
    pipeline
        .set_state(gst::State::Null)
        .map_err(|e| e.to_string())?;
    Ok(())
}
