// SPDX-License-Identifier: MPL-2.0
//! Reads and sets the settings by property name, for GObject.

use std::path::PathBuf;

use gst::glib;
use gst::prelude::*;
use gst_webrtc::WebRTCICETransportPolicy;

use super::ice;
use super::values::*;

/// Where a set property has to be heard while the element runs.
pub(crate) enum Changed {
    Nothing,
    Filter,
    Bitrates,
    KeyframeInterval,
}

fn texts(value: &glib::Value) -> Vec<String> {
    value
        .get::<gst::Array>()
        .map(|array| array.iter().filter_map(|item| item.get().ok()).collect())
        .unwrap_or_default()
}

fn array<'a>(items: impl IntoIterator<Item = &'a str>) -> glib::Value {
    gst::Array::new(items.into_iter().map(|item| item.to_send_value())).to_value()
}

fn hidden(secret: &Option<Secret>) -> glib::Value {
    secret.as_ref().map(|_| "***").to_value()
}

/// GObject has checked type and range before these are called.
impl Settings {
    pub(crate) fn set(&mut self, name: &str, value: &glib::Value) -> Changed {
        fn get<'a, T: glib::value::FromValue<'a>>(value: &'a glib::Value) -> Option<T>
        where
            <T as glib::value::FromValue<'a>>::Checker:
                glib::value::ValueTypeChecker<Error = glib::value::ValueTypeMismatchError>,
        {
            value.get().ok()
        }
        let text = || value.get::<Option<String>>().ok().flatten();
        let or_default = |default: &str| text().unwrap_or_else(|| default.into());
        let flag = || get::<bool>(value).unwrap_or_default();
        let number = || get::<u32>(value).unwrap_or_default();
        match name {
            "server" => self.server = or_default(DEFAULT_SERVER),
            "room" => self.room = text().filter(|room| !room.trim().is_empty()),
            "password" => self.password = text().map(Secret),
            "password-env" => self.password_env = text(),
            "salt" => self.salt = or_default(DEFAULT_SALT),
            "token" => self.token = text().filter(|token| !token.is_empty()).map(Secret),
            "dialect" => self.dialect = get(value).unwrap_or_default(),
            "accept-unencrypted" => self.accept_unencrypted = flag(),
            "streams" => {
                self.streams = texts(value);
                return Changed::Filter;
            }
            "exclude-streams" => {
                self.exclude_streams = texts(value);
                return Changed::Filter;
            }
            "max-streams" => self.max_streams = number(),
            "shard-index" => self.shard_index = number(),
            "shard-count" => self.shard_count = number(),
            "receive-audio" => self.receive_audio = flag(),
            "receive-video" => self.receive_video = flag(),
            "receive-screen" => self.receive_screen = flag(),
            "video-codecs" => self.video_codecs = texts(value),
            "audio-codecs" => self.audio_codecs = texts(value),
            "video-bitrate" => {
                self.video_bitrate = number();
                return Changed::Bitrates;
            }
            "audio-bitrate" => {
                self.audio_bitrate = number();
                return Changed::Bitrates;
            }
            "keyframe-interval" => {
                self.keyframe_interval = number();
                return Changed::KeyframeInterval;
            }
            "wait-for-keyframe" => self.wait_for_keyframe = flag(),
            "stun-server" => self.stun_server = text().filter(|server| !server.is_empty()),
            "turn-servers" => {
                self.turn_servers = texts(value).into_iter().map(Secret).collect();
            }
            "turn-user" => self.turn_user = text(),
            "turn-password" => self.turn_password = text().map(Secret),
            "ice-transport-policy" => {
                self.ice_transport_policy = value.get().unwrap_or(WebRTCICETransportPolicy::All);
            }
            "min-rtp-port" => self.min_rtp_port = number(),
            "max-rtp-port" => self.max_rtp_port = number(),
            "latency" => self.latency = number(),
            "do-retransmission" => self.do_retransmission = flag(),
            "stream-timeout" => self.stream_timeout = number(),
            "rejoin-window" => self.rejoin_window = number(),
            "cafile" => self.cafile = text().filter(|path| !path.is_empty()).map(PathBuf::from),
            "insecure-tls" => self.insecure_tls = flag(),
            "label" => self.label = or_default(DEFAULT_LABEL),
            _ => {}
        }
        Changed::Nothing
    }

    pub(crate) fn get(&self, name: &str) -> Option<glib::Value> {
        Some(match name {
            "server" => ice::without_credentials(&self.server).to_value(),
            "room" => self.room.to_value(),
            "password" => hidden(&self.password),
            "password-env" => self.password_env.to_value(),
            "salt" => self.salt.to_value(),
            "token" => hidden(&self.token),
            "dialect" => self.dialect.to_value(),
            "accept-unencrypted" => self.accept_unencrypted.to_value(),
            "streams" => array(self.streams.iter().map(String::as_str)),
            "exclude-streams" => array(self.exclude_streams.iter().map(String::as_str)),
            "max-streams" => self.max_streams.to_value(),
            "shard-index" => self.shard_index.to_value(),
            "shard-count" => self.shard_count.to_value(),
            "receive-audio" => self.receive_audio.to_value(),
            "receive-video" => self.receive_video.to_value(),
            "receive-screen" => self.receive_screen.to_value(),
            "video-codecs" => array(self.video_codecs.iter().map(String::as_str)),
            "audio-codecs" => array(self.audio_codecs.iter().map(String::as_str)),
            "video-bitrate" => self.video_bitrate.to_value(),
            "audio-bitrate" => self.audio_bitrate.to_value(),
            "keyframe-interval" => self.keyframe_interval.to_value(),
            "wait-for-keyframe" => self.wait_for_keyframe.to_value(),
            "stun-server" => self.stun_server.to_value(),
            "turn-servers" => {
                let shown: Vec<_> = self
                    .turn_servers
                    .iter()
                    .map(|server| ice::without_credentials(&server.0))
                    .collect();
                array(shown.iter().map(String::as_str))
            }
            "turn-user" => self.turn_user.to_value(),
            "turn-password" => hidden(&self.turn_password),
            "ice-transport-policy" => self.ice_transport_policy.to_value(),
            "min-rtp-port" => self.min_rtp_port.to_value(),
            "max-rtp-port" => self.max_rtp_port.to_value(),
            "latency" => self.latency.to_value(),
            "do-retransmission" => self.do_retransmission.to_value(),
            "stream-timeout" => self.stream_timeout.to_value(),
            "rejoin-window" => self.rejoin_window.to_value(),
            "cafile" => self
                .cafile
                .as_ref()
                .and_then(|path| path.to_str())
                .to_value(),
            "insecure-tls" => self.insecure_tls.to_value(),
            "label" => self.label.to_value(),
            _ => return None,
        })
    }
}
