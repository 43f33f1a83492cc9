// SPDX-License-Identifier: MPL-2.0
//! What a publisher offers.

use sdp_types::Session;

use super::attributes::{flag, value, values};
use super::extensions;
use super::line::{Carries, Line};
use crate::crypto::{Fingerprint, read_all};
use crate::event::OfferError;

/// A browser with a dozen tracks offers 100 KB.
const MAX_LENGTH: usize = 1 << 20;
const MAX_LINES: usize = 64;

/// RFC 8839 section 5.4: longer ones are none.
const MAX_CREDENTIAL: usize = 256;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    pub user: String,
    pub password: String,
    pub is_lite: bool,
    pub fingerprints: Vec<Fingerprint>,
    /// One of them, as the offer spells it.
    pub fingerprint: String,
    pub setup: Setup,
    pub lines: Vec<Line>,
    /// Values of `a=candidate`.
    pub candidates: Vec<String>,
    pub is_libwebrtc: bool,
}

/// Who begins the DTLS handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setup {
    /// We decide.
    ActPass,
    Active,
    Passive,
}

impl Setup {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::ActPass => "actpass",
            Self::Active => "active",
            Self::Passive => "passive",
        }
    }

    /// What we answer. Where we may choose, the publisher begins, so that we choose the profile of
    /// SRTP.
    pub(crate) fn answer(self) -> Self {
        match self {
            Self::ActPass | Self::Active => Self::Passive,
            Self::Passive => Self::Active,
        }
    }
}

impl Offer {
    pub(crate) fn read(text: &str) -> Result<Self, OfferError> {
        if text.len() > MAX_LENGTH {
            return Err(OfferError::Unreadable("it is too long".into()));
        }
        let session = Session::parse(text.as_bytes())
            .map_err(|error| OfferError::Unreadable(error.to_string()))?;
        let of = &session.attributes;
        let groups = values(of, "group").filter_map(|group| group.strip_prefix("BUNDLE"));
        let bundled: Vec<&str> = groups.flat_map(str::split_ascii_whitespace).collect();
        let medias = session.medias.iter().take(MAX_LINES);
        let mut first = true;
        let lines: Vec<Line> = medias
            .map(|media| {
                let line = Line::read(media, |mid| match bundled.is_empty() {
                    // Everything is on one transport here: without a group that is the first line.
                    true => first,
                    false => bundled.contains(&mid),
                });
                first &= line.carries == Carries::Nothing;
                line
            })
            .collect();
        if session.medias.len() > MAX_LINES || lines.is_empty() {
            return Err(OfferError::Refused(format!(
                "{} m-lines",
                session.medias.len()
            )));
        }
        // RFC 8859: what is the same for all of a group may stand in one of its m-lines only.
        let everywhere = || {
            let of_lines = session.medias.iter().take(MAX_LINES);
            let of_lines = of_lines.map(|media| media.attributes.as_slice());
            of_lines.chain([of.as_slice()])
        };
        let find = |key: &'static str| everywhere().find_map(|of| value(of, key));
        let credential = |key| {
            let credential = find(key).map(str::trim);
            credential.filter(|text| {
                let is_ice = |c: char| c.is_ascii_alphanumeric() || "+/-_=".contains(c);
                !text.is_empty() && text.len() <= MAX_CREDENTIAL && text.chars().all(is_ice)
            })
        };
        let user = credential("ice-ufrag").ok_or(OfferError::Lacks("ice-ufrag"))?;
        let password = credential("ice-pwd").ok_or(OfferError::Lacks("ice-pwd"))?;
        let shown = || everywhere().flat_map(|of| values(of, "fingerprint"));
        let fingerprints = read_all(shown());
        let fingerprint = shown().find(|shown| Fingerprint::parse(shown).is_some());
        let fingerprint = fingerprint.ok_or(OfferError::Lacks("fingerprint that is of use"))?;
        Ok(Self {
            user: user.into(),
            password: password.into(),
            is_lite: flag(of, "ice-lite"),
            fingerprints,
            fingerprint: fingerprint.trim().into(),
            setup: match find("setup").map(str::trim) {
                Some("active") => Setup::Active,
                Some("passive") => Setup::Passive,
                _ => Setup::ActPass,
            },
            candidates: everywhere()
                .flat_map(|of| values(of, "candidate"))
                .map(str::to_owned)
                .collect(),
            is_libwebrtc: everywhere()
                .flat_map(|of| values(of, "extmap"))
                .any(|map| map.split_ascii_whitespace().nth(1) == Some(extensions::PLAYOUT_DELAY)),
            lines,
        })
    }

    /// The m-line of data channels.
    pub(crate) fn channels(&self) -> Option<&Line> {
        let mut lines = self.lines.iter();
        lines.find(|line| line.carries == Carries::Channels)
    }
}
