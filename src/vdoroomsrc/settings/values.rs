// SPDX-License-Identifier: MPL-2.0
//! The element's settings as plain data.

use std::path::PathBuf;
use std::time::Duration;

use gst::glib;
use gst_webrtc::WebRTCICETransportPolicy;
use url::Url;

use crate::vdoroomsrc::media::CODECS;
use super::ice;
use super::wish::Wish;
use crate::protocol::{self, Bitrates, Filter, MediaRequest, Password, RoomConfig, Shard};
use crate::signalling::{Server, TlsOptions};

pub(crate) const DEFAULT_SERVER: &str = "ws://127.0.0.1:8443";
pub(crate) const DEFAULT_SALT: &str = "vdo.ninja";
pub(crate) const DEFAULT_LABEL: &str = "Recorder";
pub(crate) const DEFAULT_KEYFRAME_INTERVAL: u32 = 10_000;
/// In kbit/s: more than any encoder at a publisher takes.
pub(crate) const MAX_VIDEO_BITRATE: u32 = 200_000;
/// RFC 7587 section 6.1.
pub(crate) const MAX_AUDIO_BITRATE: u32 = 510;
/// Long enough for five requests for a packet on most ways, and for a machine that is busy: a
/// recording does not mind when it comes.
pub(crate) const DEFAULT_LATENCY: u32 = 500;
pub(crate) const DEFAULT_STREAM_TIMEOUT: u32 = 15_000;
pub(crate) const LAST_PORT: u32 = 65_535;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[repr(u32)]
#[enum_type(name = "GstVdoRoomDialect")]
pub enum Dialect {
    #[default]
    #[enum_value(name = "Auto: detected from the server's messages", nick = "auto")]
    Auto = 0,
    #[enum_value(name = "Hosted: the server tracks rooms and members", nick = "hosted")]
    Hosted = 1,
    #[enum_value(name = "Relay: the server only relays messages", nick = "relay")]
    Relay = 2,
}

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub server: String,
    pub room: Option<String>,
    pub password: Option<Secret>,
    pub password_env: Option<String>,
    pub salt: String,
    pub token: Option<Secret>,
    pub dialect: Dialect,
    pub accept_unencrypted: bool,
    pub streams: Vec<String>,
    pub exclude_streams: Vec<String>,
    pub max_streams: u32,
    pub shard_index: u32,
    pub shard_count: u32,
    pub receive_audio: bool,
    pub receive_video: bool,
    pub receive_screen: bool,
    pub video_codecs: Vec<String>,
    pub audio_codecs: Vec<String>,
    pub video_bitrate: u32,
    pub audio_bitrate: u32,
    pub keyframe_interval: u32,
    pub wait_for_keyframe: bool,
    pub stun_server: Option<String>,
    pub turn_servers: Vec<Secret>,
    pub turn_user: Option<String>,
    pub turn_password: Option<Secret>,
    pub ice_transport_policy: WebRTCICETransportPolicy,
    pub min_rtp_port: u32,
    pub max_rtp_port: u32,
    pub latency: u32,
    pub do_retransmission: bool,
    pub stream_timeout: u32,
    pub rejoin_window: u32,
    pub cafile: Option<PathBuf>,
    pub insecure_tls: bool,
    pub label: String,
    /// What was set by it can be changed by properties; then it is forgotten.
    pub uri: Option<String>,
    /// The URI names one stream.
    pub one_stream: bool,
}

/// A value that no log shows.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            server: DEFAULT_SERVER.into(),
            room: None,
            password: None,
            password_env: None,
            salt: DEFAULT_SALT.into(),
            token: None,
            dialect: Dialect::Auto,
            accept_unencrypted: false,
            streams: Vec::new(),
            exclude_streams: Vec::new(),
            max_streams: 0,
            shard_index: 0,
            shard_count: 1,
            receive_audio: true,
            receive_video: true,
            receive_screen: true,
            video_codecs: Vec::new(),
            audio_codecs: Vec::new(),
            video_bitrate: 0,
            audio_bitrate: 0,
            keyframe_interval: DEFAULT_KEYFRAME_INTERVAL,
            wait_for_keyframe: true,
            stun_server: None,
            turn_servers: Vec::new(),
            turn_user: None,
            turn_password: None,
            ice_transport_policy: WebRTCICETransportPolicy::All,
            min_rtp_port: 0,
            max_rtp_port: LAST_PORT,
            latency: DEFAULT_LATENCY,
            do_retransmission: true,
            stream_timeout: DEFAULT_STREAM_TIMEOUT,
            rejoin_window: 0,
            cafile: None,
            insecure_tls: false,
            label: DEFAULT_LABEL.into(),
            uri: None,
            one_stream: false,
        }
    }
}

/// Settings that cannot work, in words for the person who set them.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    #[error(
        "\"{0}\" is not the address of a room server: {1}; set server to ws://HOST:PORT or wss://HOST:PORT"
    )]
    Server(String, String),
    #[error("neither room nor streams is set: set room=NAME")]
    NothingToReceive,
    #[error(
        "shard-index is {index} of shard-count {count}: set shard-index to less than shard-count, for it counts from 0"
    )]
    Shard { index: u32, count: u32 },
    #[error("password-env names the environment variable {0}, which is not set")]
    PasswordEnv(String),
    #[error("{property} names the codec {name}, which is not one of {}", .known.join(", "))]
    Codec {
        property: &'static str,
        name: String,
        known: Vec<&'static str>,
    },
    #[error(transparent)]
    Ice(#[from] ice::IceServerError),
}

impl Settings {
    pub(crate) fn server(&self) -> Result<Server, SettingsError> {
        let bad = |why: String| SettingsError::Server(ice::without_credentials(&self.server), why);
        let url = Url::parse(&self.server).map_err(|e| bad(e.to_string()))?;
        if !matches!(url.scheme(), "ws" | "wss") {
            return Err(bad(format!("its scheme is {}", url.scheme())));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(bad("it names no host".into()));
        }
        Ok(Server {
            url,
            tls: TlsOptions {
                cafile: self.cafile.clone(),
                insecure: self.insecure_tls,
            },
        })
    }

    pub(crate) fn room_config(&self, seed: [u8; 32]) -> Result<RoomConfig, SettingsError> {
        if self.room.is_none() && self.streams.is_empty() {
            return Err(SettingsError::NothingToReceive);
        }
        Ok(RoomConfig {
            room: self.room.clone(),
            password: self.protocol_password()?,
            salt: self.salt.clone(),
            token: self.token.as_ref().map(|token| token.0.clone()),
            dialect: match self.dialect {
                Dialect::Auto => protocol::Dialect::Auto,
                Dialect::Hosted => protocol::Dialect::Hosted,
                Dialect::Relay => protocol::Dialect::Relay,
            },
            accept_unencrypted: self.accept_unencrypted,
            filter: self.filter(),
            shard: self.shard()?,
            max_streams: self.max_streams as usize,
            media: MediaRequest {
                audio: self.receive_audio,
                video: self.receive_video,
                screen: self.receive_screen,
                label: self.label.clone(),
            },
            bitrates: self.bitrates(),
            stream_timeout: Duration::from_millis(self.stream_timeout.into()),
            seed,
        })
    }

    fn protocol_password(&self) -> Result<Password, SettingsError> {
        let typed = match (&self.password, &self.password_env) {
            (Some(password), _) => Some(password.0.clone()),
            (None, Some(name)) => {
                Some(std::env::var(name).map_err(|_| SettingsError::PasswordEnv(name.clone()))?)
            }
            (None, None) => None,
        };
        Ok(Password::typed(typed.as_deref()))
    }

    fn shard(&self) -> Result<Shard, SettingsError> {
        let (index, count) = (self.shard_index, self.shard_count);
        Shard::new(index, count).ok_or(SettingsError::Shard { index, count })
    }

    pub(crate) fn filter(&self) -> Filter {
        Filter {
            include: self.streams.clone(),
            exclude: self.exclude_streams.clone(),
        }
    }

    pub(crate) fn bitrates(&self) -> Bitrates {
        Bitrates {
            video: self.video_bitrate,
            audio: self.audio_bitrate,
        }
    }

    pub(crate) fn ice(&self) -> Result<ice::IceServers, SettingsError> {
        let user = self.turn_user.as_deref();
        let password = self.turn_password.as_ref().map(|secret| secret.0.as_str());
        Ok(ice::IceServers {
            stun: self.stun_server.as_deref().map(ice::stun).transpose()?,
            turn: self
                .turn_servers
                .iter()
                .map(|server| ice::turn(&server.0, user, password))
                .collect::<Result<_, _>>()?,
            policy: self.ice_transport_policy,
            ports: ice::PortRange::new(self.min_rtp_port, self.max_rtp_port)?,
        })
    }

    /// What is to be said of a range of ports that is too small for `max-streams`.
    pub(crate) fn too_few_ports(&self, ports: ice::PortRange) -> Option<String> {
        let (count, streams) = (ports.len(), self.max_streams);
        (count < streams).then(|| {
            format!(
                "min-rtp-port and max-rtp-port leave {count} ports ({ports}), max-streams is \
                 {streams}: each connection takes one"
            )
        })
    }

    pub(crate) fn wish(&self) -> Result<Wish, SettingsError> {
        check_codecs("video-codecs", &self.video_codecs, true)?;
        check_codecs("audio-codecs", &self.audio_codecs, false)?;
        Ok(Wish {
            audio: self.receive_audio,
            video: self.receive_video,
            screen: self.receive_screen,
            video_codecs: self.video_codecs.clone(),
            audio_codecs: self.audio_codecs.clone(),
            audio_bitrate: self.audio_bitrate,
            retransmission: self.do_retransmission,
        })
    }

    /// How long the pads of a session that has ended wait for the next one.
    pub(crate) fn rejoin_window(&self) -> Duration {
        Duration::from_millis(self.rejoin_window.into())
    }

    /// `None`: only when one is needed.
    pub(crate) fn keyframe_interval(&self) -> Option<Duration> {
        (self.keyframe_interval > 0).then(|| Duration::from_millis(self.keyframe_interval.into()))
    }
}

fn check_codecs(
    property: &'static str,
    names: &[String],
    video: bool,
) -> Result<(), SettingsError> {
    let of_kind = CODECS.iter().filter(|codec| codec.video == video);
    let known: Vec<_> = of_kind.map(|codec| codec.encoding_name).collect();
    let is_known = |name: &&String| known.iter().any(|k| k.eq_ignore_ascii_case(name));
    match names.iter().find(|name| !is_known(name)) {
        None => Ok(()),
        Some(name) => Err(SettingsError::Codec {
            property,
            name: name.clone(),
            known,
        }),
    }
}
