// SPDX-License-Identifier: MPL-2.0
//! Recordings over a bad wire, and what became of each frame that was sent.

use std::fmt::Display;
use std::ops::AddAssign;
use std::time::Duration;

use serde_json::Value;
use vdoroom_testkit::Publisher;
use vdoroom_testkit::check::Report;
use vdoroom_testkit::netns::{Impairment, Relay};
use vdoroom_testkit::publisher::PublisherBuilder;

use crate::recording::{Recorded, Recording};
use crate::scene::Scene;

/// Frames that arrive before the wire becomes bad, and after.
const AROUND: u64 = 30;

const PATIENCE: Duration = Duration::from_secs(60);

/// What became of the frames of one guest.
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
        let Some(counters) = &video.counters else {
            // Of most frames nobody can tell which they are.
            return Self {
                sent: video.frames_decoded,
                damaged: video.frames_decoded,
                ..Default::default()
            };
        };
        let sent = u64::from(counters.last - counters.first) + 1;
        let damaged = counters.bad + counters.smeared;
        Self {
            sent,
            whole: (sent - counters.missing).saturating_sub(damaged),
            missing: counters.missing,
            damaged,
        }
    }

    pub fn whole_percent(&self) -> f64 {
        self.whole as f64 * 100.0 / self.sent as f64
    }
}

impl AddAssign for Outcome {
    fn add_assign(&mut self, other: Self) {
        self.sent += other.sent;
        self.whole += other.whole;
        self.missing += other.missing;
        self.damaged += other.damaged;
    }
}

impl Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            sent,
            missing,
            damaged,
            ..
        } = self;
        let whole = self.whole_percent();
        write!(
            f,
            "{sent} sent, {missing} missing, {damaged} damaged, {whole:.2} % whole"
        )
    }
}

/// Who publishes, and how.
pub type Guest<'a> = (&'a str, fn(PublisherBuilder) -> PublisherBuilder);

/// Has guests recorded over a wire that is as it is told to be while `meanwhile` lasts, and has
/// only its delay before and after.
pub fn record<const N: usize>(
    guests: [Guest<'_>; N],
    wire: Impairment,
    set: impl FnOnce(&gst::Element),
    meanwhile: impl FnOnce(&[Publisher; N]),
) -> Option<([Publisher; N], Recorded)> {
    let scene = Scene::new()?;
    let calm = Impairment {
        delay: wire.delay,
        seed: wire.seed,
        ..Default::default()
    };
    let (recorder, relay) = scene.internet.host_over("recorder", calm);
    let home = scene.internet.host("guests");
    let publish =
        |(name, set): Guest<'_>| scene.publish(&home, name, |guest| set(guest.with_busy_frames()));
    let names = guests.map(|(name, _)| name);
    let publishers = guests.map(publish);
    let mut recording = scene.record(&recorder, set);
    recording.wait_for_frames(&names, AROUND);
    relay.set(wire);
    meanwhile(&publishers);
    recover(&mut recording, &relay, calm, &names);
    Some((publishers, recording.finish()))
}

fn recover(recording: &mut Recording, relay: &Relay, calm: Impairment, names: &[&str]) {
    relay.set(calm);
    let frames: Vec<u64> = names.iter().map(|name| recording.frames(name)).collect();
    for (name, frames) in names.iter().zip(frames) {
        recording.wait_for_frames(&[name], frames + AROUND);
    }
}

/// Lasts until each guest has sent so many frames.
pub fn frames<const N: usize>(count: u64) -> impl FnOnce(&[Publisher; N]) {
    move |publishers| {
        let sent = publishers.each_ref().map(Publisher::frames_sent);
        for (publisher, before) in publishers.iter().zip(sent) {
            let now = publisher.frames_sent() - before;
            let left = count.saturating_sub(now);
            publisher.wait_for_frames(left, PATIENCE).unwrap();
        }
    }
}

/// What the manifest says of the only part of a stream: seconds of video that are missing, and
/// that are corrupted.
pub fn damage(recorded: &Recorded, stream: &str) -> (f64, f64) {
    let lines = &recorded.manifest;
    let mut parts = lines.iter().filter(|line| line["event"] == "part-closed");
    let part = parts.find(|line| line["stream"] == stream).unwrap();
    let tracks = part["tracks"].as_array().unwrap();
    let video = tracks
        .iter()
        .find(|track| track["kind"] == "video")
        .unwrap();
    let ranges = video["damage"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let seconds = |what: &str| {
        let of = ranges.iter().filter(|range| range["what"] == what);
        let length = |range: &Value| Some(range["end"].as_i64()? - range["start"].as_i64()?);
        of.filter_map(length).sum::<i64>() as f64 / 1e9
    };
    (seconds("missing"), seconds("corrupted"))
}
