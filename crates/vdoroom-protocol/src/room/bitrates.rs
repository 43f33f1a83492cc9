// SPDX-License-Identifier: MPL-2.0
//! The bitrates that publishers are asked for (protocol 5.4).
//!
//! 0 stops the media that are not wanted for now; a negative value goes into the encoder of some
//! publishers as it is. No resolution is requested: a request can only lower it.

use std::time::Duration;

use crate::api::{Bitrates, Kind, SessionId, StreamId, Unwanted};
use crate::json::fields;
use crate::state::Room;

/// How long a publisher may take to begin to send what was added: before, it has no sender that a
/// bitrate could be set on.
const BEGINS: Duration = Duration::from_secs(1);

/// What media begin again with, in kbit/s, unless the user has said something: about what a web page
/// sends without a request.
const USUAL_VIDEO: u32 = 2500;
const USUAL_AUDIO: u32 = 64;

/// What a publisher is asked to send a medium with. `wish` is the user's, or 0; `stopped` is whether it was
/// told to send nothing.
fn asked(unwanted: bool, stopped: bool, wish: u32, usual: u32) -> Option<u32> {
    match (unwanted, wish) {
        (true, _) => Some(0),
        (false, 0) => stopped.then_some(usual),
        (false, wish) => Some(wish),
    }
}

impl Room {
    /// The user changed them.
    pub(super) fn bitrates_changed(&mut self, bitrates: Bitrates) {
        self.config.bitrates = bitrates;
        let sessions: Vec<SessionId> = self.sessions.keys().copied().collect();
        for session in sessions {
            self.ask_for_bitrates(session);
        }
    }

    /// The user changed those of one stream; 0 leaves it to those of all.
    pub(super) fn bitrates_of_changed(&mut self, stream: &StreamId, kind: Kind, kbits: u32) {
        let known = self.secrets.typed(&stream.0);
        let Some(known) = known.and_then(|id| self.streams.get_mut(&id)) else {
            let message = "its bitrate was not set: it is not in the room";
            return self.warn(Some(stream), message);
        };
        match kind {
            Kind::Video => known.bitrates.video = kbits,
            Kind::Audio => known.bitrates.audio = kbits,
        }
        for session in known.sessions.clone() {
            self.ask_for_bitrates(session);
        }
    }

    /// The user wants nothing of some media, or wants them again.
    pub(super) fn unwanted_changed(&mut self, id: SessionId, media: Unwanted) {
        let now = self.now;
        if let Some(session) = self.sessions.get_mut(&id) {
            session.want(now, media);
            self.ask_for_bitrates(id);
        }
    }

    /// Asks a publisher that sends.
    pub(super) fn ask_for_bitrates(&mut self, id: SessionId) {
        let Bitrates { video, audio } = self.config.bitrates;
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let own = self.streams.get(&session.stream);
        let own = own.map_or(Bitrates::default(), |stream| stream.bitrates);
        let or_of_all = |own, all| if own > 0 { own } else { all };
        let (video, audio) = (or_of_all(own.video, video), or_of_all(own.audio, audio));
        session.bitrates_at = None;
        if !session.has_channel() || session.first_media.is_none() {
            return;
        }
        let (unwanted, stopped) = (session.unwanted, session.stopped);
        let screen = asked(unwanted.screen, stopped.screen, video, USUAL_VIDEO);
        let screen = screen.filter(|_| session.has_screen);
        let video = asked(unwanted.video, stopped.video, video, USUAL_VIDEO);
        let audio = asked(unwanted.audio, stopped.audio, audio, USUAL_AUDIO);
        // Of a screen that is not shared nothing was said.
        let screen_stopped = match session.has_screen {
            true => unwanted.screen,
            false => stopped.screen,
        };
        session.stopped = Unwanted {
            screen: screen_stopped,
            ..unwanted
        };
        let mut wish = fields([]);
        if let Some(video) = video {
            wish.insert("bitrate".to_owned(), video.into());
            if video > 0 {
                // A limit that the publisher set for itself is moved by this one only.
                wish.insert("targetBitrate".to_owned(), video.into());
            }
        }
        if let Some(audio) = audio {
            wish.insert("audioBitrate".to_owned(), audio.into());
        }
        if !wish.is_empty() {
            self.send_channel(id, wish);
        }
        if let Some(screen) = screen {
            let wish = fields([("bitrate", screen.into()), ("altUUID", true.into())]);
            self.send_channel(id, wish);
        }
    }

    /// Media was added to a connection that has some.
    pub(super) fn ask_for_bitrates_soon(&mut self, id: SessionId) {
        let now = self.now;
        if let Some(session) = self.sessions.get_mut(&id)
            && session.first_media.is_some()
        {
            session.bitrates_at = Some(now + BEGINS);
        }
    }
}
