// SPDX-License-Identifier: MPL-2.0
//! What the user wants.

use std::fmt;
use std::time::Duration;

use super::shard::Shard;

/// How the room server speaks (protocol section 1.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Dialect {
    /// Found out from what the server says.
    #[default]
    Auto,
    /// The server tracks rooms and members.
    Hosted,
    /// The server only passes messages on.
    Relay,
}

/// What the user said about the password (protocol section 2.3).
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Password {
    /// The protocol's well-known default password.
    #[default]
    Default,
    /// No password and no encryption.
    Off,
    /// One of the user's own, as they typed it.
    Own(String),
}

impl Password {
    /// What people mean by what they type: nothing is the default password, and `false`, `0` and
    /// `off` switch encryption off.
    pub fn typed(text: Option<&str>) -> Self {
        match text.map(str::trim) {
            None | Some("") => Self::Default,
            Some("false" | "0" | "off") => Self::Off,
            Some(own) => Self::Own(own.to_owned()),
        }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "Default",
            Self::Off => "Off",
            Self::Own(_) => "Own(…)",
        })
    }
}

/// What we ask each publisher to send (protocol section 5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaRequest {
    pub audio: bool,
    pub video: bool,
    pub screen: bool,
    /// Shown to the people in the room.
    pub label: String,
    /// Name and version of the program that receives.
    pub program: String,
}

/// What publishers are asked to encode with, in kbit/s (protocol section 5.4); 0 leaves it to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bitrates {
    pub video: u32,
    pub audio: u32,
}

/// Of which media of a connection nothing is wanted for now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unwanted {
    pub video: bool,
    /// The video of a shared screen.
    pub screen: bool,
    pub audio: bool,
}

/// What is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString)]
#[strum(serialize_all = "lowercase")]
pub enum Kind {
    Video,
    Audio,
}

/// What connections can do, which differs between versions of what makes them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Abilities {
    /// They follow an offer in which a medium begins or stops to be sent in its m-line.
    pub direction_changes: bool,
    /// They follow an offer that restarts ICE (RFC 8839 section 4.4.1.1).
    pub ice_restarts: bool,
}

/// Which streams are wanted; `*` and `?` are wildcards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Empty: all.
    pub include: Vec<String>,
    pub exclude: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct RoomConfig {
    /// As people type it. Without one, [`Filter::include`] names the streams that are played
    /// directly.
    pub room: Option<String>,
    pub password: Password,
    pub salt: String,
    /// What stands as `token` in the address of the guests' page.
    pub token: Option<String>,
    pub dialect: Dialect,
    /// With a password of one's own: take offers and candidates in clear.
    pub accept_unencrypted: bool,
    pub filter: Filter,
    /// Of the streams that pass the filter, those of this shard are played.
    pub shard: Shard,
    /// How many streams are played at once; 0 is no limit.
    pub max_streams: usize,
    pub media: MediaRequest,
    pub bitrates: Bitrates,
    /// How long a session may go without media before it is ended and asked for again.
    pub stream_timeout: Duration,
    /// Seeds everything that is left to chance.
    pub seed: [u8; 32],
}
