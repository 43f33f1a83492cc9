// SPDX-License-Identifier: MPL-2.0
//! Each track in turn says nothing for thirty seconds, in each container, at the speed of life.

use std::path::{Path, PathBuf};
use std::process::Command;

use vdoroom_testkit::check;

use crate::media::{self, Media};
use crate::room::{Recorder, Sender, send_live_until, send_until};

const BEGIN_MS: u64 = 1_000;
const SILENCE_MS: u64 = 30_000;
const END_MS: u64 = BEGIN_MS + SILENCE_MS + 2_000;
const SCREEN_MS: u64 = 5_000;
/// What a process that is killed may lose.
const LOSS_MS: f64 = 1_000.0;

#[derive(Clone, Copy, PartialEq, Debug)]
enum Quiet {
    Video,
    Audio,
    /// No packets, and a word from the source that none come.
    Dtx,
    /// One frame in five seconds.
    Screen,
}

struct Person {
    quiet: Quiet,
    file: PathBuf,
    video: Sender,
    audio: Sender,
}

/// What one decoder sees of a file: times in milliseconds from its start.
#[derive(Debug)]
struct Seen {
    video_end: f64,
    video_gap: f64,
    audio_end: f64,
    audio_gap: f64,
}

impl Seen {
    fn by_gstreamer(file: &Path) -> Self {
        let report = check::inspect(file);
        assert!(report.errors.is_empty(), "{file:?}: {:?}", report.errors);
        let (video, audio) = (report.video.unwrap(), report.audio.unwrap());
        let ms = |t: gst::ClockTime| t.nseconds() as f64 / 1e6;
        Self {
            video_end: ms(video.last_pts),
            video_gap: ms(video.largest_gap),
            audio_end: ms(audio.end),
            audio_gap: ms(audio.largest_gap),
        }
    }

    fn by_ffmpeg(file: &Path) -> Self {
        let times = |stream: &str| {
            let output = Command::new("ffprobe")
                .args(["-v", "error", "-select_streams", stream, "-of", "csv=p=0"])
                .args(["-show_entries", "packet=pts_time"])
                .arg(file)
                .output()
                .unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            let times = text
                .lines()
                .filter_map(|l| l.trim_end_matches(',').parse::<f64>().ok());
            times.map(|t| t * 1000.0).collect::<Vec<_>>()
        };
        let (video, audio) = (times("v:0"), times("a:0"));
        // A transport stream does not begin at 0.
        let start = video[0].min(audio[0]);
        let end = |times: &[f64]| times.iter().copied().fold(0.0, f64::max) - start;
        let gap = |times: &[f64]| times.windows(2).map(|t| t[1] - t[0]).fold(0.0, f64::max);
        Self {
            video_end: end(&video),
            video_gap: gap(&video),
            audio_end: end(&audio),
            audio_gap: gap(&audio),
        }
    }

    /// Everything of the file is at its time.
    fn check(&self, person: &Person, who: &str) {
        let silence = SILENCE_MS as f64;
        let (video_gap, audio_gap) = match person.quiet {
            Quiet::Video => (silence, 20.0),
            Quiet::Audio | Quiet::Dtx => (67.0, silence),
            Quiet::Screen => (SCREEN_MS as f64, 20.0),
        };
        let end = END_MS as f64;
        let close = |what, is: f64, should: f64| {
            let off = (is - should).abs();
            assert!(
                off <= 150.0,
                "{who}, {:?} silent, {:?}: {what} {is:.0} instead of {should:.0}: {self:?}",
                person.quiet,
                person.file
            );
        };
        close(
            "the longest time without a frame",
            self.video_gap,
            video_gap,
        );
        close("the longest time without audio", self.audio_gap, audio_gap);
        close("the last frame", self.video_end, end);
        close("the end of the audio", self.audio_end, end);
    }
}

fn person(recorder: &mut Recorder, name: &str, media: &'static Media, quiet: Quiet) -> Person {
    let mut video = Sender::named(recorder, &format!("video_{name}"), media);
    let mut audio = Sender::named(recorder, &format!("audio_{name}"), media::opus());
    send_until(BEGIN_MS, &mut [&mut video, &mut audio]);
    let file = recorder.next("part-opened").file();
    if quiet == Quiet::Dtx {
        audio.gap(BEGIN_MS);
    }
    Person {
        quiet,
        file,
        video,
        audio,
    }
}

/// Those who speak go on for the whole silence.
fn be_silent(people: &mut [Person]) {
    for begin in (BEGIN_MS..BEGIN_MS + SILENCE_MS).step_by(SCREEN_MS as usize) {
        for screen in people.iter_mut().filter(|p| p.quiet == Quiet::Screen) {
            screen.video.skip_to(begin);
            send_until(begin + 20, &mut [&mut screen.video]);
        }
        let mut talking: Vec<_> = people
            .iter_mut()
            .map(|p| match p.quiet {
                Quiet::Video | Quiet::Screen => &mut p.audio,
                Quiet::Audio | Quiet::Dtx => &mut p.video,
            })
            .collect();
        send_live_until(begin + SCREEN_MS, &mut talking);
    }
}

/// What is on the disk now is what would be left of a process that was killed.
fn check_what_a_kill_leaves(person: &Person) {
    let copy = person.file.with_extension("copy");
    std::fs::copy(&person.file, &copy).unwrap();
    let report = check::inspect(&copy);
    let ms = |t: gst::ClockTime| t.nseconds() as f64 / 1e6;
    let end = match person.quiet {
        Quiet::Video | Quiet::Screen => ms(report.audio.unwrap().end),
        Quiet::Audio | Quiet::Dtx => ms(report.video.unwrap().last_pts),
    };
    let lost = (BEGIN_MS + SILENCE_MS) as f64 - end;
    eprintln!(
        "{:?} silent, {:?}: a kill loses {lost:.0} ms of the other",
        person.quiet,
        person.file.extension()
    );
    assert!(
        lost < LOSS_MS,
        "{:?}, {:?}: {lost:.0} ms are lost",
        person.quiet,
        person.file
    );
}

#[test]
fn half_a_minute_of_silence_holds_back_nobody_and_leaves_one_file() {
    let mut recorder = Recorder::new();
    let quiet = [Quiet::Video, Quiet::Audio, Quiet::Dtx, Quiet::Screen];
    let mut people = Vec::new();
    for quiet in quiet {
        people.push(person(
            &mut recorder,
            &format!("ts-{quiet:?}"),
            media::h264(),
            quiet,
        ));
        people.push(person(
            &mut recorder,
            &format!("mkv-{quiet:?}"),
            media::vp8(),
            quiet,
        ));
    }
    be_silent(&mut people);
    people.iter().for_each(check_what_a_kill_leaves);
    for person in &mut people {
        let Person { video, audio, .. } = person;
        video.skip_to(BEGIN_MS + SILENCE_MS);
        audio.skip_to(BEGIN_MS + SILENCE_MS);
        send_until(END_MS, &mut [video, audio]);
    }
    let parts = recorder.end();
    assert_eq!(parts.len(), people.len(), "one file each: {parts:#?}");
    for person in &people {
        Seen::by_gstreamer(&person.file).check(person, "GStreamer");
        Seen::by_ffmpeg(&person.file).check(person, "FFmpeg");
    }
}
