// SPDX-License-Identifier: MPL-2.0
//! The bitrates that publishers are asked for (protocol 5.4).
//!
//! Always above 0: 0 would stop the media, and a negative value goes into the encoder of some
//! publishers as it is. No resolution is requested either: a request can only
//! lower it.

use std::time::Duration;

use crate::api::{Bitrates, Kind, SessionId, StreamId};
use crate::json::fields;
use crate::state::{Media, Room};

/// How long a publisher may take to begin to send what was added: before, it has no sender that a
/// bitrate could be set on.
const BEGINS: Duration = Duration::from_secs(1);

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
        if !session.has_channel() || session.media == Media::None {
            return;
        }
        let screen = session.has_screen;
        let mut wish = fields([]);
        if video > 0 {
            // A limit that the publisher set for itself is moved by the second only.
            wish.insert("bitrate".to_owned(), video.into());
            wish.insert("targetBitrate".to_owned(), video.into());
        }
        if audio > 0 {
            wish.insert("audioBitrate".to_owned(), audio.into());
        }
        if !wish.is_empty() {
            self.send_channel(id, wish);
        }
        if screen && video > 0 {
            let wish = fields([("bitrate", video.into()), ("altUUID", true.into())]);
            self.send_channel(id, wish);
        }
    }

    /// Media was added to a connection that has some.
    pub(super) fn ask_for_bitrates_soon(&mut self, id: SessionId) {
        let now = self.now;
        if let Some(session) = self.sessions.get_mut(&id)
            && session.media != Media::None
        {
            session.bitrates_at = Some(now + BEGINS);
        }
    }
}
