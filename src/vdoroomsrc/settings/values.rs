// SPDX-License-Identifier: MPL-2.0
//! What becomes of the settings: what room, servers and media they ask for, or why they cannot work.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::ice;
use super::table::Settings;
use super::types::{Dialect, Engine};
use super::wish::Wish;
use crate::protocol::{self, Bitrates, Filter, MediaRequest, Password, RoomConfig, Shard};
use crate::signalling::{Server, TlsOptions};
use crate::vdoroomsrc::media::CODECS;

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
    #[cfg(not(feature = "native"))]
    #[error("engine is native, and this plugin was built without it: leave it at webrtcbin")]
    NoNativeEngine,
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
                cafile: self.cafile.as_ref().map(PathBuf::from),
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
                program: concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")).into(),
            },
            bitrates: self.bitrates(),
            stream_timeout: Duration::from_millis(self.stream_timeout.into()),
            seed,
        })
    }

    pub(crate) fn engine(&self) -> Result<Engine, SettingsError> {
        match self.engine {
            #[cfg(not(feature = "native"))]
            Engine::Native => Err(SettingsError::NoNativeEngine),
            engine => Ok(engine),
        }
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
        // The native engine has one for all.
        (count < streams && self.engine == Engine::Webrtcbin).then(|| {
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
