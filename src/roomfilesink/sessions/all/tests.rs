// SPDX-License-Identifier: MPL-2.0
use std::collections::HashMap;

use super::*;
use crate::roomfilesink::files::Template;
use crate::roomfilesink::media::{Format, Kind};
use crate::roomfilesink::messages::Outbox;
use crate::roomfilesink::settings::Settings;

/// A recorder of VP8 in a folder of its own, and one track.
struct Scene {
    sessions: Sessions,
    settings: Settings,
    template: Template,
    counts: HashMap<(String, String), u32>,
    is_short: bool,
    outbox: Outbox,
    track: Arc<Track>,
    format: Arc<Format>,
    /// Pads of the same name that are linked, and whose stream may not have begun.
    linked: Vec<TrackId>,
    now: Instant,
    folder: std::path::PathBuf,
    _inbox: std::sync::mpsc::Receiver<Msg>,
}

impl Scene {
    fn new(name: &str) -> Self {
        gst::init().unwrap();
        let process = std::process::id();
        let folder = std::env::temp_dir().join(format!("roomfile-{process}-{name}"));
        let location = format!("{}/%s-%n.%e", folder.display());
        let pad = gst::Pad::new(gst::PadDirection::Sink);
        let caps = gst::Caps::new_empty_simple("video/x-vp8");
        let (outbox, _inbox) = Outbox::new();
        Self {
            sessions: Sessions::default(),
            settings: Settings {
                location: location.clone(),
                create_folders: true,
                ..Settings::default()
            },
            template: Template::parse(&location).unwrap(),
            counts: HashMap::new(),
            is_short: false,
            outbox,
            track: Arc::new(Track::new(Kind::Video, &pad, None)),
            format: Format::from_caps(&caps).unwrap().into(),
            linked: Vec::new(),
            now: Instant::now(),
            folder,
            _inbox,
        }
    }

    /// One with a part that has a frame.
    fn recording(name: &str) -> Self {
        let mut scene = Self::new(name);
        scene.begin("r/alice/1/video", Some(gst::GroupId::next()));
        scene.frame(0);
        scene.wait_for_a_part();
        assert_eq!(scene.parts(), [1]);
        scene
    }

    /// As long as a part waits for a second track.
    fn wait_for_a_part(&mut self) {
        self.now += std::time::Duration::from_secs(1);
        let now = self.now;
        self.act(|sessions, ctx| sessions.pump(now, ctx));
    }

    fn pump_fed(&mut self) {
        let now = self.now;
        self.act(|sessions, ctx| sessions.pump_fed(now, ctx));
    }

    fn act(&mut self, act: impl FnOnce(&mut Sessions, &mut Context<'_>)) {
        let mut ctx = Context {
            settings: &self.settings,
            outbox: &self.outbox,
            effects: Vec::new(),
            template: &self.template,
            anchor: None,
            counts: &mut self.counts,
            is_short: &mut self.is_short,
            take_anchor: &|| None,
            pads_named: &|_| self.linked.clone(),
        };
        act(&mut self.sessions, &mut ctx);
    }

    fn handle(&mut self, msg: Msg) {
        let now = self.now;
        self.act(|sessions, ctx| sessions.handle(msg, now, ctx));
    }

    fn frame(&mut self, number: i64) {
        const KEYFRAME: &[u8] = &[0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0];
        self.track.take_credit(KEYFRAME.len());
        let frame = Frame {
            buffer: gst::Buffer::from_slice(KEYFRAME),
            format: self.format.clone(),
            pts: number * 33_000_000,
            dts: None,
            entry: crate::bitstream::Entry::Clean,
            undecodable: Arc::default(),
            arrived: self.now,
        };
        self.handle(Msg::Frame(self.track.clone(), frame));
    }

    fn begin(&mut self, stream: &str, group: Option<gst::GroupId>) {
        self.handle(Msg::StreamStart {
            track: self.track.clone(),
            stream_id: stream.into(),
            group,
        });
    }

    /// Frames of each part, in the order of beginning.
    fn parts(&self) -> Vec<u64> {
        let numbers = self.sessions.numbers().into_iter();
        let parts = numbers.flat_map(|number| &self.sessions.sessions[&number].parts);
        parts.map(|part| part.record.tracks[0].frames).collect()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn frames_wait_for_the_batch_once_a_part_is_open() {
    let mut scene = Scene::recording("batch");
    scene.frame(1);
    scene.frame(2);
    assert_eq!(scene.parts(), [1]);
    scene.pump_fed();
    assert_eq!((scene.parts(), scene.track.held_bytes()), (vec![3], 0));
}

#[test]
fn a_part_begins_when_what_has_come_together_is_moved() {
    let mut scene = Scene::new("beginning");
    scene.begin("r/alice/1/video", Some(gst::GroupId::next()));
    scene.frame(0);
    scene.frame(1);
    assert!(!scene.sessions.is_beginning(), "nobody has looked yet");
    scene.pump_fed();
    assert!(scene.sessions.is_beginning(), "it waits for a second track");
    scene.wait_for_a_part();
    assert!(!scene.sessions.is_beginning());
    assert_eq!((scene.parts(), scene.track.held_bytes()), (vec![2], 0));
}

#[test]
fn a_limit_that_is_set_later_cuts_the_part_that_is_open() {
    let mut scene = Scene::recording("limit");
    scene.frame(1);
    scene.pump_fed();
    scene.settings.limits.time = 60_000_000;
    scene.sessions.set_limits(scene.settings.limits);
    // At 33 ms, 66 ms, 99 ms.
    for number in 2..4 {
        scene.frame(number);
        scene.pump_fed();
    }
    assert_eq!((scene.parts(), scene.track.held_bytes()), (vec![2, 2], 0));
}

#[test]
fn a_limit_of_bytes_counts_what_is_in_the_part() {
    let mut scene = Scene::new("bytes");
    scene.settings.limits.bytes = 1;
    scene.begin("r/alice/1/video", Some(gst::GroupId::next()));
    for number in 0..3 {
        scene.frame(number);
    }
    scene.pump_fed();
    scene.wait_for_a_part();
    assert_eq!(scene.parts(), [1, 1, 1]);
}

#[test]
fn another_codec_gets_another_part_and_other_caps_of_the_same_do_not() {
    let mut scene = Scene::new("codec");
    let pad = gst::Pad::new(gst::PadDirection::Sink);
    let format = |caps: &str| -> Arc<Format> {
        let caps: gst::Caps = caps.parse().unwrap();
        Format::from_caps(&caps).unwrap().into()
    };
    scene.track = Arc::new(Track::new(Kind::Audio, &pad, None));
    scene.format = format("audio/x-opus");
    scene.begin("r/alice/1/audio", Some(gst::GroupId::next()));
    scene.frame(0);
    scene.wait_for_a_part();
    scene.format = format("audio/x-opus,rate=48000");
    scene.frame(1);
    scene.format = format("audio/x-mulaw");
    scene.frame(2);
    scene.pump_fed();
    assert_eq!(scene.parts(), [2, 1]);
}

#[test]
fn frames_that_wait_go_to_the_session_that_their_track_leaves() {
    let mut scene = Scene::recording("moves");
    scene.frame(1);
    scene.begin("r/alice/2/video", Some(gst::GroupId::next()));
    scene.frame(2);
    scene.pump_fed();
    scene.wait_for_a_part();
    assert_eq!((scene.parts(), scene.track.held_bytes()), (vec![2, 1], 0));
}

/// Files of a source that is not live, whose video is over before its audio begins.
#[test]
fn a_track_that_ends_before_the_file_begins_shares_it_with_the_next() {
    let mut scene = Scene::new("fast");
    let pad = gst::Pad::new(gst::PadDirection::Sink);
    let track = |kind| Arc::new(Track::new(kind, &pad, Some("a".into())));
    let (video, audio) = (track(Kind::Video), track(Kind::Audio));
    scene.linked = vec![video.id, audio.id];
    scene.track = video;
    scene.begin("video", Some(gst::GroupId::next()));
    scene.frame(0);
    scene.handle(Msg::Ended(scene.track.clone(), Reason::Eos));
    scene.track = audio;
    scene.begin("audio", Some(gst::GroupId::next()));
    let tracks = |s: &Session| s.tracks.len();
    let sessions: Vec<_> = scene.sessions.sessions.values().map(tracks).collect();
    assert_eq!(sessions, [2]);
}

/// Its second stream comes in a file of its own, as ever.
#[test]
fn a_pad_that_begins_anew_leaves_the_session_that_has_ended() {
    let mut scene = Scene::new("again");
    let pad = gst::Pad::new(gst::PadDirection::Sink);
    scene.track = Arc::new(Track::new(Kind::Video, &pad, Some("a".into())));
    scene.begin("first", Some(gst::GroupId::next()));
    scene.frame(0);
    scene.handle(Msg::Ended(scene.track.clone(), Reason::Eos));
    scene.begin("second", Some(gst::GroupId::next()));
    assert_eq!(scene.sessions.sessions.len(), 2);
}

#[test]
fn a_frame_that_comes_after_its_pad_has_retired_begins_nothing() {
    gst::init().unwrap();
    let pad = gst::Pad::new(gst::PadDirection::Sink);
    let track = Arc::new(Track::new(Kind::Audio, &pad, None));
    track.retired.store(true, Ordering::Release);
    let now = Instant::now();
    let frame = Frame {
        buffer: gst::Buffer::new(),
        format: Format::from_caps(&gst::Caps::new_empty_simple("audio/x-opus"))
            .unwrap()
            .into(),
        pts: 0,
        dts: None,
        entry: crate::bitstream::Entry::Clean,
        undecodable: Arc::default(),
        arrived: now,
    };
    let (outbox, _inbox) = Outbox::new();
    let mut ctx = Context {
        settings: &Settings::default(),
        outbox: &outbox,
        effects: Vec::new(),
        template: &Template::parse("x").unwrap(),
        anchor: None,
        counts: &mut HashMap::new(),
        is_short: &mut false,
        take_anchor: &|| None,
        pads_named: &|_| Vec::new(),
    };
    let mut sessions = Sessions::default();
    sessions.handle(Msg::Frame(track, frame), now, &mut ctx);
    assert!(sessions.is_idle());
}
