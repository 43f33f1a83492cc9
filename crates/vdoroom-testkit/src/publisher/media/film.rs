// SPDX-License-Identifier: MPL-2.0
//! Media that is encoded once and sent by many publishers, so that publishing costs little.
//!
//! Lock: `Reels` only, held for no longer than a copy of the list takes.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;

use gst::prelude::*;

use crate::publisher::time::Timeline;

use super::{
    codec::Codec,
    track::{Beginning, Track},
};

/// So long is a film; then it begins again.
const LENGTH: gst::ClockTime = gst::ClockTime::from_seconds(4);

/// What a film shows, and how well.
#[derive(Clone, Copy, Debug)]
pub struct Script {
    pub codec: Codec,
    pub width: u32,
    pub height: u32,
    /// Frames per second.
    pub rate: u32,
    /// Bits per second of the video.
    pub bitrate: u32,
}

/// A frame of a film, or 20 ms of its audio.
pub struct Encoded {
    pub data: Arc<[u8]>,
    pub is_keyframe: bool,
}

/// A recording in memory, and the thread that plays it to all publishers at once.
pub struct Film {
    video: Vec<gst::Sample>,
    audio: Vec<gst::Sample>,
    rate: u32,
    reels: Mutex<Vec<Weak<Reel>>>,
}

/// A film that is being sent.
pub struct Showing(
    #[expect(dead_code, reason = "the film looks whether it is still there")] Arc<Reel>,
);

/// Where one publisher is in the film.
pub(crate) struct Reel {
    timeline: Timeline,
    pub(crate) video: Arc<Track>,
    pub(crate) audio: Arc<Track>,
    next: AtomicUsize,
    wants_keyframe: AtomicBool,
}

impl Reel {
    /// Goes on with the next keyframe of the film.
    pub(crate) fn force_keyframe(&self) {
        self.wants_keyframe.store(true, Ordering::Relaxed);
    }
}

impl Film {
    /// How long each unit of its audio lasts.
    pub const AUDIO_UNIT: gst::ClockTime = gst::ClockTime::from_mseconds(20);

    /// Encodes it, and begins to play it.
    pub fn make(script: Script) -> Result<Arc<Self>, String> {
        gst::init().map_err(|error| error.to_string())?;
        let frames = LENGTH.seconds() * u64::from(script.rate);
        let units = LENGTH.mseconds() / Self::AUDIO_UNIT.mseconds();
        let video = format!(
            "videotestsrc num-buffers={frames} pattern=zone-plate kx2=20 ky2=20 kt=1 \
             ! video/x-raw,format=I420,width={},\
             height={},framerate={}/1 ! {}",
            script.width,
            script.height,
            script.rate,
            script.codec.encoder_at(script.bitrate, script.rate as i32),
        );
        let audio = format!(
            "audiotestsrc num-buffers={units} samplesperbuffer=960 wave=pink-noise volume=0.1 \
             ! audio/x-raw,format=S16LE,rate=48000,channels=2 ! opusenc bitrate=64000"
        );
        let film = Arc::new(Self {
            video: develop(&video)?,
            audio: develop(&audio)?,
            rate: script.rate,
            reels: Mutex::default(),
        });
        let weak = Arc::downgrade(&film);
        thread::Builder::new()
            .name("film".into())
            .spawn(move || play(&weak))
            .map_err(|error| error.to_string())?;
        Ok(film)
    }

    /// Bits per second of the video, as encoded.
    pub fn bitrate(&self) -> u64 {
        let bytes = self
            .video
            .iter()
            .filter_map(|s| s.buffer())
            .map(|b| b.size() as u64);
        bytes.sum::<u64>() * 8 / LENGTH.seconds()
    }

    /// Its frames, for a publisher without a pipeline. They begin with a keyframe.
    pub fn video(&self) -> Vec<Encoded> {
        encoded(&self.video)
    }

    /// Its audio, [`Film::AUDIO_UNIT`] each.
    pub fn audio(&self) -> Vec<Encoded> {
        encoded(&self.audio)
    }

    /// Sends it by the appsrcs of a pipeline, one for video and one for audio, for as long as
    /// what is returned lives.
    pub fn feed(&self, pipeline: &gst::Pipeline, [video, audio]: [gst_app::AppSrc; 2]) -> Showing {
        let reel = self.reel(&Timeline::of(pipeline));
        reel.video.attach(video, Beginning::NextUnit);
        reel.audio.attach(audio, Beginning::NextUnit);
        Showing(reel)
    }

    pub(crate) fn reel(&self, timeline: &Timeline) -> Arc<Reel> {
        let reel = Arc::new(Reel {
            timeline: timeline.clone(),
            video: Arc::default(),
            audio: Arc::default(),
            next: AtomicUsize::new(0),
            wants_keyframe: AtomicBool::new(false),
        });
        let mut reels = self.reels.lock().unwrap_or_else(PoisonError::into_inner);
        reels.push(Arc::downgrade(&reel));
        reel
    }

    fn audience(&self) -> Vec<Arc<Reel>> {
        let mut reels = self.reels.lock().unwrap_or_else(PoisonError::into_inner);
        reels.retain(|reel| reel.strong_count() > 0);
        reels.iter().filter_map(Weak::upgrade).collect()
    }

    fn show(&self, reel: &Reel, at: gst::ClockTime) {
        let mut next = reel.next.load(Ordering::Relaxed) % self.video.len();
        if reel.wants_keyframe.swap(false, Ordering::Relaxed) {
            let is_keyframe = |index: &usize| {
                let buffer = self.video[index % self.video.len()].buffer();
                buffer.is_some_and(|b| !b.flags().contains(gst::BufferFlags::DELTA_UNIT))
            };
            let further = (next..next + self.video.len()).find(is_keyframe);
            next = further.unwrap_or(next) % self.video.len();
        }
        reel.next.store(next + 1, Ordering::Relaxed);
        reel.video
            .push_at(&self.video[next], reel.timeline.running_time(at));
    }
}

fn encoded(samples: &[gst::Sample]) -> Vec<Encoded> {
    let buffers = samples.iter().filter_map(|sample| sample.buffer());
    let maps = buffers.filter_map(|buffer| Some((buffer, buffer.map_readable().ok()?)));
    let units = maps.map(|(buffer, map)| Encoded {
        data: map.as_slice().into(),
        is_keyframe: !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT),
    });
    units.collect()
}

/// Encodes as fast as it goes.
fn develop(description: &str) -> Result<Vec<gst::Sample>, String> {
    let description = format!("{description} ! appsink name=sink sync=false");
    let pipeline = gst::parse::launch(&description).map_err(|error| error.to_string())?;
    let pipeline = pipeline
        .downcast::<gst::Pipeline>()
        .map_err(|_| "not a pipeline")?;
    let sink = pipeline.by_name("sink").and_downcast::<gst_app::AppSink>();
    let sink = sink.ok_or("no appsink")?;
    let playing = pipeline.set_state(gst::State::Playing);
    let mut samples = vec![];
    while let Ok(sample) = sink.pull_sample() {
        samples.push(sample);
    }
    // A pipeline that is taken down anyway.
    let _ = pipeline.set_state(gst::State::Null);
    match (playing, samples.is_empty()) {
        (Ok(_), false) => Ok(samples),
        _ => Err(format!("nothing is encoded by {description}")),
    }
}

/// Plays the film in real time, until nobody holds it any more.
fn play(film: &Weak<Film>) {
    let clock = gst::SystemClock::obtain();
    let begin = clock.time();
    let (mut frames, mut packets) = (0, 0);
    while let Some(film) = film.upgrade() {
        let video_at = (gst::ClockTime::SECOND * frames) / u64::from(film.rate);
        let audio_at = Film::AUDIO_UNIT * packets;
        let at = begin + video_at.min(audio_at);
        let audience = film.audience();
        if let Some(wait) = at.checked_sub(clock.time()) {
            drop(film);
            thread::sleep(wait.into());
            continue;
        }
        if video_at <= audio_at {
            audience.iter().for_each(|reel| film.show(reel, at));
            frames += 1;
        } else {
            let unit = &film.audio[packets as usize % film.audio.len()];
            for reel in &audience {
                reel.audio.push_at(unit, reel.timeline.running_time(at));
            }
            packets += 1;
        }
    }
}
