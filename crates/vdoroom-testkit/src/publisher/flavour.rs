// SPDX-License-Identifier: MPL-2.0
//! In what the four kinds of publishers differ (protocol 4.2 to 4.5 and 9.3).

use std::time::Duration;

/// The kind of publisher that is played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flavour {
    /// The web page: data channel first, media by renegotiation once the viewer asks for it.
    #[default]
    Browser,
    /// The JavaScript SDK: everything in the first offer. Cannot work in the relay dialect.
    Sdk,
    /// The command-line publisher for small boards: no session, plain text on the channel, pings.
    Raspberry,
    /// The OBS plugin: single candidates with a mid only, keyframes by its own clock.
    Obs,
}

/// How candidates are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CandidateForm {
    /// `candidates`: several per message, with mid and index.
    Bundle,
    /// `candidates`: one per message, with the index only.
    IndexOnly,
    /// `candidate`: one object, with the mid only.
    MidOnly,
}

impl Flavour {
    /// The first offer has only the data channel.
    pub fn waits_for_media_request(self) -> bool {
        self == Self::Browser
    }

    /// A new session ID, if this kind uses them.
    pub fn new_session(self) -> Option<String> {
        match self {
            Self::Browser => Some(random_text(10)),
            Self::Sdk | Self::Obs => Some(random_text(8)),
            Self::Raspberry => None,
        }
    }

    pub fn candidate_form(self) -> CandidateForm {
        match self {
            Self::Browser | Self::Sdk => CandidateForm::Bundle,
            Self::Raspberry => CandidateForm::IndexOnly,
            Self::Obs => CandidateForm::MidOnly,
        }
    }

    /// How long candidates are collected before they are sent.
    pub fn candidate_delay(self) -> Duration {
        match self {
            Self::Browser => Duration::from_millis(10),
            Self::Sdk => Duration::from_millis(70),
            Self::Raspberry | Self::Obs => Duration::ZERO,
        }
    }

    /// Descriptions and candidates are encrypted on the data channel too.
    pub fn encrypts_on_channel(self) -> bool {
        self != Self::Raspberry
    }

    /// An answer or candidate without this session is not taken. Browsers take one without any.
    pub fn wants_session(self) -> bool {
        matches!(self, Self::Sdk | Self::Obs)
    }

    /// Every viewer begins with a keyframe, because it has an encoder of its own.
    pub fn begins_with_keyframe(self) -> bool {
        matches!(self, Self::Browser | Self::Sdk)
    }

    pub fn obeys_keyframe_requests(self) -> bool {
        self != Self::Obs
    }

    /// Lost packets are repeated on a stream of their own.
    pub fn retransmits(self) -> bool {
        self != Self::Obs
    }

    /// Pings the viewer this often, and drops it after [`MISSED_PINGS`] without an answer.
    pub fn ping_interval(self) -> Option<Duration> {
        (self == Self::Raspberry).then_some(Duration::from_secs(3))
    }

    pub fn audio_before_video(self) -> bool {
        self == Self::Sdk
    }

    /// The mid on the wire of what webrtcbin calls `mid` at `index`.
    pub fn wire_mid(self, index: usize, mid: &str) -> String {
        match self {
            Self::Browser | Self::Sdk => index.to_string(),
            Self::Raspberry => mid.into(),
            Self::Obs => mid.trim_end_matches(|c: char| c.is_ascii_digit()).into(),
        }
    }
}

pub const MISSED_PINGS: u32 = 10;

fn random_text(length: usize) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789";
    let letter = || LETTERS[gst::glib::random_int_range(0, LETTERS.len() as i32) as usize];
    (0..length).map(|_| char::from(letter())).collect()
}
