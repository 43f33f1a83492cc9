// SPDX-License-Identifier: MPL-2.0
//! Recordings over a bad wire, and what became of each picture that was sent.

use std::time::Duration;

use vdoroom_test_support::Publisher;
use vdoroom_test_support::check::Report;
use vdoroom_test_support::netns::Impairment;
use vdoroom_test_support::publisher::PublisherBuilder;

use crate::recording::Recorded;
use crate::scene::Scene;

/// Pictures that arrive before the wire becomes bad.
const BEFORE: u64 = 30;

/// What became of the pictures of one guest.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// From the first that is in the file to the last.
    pub sent: u64,
    /// As they were sent.
    pub whole: u64,
    pub missing: u64,
    /// In the file, and decoded to something else than what was sent.
    pub damaged: u64,
}

impl Outcome {
    pub fn of(report: &Report) -> Self {
        let video = report.video.as_ref().expect("video");
        let counters = video.counters.as_ref().expect("a picture with a counter");
        let sent = u64::from(counters.last - counters.first) + 1;
        let damaged = counters.bad + counters.smeared;
        Self {
            sent,
            whole: sent - counters.missing - damaged,
            missing: counters.missing,
            damaged,
        }
    }

    pub fn whole_percent(&self) -> f64 {
        self.whole as f64 * 100.0 / self.sent as f64
    }
}

/// Has the guests recorded for `pictures`, all but the first of them over a wire like this.
pub fn record<const N: usize>(
    guests: [(&str, fn(PublisherBuilder) -> PublisherBuilder); N],
    wire: Impairment,
    pictures: u64,
    set: impl FnOnce(&gst::Element),
) -> Option<([Publisher; N], Recorded)> {
    let scene = Scene::new()?;
    let delay = wire.delay;
    let calm = Impairment {
        delay,
        seed: wire.seed,
        ..Default::default()
    };
    let (recorder, relay) = scene.internet.host_over("recorder", calm);
    let home = scene.internet.host("guests");
    let names = guests.map(|(name, _)| name);
    let publishers = guests
        .map(|(name, set)| scene.publish(&home, name, |guest| set(guest.with_busy_pictures())));
    let mut recording = scene.record(&recorder, set);
    recording.wait_for_frames(&names, BEFORE);
    relay.set(wire);
    let patience = Duration::from_secs(60);
    // They send as many.
    publishers[0].wait_for_frames(pictures, patience).unwrap();
    relay.set(calm);
    let frames: Vec<u64> = names.iter().map(|name| recording.frames(name)).collect();
    for (name, frames) in names.iter().zip(frames) {
        recording.wait_for_frames(&[name], frames + BEFORE);
    }
    Some((publishers, recording.finish()))
}
