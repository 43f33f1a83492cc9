// SPDX-License-Identifier: MPL-2.0
//! Many people who are recorded at the same time, in virtual time and without pads: what one of them
//! costs. Only benchmarks and tests use this.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use super::all::Sessions;
use super::effects::{Context, Effect};
use crate::bitstream::Entry;
use crate::roomfilesink::files::Template;
use crate::roomfilesink::media::{Format, Frame, Kind, Track};
use crate::roomfilesink::messages::{Msg, Outbox};
use crate::roomfilesink::parts::Reason;
use crate::roomfilesink::settings::Settings;

/// What comes in it is handled together: a frame of video and two packets of audio of each.
const ROUND: Duration = Duration::from_millis(40);
const ROUNDS_PER_SECOND: u32 = 25;
/// All sessions are looked at each so many rounds.
const ROUNDS_PER_TICK: u32 = 3;
const PACKET_NS: i64 = 20_000_000;

/// The disk may be slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// VP8 of 320x436 (RFC 6386 section 9.1), and Opus.
static VIDEO: LazyLock<[u8; 2500]> = LazyLock::new(|| {
    let mut frame = [0; 2500];
    frame[..10].copy_from_slice(&[0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0]);
    frame
});
const AUDIO: [u8; 120] = [0xfc; 120];

/// One pad of one person.
struct Source {
    track: Arc<Track>,
    format: Arc<Format>,
    undecodable: Arc<AtomicBool>,
}

pub struct Crowd {
    sessions: Sessions,
    settings: Settings,
    template: Template,
    counts: HashMap<(String, String), u32>,
    is_short: bool,
    outbox: Outbox,
    inbox: Receiver<Msg>,
    sources: Vec<Source>,
    now: Instant,
    rounds: u32,
    opened: usize,
    closed: usize,
    failure: Option<String>,
}

impl Crowd {
    /// So many people, whose files are open.
    pub fn gather(people: usize, folder: &Path) -> Result<Self, String> {
        let settings = Settings {
            location: format!("{}/%s.%e", folder.display()),
            min_free_space: 0,
            ..Settings::default()
        };
        let (outbox, inbox) = Outbox::new();
        let mut crowd = Self {
            sessions: Sessions::default(),
            template: Template::parse(&settings.location).map_err(|e| e.to_string())?,
            settings,
            counts: HashMap::new(),
            is_short: false,
            outbox,
            inbox,
            sources: Vec::new(),
            now: Instant::now(),
            rounds: 0,
            opened: 0,
            closed: 0,
            failure: None,
        };
        for person in 0..people {
            crowd.join(person)?;
        }
        crowd.round();
        crowd.wait(|crowd| crowd.opened == people)?;
        Ok(crowd)
    }

    /// A second of all.
    pub fn second(&mut self) {
        // No closures: callgrind takes each for another function of this name.
        for _ in 0..ROUNDS_PER_SECOND {
            self.round();
        }
    }

    /// Closes the files.
    pub fn end(mut self) -> Result<(), String> {
        let now = self.now;
        self.act(|sessions, ctx| sessions.end_all(Reason::Eos, now, ctx));
        let people = self.opened;
        self.wait(|crowd| crowd.closed == people)
    }

    fn join(&mut self, person: usize) -> Result<(), String> {
        let group = Some(gst::GroupId::next());
        for (kind, caps) in [(Kind::Video, "video/x-vp8"), (Kind::Audio, "audio/x-opus")] {
            let pad = gst::Pad::new(gst::PadDirection::Sink);
            let track = Arc::new(Track::new(kind, &pad, None));
            track.live.store(true, Ordering::Release);
            let format = Format::from_caps(&gst::Caps::new_empty_simple(caps));
            let format = format.ok_or("no format")?;
            self.handle(Msg::StreamStart {
                track: track.clone(),
                stream_id: format!("r/person{person}/1/{}", <&str>::from(kind)),
                group,
            });
            self.sources.push(Source {
                track,
                format: Arc::new(format),
                undecodable: Arc::default(),
            });
        }
        Ok(())
    }

    fn round(&mut self) {
        self.now += ROUND;
        let packet = i64::from(self.rounds) * 2;
        let is_keyframe = self.rounds.is_multiple_of(ROUNDS_PER_SECOND);
        for index in 0..self.sources.len() {
            let kind = self.sources[index].track.kind;
            match kind {
                Kind::Video => self.push(index, VIDEO.as_slice(), packet, is_keyframe),
                Kind::Audio => {
                    self.push(index, &AUDIO, packet, true);
                    self.push(index, &AUDIO, packet + 1, true);
                }
            }
        }
        let now = self.now;
        self.act(|sessions, ctx| sessions.pump_fed(now, ctx));
        self.rounds += 1;
        if self.rounds.is_multiple_of(ROUNDS_PER_TICK) {
            self.act(|sessions, ctx| sessions.pump(now, ctx));
        }
        while let Ok(msg) = self.inbox.try_recv() {
            self.handle(msg);
        }
    }

    fn push(&mut self, source: usize, data: &'static [u8], packet: i64, is_keyframe: bool) {
        let source = &self.sources[source];
        let mut buffer = gst::Buffer::from_slice(data);
        let mut entry = Entry::Clean;
        if !is_keyframe {
            buffer.make_mut().set_flags(gst::BufferFlags::DELTA_UNIT);
            entry = Entry::No;
        }
        let frame = Frame {
            buffer,
            format: source.format.clone(),
            pts: packet * PACKET_NS,
            dts: None,
            entry,
            undecodable: source.undecodable.clone(),
            arrived: self.now,
        };
        source.track.take_credit(data.len());
        let msg = Msg::Frame(source.track.clone(), frame);
        self.handle(msg);
    }

    fn handle(&mut self, msg: Msg) {
        let now = self.now;
        self.act(|sessions, ctx| sessions.handle(msg, now, ctx));
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
            pads_named: &|_| Vec::new(),
        };
        act(&mut self.sessions, &mut ctx);
        for effect in ctx.effects {
            match effect {
                Effect::Opened(_) => self.opened += 1,
                Effect::Closed(_) => self.closed += 1,
                Effect::Failed { part, .. } => self.failure = part.error,
                Effect::AskKeyframe(_) | Effect::Warn(_) | Effect::NoSpace(_) => {}
            }
        }
    }

    /// Handles what files say, until this holds.
    fn wait(&mut self, holds: impl Fn(&Self) -> bool) -> Result<(), String> {
        while !holds(self) {
            if let Some(error) = self.failure.take() {
                return Err(error);
            }
            let msg = self.inbox.recv_timeout(PATIENCE);
            self.handle(msg.map_err(|_| "no file has moved")?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_gets_a_file() {
        gst::init().unwrap();
        let process = std::process::id();
        let folder = std::env::temp_dir().join(format!("roomfile-{process}-crowd"));
        let mut crowd = Crowd::gather(3, &folder).unwrap();
        crowd.second();
        crowd.end().unwrap();
        for person in 0..3 {
            let file = std::fs::metadata(folder.join(format!("person{person}.mkv"))).unwrap();
            // 26 frames and twice as many packets.
            let expected = 26 * 2500 + 52 * 120;
            assert!((expected..expected + 5000).contains(&file.len()));
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}
