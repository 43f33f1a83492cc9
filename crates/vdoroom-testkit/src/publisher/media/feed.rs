// SPDX-License-Identifier: MPL-2.0
//! The encoders of one publisher.
//!
//! One pipeline draws, beeps and encodes for all viewers. Encoded units leave it through appsinks
//! and go to a [`Track`]. All pipelines of a publisher share clock and base time, so that running
//! times mean the same everywhere.

use std::sync::Arc;

use gst::prelude::*;
use gst_video::prelude::*;

use crate::pattern::{self, Content, Plane};

use crate::publisher::{
    flavour::Flavour,
    time::{SoundCard, Timeline},
};

use super::{
    audio::AudioCodec,
    codec::Codec,
    film::{Film, Reel},
    track::Track,
};

enum Origin {
    Drawn {
        pipelines: [gst::Pipeline; 2],
        video_sink: gst::Element,
        size: gst::Element,
        rate: i32,
    },
    Film(Arc<Reel>),
}

/// What one publisher sends.
pub struct Feed {
    origin: Origin,
    pub video: Arc<Track>,
    pub audio: Arc<Track>,
}

impl Feed {
    /// Sends a film.
    pub fn of(film: &Film, timeline: &Timeline) -> Self {
        let reel = film.reel(timeline);
        Self {
            video: reel.video.clone(),
            audio: reel.audio.clone(),
            origin: Origin::Film(reel),
        }
    }

    /// Draws, beeps and encodes.
    pub fn start(
        codec: Codec,
        audio_codec: AudioCodec,
        flavour: Flavour,
        rate: i32,
        busy: bool,
        timeline: &Timeline,
        card: SoundCard,
    ) -> Result<Self, String> {
        let keyframe_interval = if flavour.obeys_keyframe_requests() {
            rate * 60
        } else {
            rate * 2
        };
        let encoder = codec.encoder(keyframe_interval);
        let camera = format!(
            "videotestsrc name=camera is-live=true pattern=black ! capsfilter name=size caps={} \
             ! {encoder} ! appsink name=video sync=false",
            video_caps(320, 180, rate).to_string().replace(' ', "")
        );
        let microphone = format!(
            "{} ! appsink name=audio sync=false",
            audio_codec.microphone()
        );
        let camera = pipeline(&camera, timeline)?;
        let microphone = pipeline(&microphone, &timeline.faster_by(card))?;
        let video = Arc::<Track>::default();
        let audio = Arc::new(Track::by_card(card));
        let size = element(&camera, "size")?;
        draw_on(&size, &video, rate, busy)?;
        beep_on(&element(&microphone, "microphone")?, &audio, audio_codec)?;
        let video_sink = element(&camera, "video")?;
        hand_out(&video_sink, &video);
        hand_out(&element(&microphone, "audio")?, &audio);
        let pipelines = [camera, microphone];
        let playing = pipelines
            .iter()
            .try_for_each(|pipeline| pipeline.set_state(gst::State::Playing).map(drop));
        let feed = Self {
            origin: Origin::Drawn {
                pipelines,
                video_sink,
                size,
                rate,
            },
            video,
            audio,
        };
        playing.map_err(|error| error.to_string())?;
        Ok(feed)
    }

    /// Has the encoder make its next frame a keyframe.
    pub fn force_keyframe(&self) {
        let video_sink = match &self.origin {
            Origin::Drawn { video_sink, .. } => video_sink,
            Origin::Film(reel) => return reel.force_keyframe(),
        };
        let event = gst_video::UpstreamForceKeyUnitEvent::builder()
            .all_headers(true)
            .build();
        video_sink.send_event(event);
    }

    /// Changes the size of the video from the next frame on; that of a film stays.
    pub fn resize(&self, width: i32, height: i32) {
        if let Origin::Drawn { size, rate, .. } = &self.origin {
            size.set_property("caps", video_caps(width, height, *rate));
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        if let Origin::Drawn { pipelines, .. } = &self.origin {
            for pipeline in pipelines {
                let _ = pipeline.set_state(gst::State::Null);
            }
        }
    }
}

fn pipeline(description: &str, timeline: &Timeline) -> Result<gst::Pipeline, String> {
    let pipeline = gst::parse::launch(description)
        .map_err(|error| error.to_string())?
        .downcast::<gst::Pipeline>()
        .map_err(|_| "not a pipeline")?;
    // Nobody reads this bus.
    pipeline.bus().inspect(|bus| bus.set_flushing(true));
    timeline.rule(&pipeline);
    Ok(pipeline)
}

fn element(pipeline: &gst::Pipeline, name: &str) -> Result<gst::Element, String> {
    pipeline.by_name(name).ok_or(format!("no {name}"))
}

fn video_caps(width: i32, height: i32, rate: i32) -> gst::Caps {
    gst::Caps::builder("video/x-raw")
        .field("format", "I420")
        .field("width", width)
        .field("height", height)
        .field("framerate", gst::Fraction::new(rate, 1))
        .build()
}

fn draw_on(
    element: &gst::Element,
    track: &Arc<Track>,
    rate: i32,
    busy: bool,
) -> Result<(), String> {
    let pad = element.static_pad("src").ok_or("no src pad")?;
    let track = track.clone();
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let info_of_pad = pad
            .current_caps()
            .and_then(|caps| gst_video::VideoInfo::from_caps(&caps).ok());
        if let (Some(format), Some(buffer)) = (info_of_pad, info.buffer_mut())
            && let Some(time) = buffer.pts()
        {
            // A source that starts late counts from there: a flash would begin with the frame after
            // the second.
            let half = 500_000_000 / rate as u64;
            let number = (time.nseconds() + half) * rate as u64 / 1_000_000_000;
            let time =
                gst::ClockTime::from_nseconds((number * 1_000_000_000).div_ceil(rate as u64));
            let buffer = buffer.make_mut();
            buffer.set_pts(time);
            if !track.is_muted() {
                let number = number as u32;
                let content = match (pattern::signal_at(time), busy) {
                    (true, _) => Content::Flash,
                    (false, true) => Content::Busy,
                    (false, false) => Content::Bar,
                };
                draw_frame(buffer, &format, number, content);
            }
        }
        gst::PadProbeReturn::Ok
    });
    Ok(())
}

fn draw_frame(
    buffer: &mut gst::BufferRef,
    format: &gst_video::VideoInfo,
    number: u32,
    content: Content,
) {
    let Ok(mut frame) = gst_video::VideoFrameRef::from_buffer_ref_writable(buffer, format) else {
        return;
    };
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let stride = frame.plane_stride()[0] as usize;
    if let Ok(data) = frame.plane_data_mut(0) {
        pattern::draw(
            &mut Plane {
                data,
                stride,
                width,
                height,
            },
            number,
            content,
        );
    }
}

fn beep_on(element: &gst::Element, track: &Arc<Track>, codec: AudioCodec) -> Result<(), String> {
    let pad = element.static_pad("src").ok_or("no src pad")?;
    let track = track.clone();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(buffer) = info.buffer_mut()
            && let Some(time) = buffer.pts()
            && let Ok(mut map) = buffer.make_mut().map_writable()
        {
            let mut samples = vec![0; map.len() / 2];
            pattern::beep(
                &mut samples,
                codec.channels(),
                codec.rate(),
                track.machine_time(time),
                track.is_muted(),
            );
            for (bytes, sample) in map.chunks_exact_mut(2).zip(&samples) {
                bytes.copy_from_slice(&sample.to_le_bytes());
            }
        }
        gst::PadProbeReturn::Ok
    });
    Ok(())
}

fn hand_out(sink: &gst::Element, track: &Arc<Track>) {
    let track = track.clone();
    if let Some(sink) = sink.downcast_ref::<gst_app::AppSink>() {
        sink.set_callbacks(
            gst_app::AppSinkCallbacks::builder()
                .new_sample(move |sink| {
                    let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                    track.push(&sample);
                    Ok(gst::FlowSuccess::Ok)
                })
                .build(),
        );
    }
}
