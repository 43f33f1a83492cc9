// SPDX-License-Identifier: MPL-2.0
//! What a publisher is and where it publishes, as a value.

use std::{sync::Arc, time::Duration};

use crate::{secret::Password, server::Dialect};

use super::{
    faults::Greed,
    flavour::Flavour,
    media::{AudioCodec, Beginning, Codec, Film, Kind},
    time::Times,
};

/// Where a publisher connects to, and whom it trusts for `wss`.
#[derive(Clone)]
pub struct Target {
    pub url: String,
    pub ca_pem: Option<String>,
}

/// When a viewer hears of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Among the first ones, right after the offer.
    AfterTheOffer,
    /// Once the answer has come.
    AfterTheAnswer,
    /// Over the data channel, once it is open.
    OverTheChannel,
}

/// What a publisher is and where it publishes.
#[derive(Clone)]
pub struct Settings {
    pub target: Target,
    pub room: String,
    pub stream_id: String,
    pub flavour: Flavour,
    pub codec: Codec,
    pub audio_codec: AudioCodec,
    pub password: Password,
    pub salt: String,
    pub dialect: Dialect,
    pub label: String,
    pub rate: i32,
    pub film: Option<Arc<Film>>,
    pub audio: bool,
    pub video: bool,
    pub screen: bool,
    pub split_offers: bool,
    pub ping_interval: Option<Duration>,
    pub answers_pings: bool,
    pub false_fingerprint: bool,
    pub hidden_addresses: bool,
    /// Seeds what happens to packets.
    pub mangle: Option<u64>,
    pub padding: bool,
    pub short_datagrams: bool,
    pub greed: Greed,
    pub times: Times,
    /// As webrtcbin takes them: `stun://…`, `turn://USER:PASSWORD@…`.
    pub ice_servers: Vec<String>,
    pub relay_only: bool,
    pub resends: bool,
    pub busy: bool,
    pub caches_keyframes: bool,
    pub more_candidate: Option<(Moment, String)>,
}

impl Settings {
    /// A browser with H.264 and Opus and the default password, in the hosted dialect.
    pub fn new(server: &str, room: &str, stream_id: &str) -> Self {
        Self {
            target: Target {
                url: server.into(),
                ca_pem: None,
            },
            room: room.into(),
            stream_id: stream_id.into(),
            flavour: Flavour::default(),
            codec: Codec::default(),
            audio_codec: AudioCodec::default(),
            password: Password::default(),
            salt: "vdo.ninja".into(),
            dialect: Dialect::default(),
            label: stream_id.into(),
            rate: 30,
            film: None,
            audio: true,
            video: true,
            screen: false,
            split_offers: false,
            ping_interval: None,
            answers_pings: true,
            false_fingerprint: false,
            hidden_addresses: false,
            mangle: None,
            padding: false,
            short_datagrams: false,
            greed: Greed::default(),
            times: Times::default(),
            ice_servers: vec![],
            relay_only: false,
            resends: false,
            busy: false,
            caches_keyframes: false,
            more_candidate: None,
        }
    }

    pub fn ping_interval(&self) -> Option<Duration> {
        self.ping_interval.or_else(|| self.flavour.ping_interval())
    }

    /// Of video.
    pub fn beginning(&self) -> Beginning {
        match self.flavour.begins_with_keyframe() {
            _ if self.caches_keyframes => Beginning::CachedKeyframe,
            true => Beginning::NextKeyframe,
            false => Beginning::NextUnit,
        }
    }

    pub fn tracks(&self) -> Vec<Kind> {
        let mut tracks = vec![];
        // A share that runs already comes before the camera (protocol 5.6).
        if self.screen {
            tracks.push(Kind::Screen);
        }
        if self.video {
            tracks.push(Kind::Video);
        }
        if self.audio {
            tracks.push(Kind::Audio);
        }
        if self.flavour.audio_before_video() {
            tracks.reverse();
        }
        tracks
    }
}
