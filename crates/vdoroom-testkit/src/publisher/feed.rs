// SPDX-License-Identifier: MPL-2.0
//! The encoders of one publisher, and the outlets through which its viewers are fed.
//!
//! One pipeline draws, beeps and encodes for all viewers. Encoded units leave it through appsinks
//! and go to every outlet, which is an appsrc in a viewer's own pipeline. All pipelines of a
//! publisher share clock and base time, so that running times mean the same everywhere.
//!
//! Locks: `Track::outlets` and `Track::keyframe`, held for no longer than a copy takes.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use gst::prelude::*;
use gst_video::prelude::*;

use crate::pattern::{self, Content, Plane};

use super::{
    Codec, Film, Flavour, Sound,
    film::Reel,
    sent::{Ledger, Ledgers},
    timeline::{SoundCard, Timeline},
};

/// What a viewer gets first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    NextUnit,
    NextKeyframe,
    /// The last keyframe again, at the time at which it was captured, then the next unit.
    CachedKeyframe,
}

/// One way out to a viewer.
pub struct Outlet {
    pub source: gst_app::AppSrc,
    waits_for_keyframe: AtomicBool,
    ledger: Arc<Ledger>,
}

/// What all encoders of a kind hand out.
#[derive(Default)]
pub struct Track {
    outlets: Mutex<Vec<Arc<Outlet>>>,
    /// What went through each of them, also those that are gone.
    pub(super) ledgers: Ledgers,
    keyframe: Mutex<Option<gst::Sample>>,
    units: AtomicU64,
    muted: AtomicBool,
    paused: AtomicBool,
    /// By whose clock its units are stamped; a video's is the machine's own.
    card: SoundCard,
}

impl Track {
    /// Starts to feed `source`.
    pub fn attach(&self, source: gst_app::AppSrc, beginning: Beginning) -> Arc<Outlet> {
        let cached = self.keyframe().clone();
        if let Some(sample) = cached.filter(|_| beginning == Beginning::CachedKeyframe) {
            // Fails while the viewer's pipeline goes down.
            let _ = source.push_sample(&sample);
        }
        let waits_for_keyframe = AtomicBool::new(beginning == Beginning::NextKeyframe);
        let outlet = Arc::new(Outlet {
            source,
            waits_for_keyframe,
            ledger: self.ledgers.begin(),
        });
        self.lock().push(outlet.clone());
        outlet
    }

    pub fn detach(&self, outlet: &Arc<Outlet>) {
        self.lock().retain(|other| !Arc::ptr_eq(other, outlet));
    }

    /// Units handed to the viewers since the start, counted once for all of them.
    pub fn units(&self) -> u64 {
        self.units.load(Ordering::Relaxed)
    }

    /// A muted track goes on, black or silent, as a browser's does.
    pub fn mute(&self, muted: bool) {
        self.muted.store(muted, Ordering::Relaxed);
    }

    /// A paused track sends nothing at all.
    pub fn pause(&self, paused: bool) {
        self.paused.store(paused, Ordering::Relaxed);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Outlet>>> {
        self.outlets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keyframe(&self) -> std::sync::MutexGuard<'_, Option<gst::Sample>> {
        self.keyframe.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, sample: &gst::Sample) {
        if let Some(sample) = in_running_time(sample, self.card) {
            self.hand_out(&sample);
        }
    }

    /// Hands out a unit that was encoded at another time.
    pub(super) fn push_at(&self, sample: &gst::Sample, pts: gst::ClockTime) {
        if self.lock().is_empty() {
            return;
        }
        if let Some(sample) = stamped(sample, Some(pts)) {
            self.hand_out(&sample);
        }
    }

    fn hand_out(&self, sample: &gst::Sample) {
        if self.paused.load(Ordering::Relaxed) {
            return;
        }
        let delta = sample
            .buffer()
            .is_some_and(|buffer| buffer.flags().contains(gst::BufferFlags::DELTA_UNIT));
        if !delta {
            *self.keyframe() = Some(sample.clone());
        }
        let mut handed_out = false;
        let outlets = self.lock().clone();
        for outlet in &outlets {
            if outlet.waits_for_keyframe.load(Ordering::Relaxed) && delta {
                continue;
            }
            outlet.waits_for_keyframe.store(false, Ordering::Relaxed);
            outlet.ledger.note(sample.buffer());
            // Fails while a viewer's pipeline goes down; the outlet is detached then.
            let _ = outlet.source.push_sample(sample);
            handed_out = true;
        }
        if handed_out {
            self.units.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The unit with its running time as timestamp: encoders count from an origin of their own
/// (x264enc from a thousand hours), and the segment that says so does not pass an appsrc.
fn in_running_time(sample: &gst::Sample, card: SoundCard) -> Option<gst::Sample> {
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    let pts = segment.to_running_time(sample.buffer()?.pts());
    stamped(sample, pts.map(|pts| card.machine_time(pts)))
}

fn stamped(sample: &gst::Sample, pts: Option<gst::ClockTime>) -> Option<gst::Sample> {
    let mut buffer = sample.buffer_owned()?;
    let shell = buffer.make_mut();
    shell.set_pts(pts);
    shell.set_dts(None);
    let caps = sample.caps_owned()?;
    Some(gst::Sample::builder().buffer(&buffer).caps(&caps).build())
}

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
        sound: Sound,
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
            picture(320, 180, rate).to_string().replace(' ', "")
        );
        let microphone = format!("{} ! appsink name=audio sync=false", sound.microphone());
        let camera = pipeline(&camera, timeline)?;
        let microphone = pipeline(&microphone, &timeline.faster_by(card))?;
        let video = Arc::<Track>::default();
        let audio = Arc::new(Track {
            card,
            ..Track::default()
        });
        let size = element(&camera, "size")?;
        draw_on(&size, &video, rate, busy)?;
        beep_on(&element(&microphone, "microphone")?, &audio, sound)?;
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

    /// Changes the video's size from the next frame on; that of a film stays.
    pub fn resize(&self, width: i32, height: i32) {
        if let Origin::Drawn { size, rate, .. } = &self.origin {
            size.set_property("caps", picture(width, height, *rate));
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

fn picture(width: i32, height: i32, rate: i32) -> gst::Caps {
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
            if !track.muted.load(Ordering::Relaxed) {
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

fn beep_on(element: &gst::Element, track: &Arc<Track>, sound: Sound) -> Result<(), String> {
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
                sound.channels(),
                sound.rate(),
                track.card.machine_time(time),
                track.muted.load(Ordering::Relaxed),
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
