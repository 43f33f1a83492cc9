// SPDX-License-Identifier: MPL-2.0
//! One m-line of an offer.

use sdp_types::Media;

use super::attributes::{flag, value, values};
use super::extensions;
use super::simulcast::largest;
use crate::event::Kind;

/// Of one m-line; more are not read.
const MAX_FORMATS: usize = 64;
const MAX_SSRCS: usize = 32;
const MAX_EXTENSIONS: usize = 32;

/// Formats that protect others, which is not used here.
const PROTECTION: [&str; 4] = ["red", "ulpfec", "flexfec", "flexfec-03"];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Carries {
    Media(Kind),
    /// Data channels.
    Channels,
    /// It was stopped, or is nothing that is received.
    Nothing,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub mid: String,
    pub carries: Carries,
    /// "audio", "UDP/TLS/RTP/SAVPF", "96 97", as the answer has to repeat them.
    pub media: String,
    pub protocol: String,
    pub format_list: String,
    pub sends: bool,
    pub formats: Vec<Format>,
    /// Number and URI.
    pub extensions: Vec<(u8, String)>,
    /// The only layer of simulcast that is wanted.
    pub layer: Option<String>,
    pub ssrcs: Vec<u32>,
    /// Of the m-line, and of SSRCs.
    pub msid: Option<String>,
    pub msids: Vec<(u32, String)>,
    /// An SSRC, and the one on which its packets are repeated.
    pub repairs: Vec<(u32, u32)>,
    pub reduced_reports: bool,
    /// Of data channels.
    pub sctp_port: Option<u16>,
    pub max_message: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Format {
    pub payload_type: u8,
    pub codec: String,
    pub clock_rate: u32,
    /// The whole value of `a=rtpmap`.
    pub map: String,
    /// What is in it behind the rate.
    pub encoding_parameters: Option<String>,
    /// The parameters of `a=fmtp`.
    pub parameters: Option<String>,
    /// The payload type whose packets it repeats.
    pub repairs: Option<u8>,
    /// Of `a=rtcp-fb`.
    pub feedback: Vec<String>,
}

impl Format {
    pub(crate) fn has_feedback(&self, wanted: &str) -> bool {
        self.feedback.iter().any(|feedback| feedback == wanted)
    }
}

impl Line {
    pub(crate) fn read(media: &Media, is_bundled: impl Fn(&str) -> bool) -> Self {
        let of = &media.attributes;
        let mid = value(of, "mid").unwrap_or_default().to_owned();
        let is_open = (media.port != 0 || flag(of, "bundle-only")) && is_bundled(&mid);
        let formats = match is_open {
            true => read_formats(media),
            false => Vec::new(),
        };
        let carries = match media.media.as_str() {
            "audio" if !formats.is_empty() => Carries::Media(Kind::Audio),
            "video" if !formats.is_empty() => Carries::Media(Kind::Video),
            "application" if is_open && media.proto.contains("SCTP") => Carries::Channels,
            _ => Carries::Nothing,
        };
        let repairs = values(of, "ssrc-group").filter_map(|group| {
            let mut words = group.split_ascii_whitespace();
            let is_repair = words.next() == Some("FID");
            let mut ssrcs = words.map(str::parse);
            match (is_repair, ssrcs.next(), ssrcs.next()) {
                (true, Some(Ok(ssrc)), Some(Ok(repair))) => Some((ssrc, repair)),
                _ => None,
            }
        });
        let extensions = values(of, "extmap").filter_map(|value| {
            let mut words = value.split_ascii_whitespace();
            // "3/recvonly" has a direction.
            let id = words.next()?.split('/').next()?.parse().ok()?;
            Some((id, words.next()?.to_owned()))
        });
        let extensions: Vec<(u8, String)> = extensions.take(MAX_EXTENSIONS).collect();
        let sends = is_open && !flag(of, "recvonly") && !flag(of, "inactive");
        // A browser takes no simulcast without the header extension that tells layers apart
        // (RFC 8853 section 5.5).
        let has_layers = sends
            && carries == Carries::Media(Kind::Video)
            && extensions.iter().any(|(_, uri)| uri == extensions::RID);
        let mut ssrcs = Vec::new();
        for ssrc in values(of, "ssrc") {
            let ssrc = ssrc.split_ascii_whitespace().next();
            if let Some(Ok(ssrc)) = ssrc.map(str::parse)
                && !ssrcs.contains(&ssrc)
                && ssrcs.len() < MAX_SSRCS
            {
                ssrcs.push(ssrc);
            }
        }
        let msids = values(of, "ssrc").filter_map(|ssrc| {
            let (ssrc, text) = ssrc.split_once(' ')?;
            let msid = text.trim().strip_prefix("msid:")?;
            Some((ssrc.parse().ok()?, msid.trim().to_owned()))
        });
        Self {
            carries,
            media: media.media.clone(),
            protocol: media.proto.clone(),
            format_list: media.fmt.clone(),
            sends,
            formats,
            extensions,
            layer: has_layers.then(|| largest(of)).flatten(),
            ssrcs,
            msid: value(of, "msid").map(|msid| msid.trim().to_owned()),
            msids: msids.take(MAX_SSRCS).collect(),
            repairs: repairs.take(MAX_SSRCS).collect(),
            reduced_reports: flag(of, "rtcp-rsize"),
            sctp_port: value(of, "sctp-port").and_then(|port| port.trim().parse().ok()),
            max_message: value(of, "max-message-size").and_then(|size| size.trim().parse().ok()),
            mid,
        }
    }

    /// The number of a header extension, if the offer has it.
    pub(crate) fn extension(&self, uri: &str) -> Option<u8> {
        let found = self.extensions.iter().find(|(_, other)| other == uri);
        found.map(|(id, _)| *id)
    }

    /// Those of its header extensions that the answer has.
    pub(crate) fn accepted_extensions(&self) -> impl Iterator<Item = &(u8, String)> {
        let all = self.extensions.iter();
        all.filter(|(_, uri)| match self.carries {
            Carries::Media(kind) => extensions::is_accepted(kind, uri),
            _ => false,
        })
    }

    /// What the offer says of this SSRC, or of the whole m-line.
    pub(crate) fn msid(&self, ssrc: u32) -> Option<&str> {
        let own = self.msids.iter().find(|(of, _)| *of == ssrc);
        let own = own.map(|(_, msid)| msid.as_str());
        own.or(self.msid.as_deref())
    }

    pub(crate) fn format(&self, payload_type: u8) -> Option<&Format> {
        let mut formats = self.formats.iter();
        formats.find(|format| format.payload_type == payload_type)
    }
}

fn read_formats(media: &Media) -> Vec<Format> {
    let of = &media.attributes;
    let listed = media.fmt.split_ascii_whitespace();
    // Each of them is looked for in all attributes: none is twice, and none is one too many.
    let mut is_known = [false; 128];
    let listed = listed.filter_map(|payload| payload.parse::<u8>().ok());
    let listed = listed.filter(|payload| {
        let known = is_known.get_mut(usize::from(*payload));
        known.is_some_and(|known| !std::mem::replace(known, true))
    });
    let listed = listed.take(MAX_FORMATS);
    let about = |key: &'static str, payload_type: u8| {
        values(of, key).filter_map(move |value| {
            let (subject, value) = value.split_once(' ')?;
            let matches = subject.parse() == Ok(payload_type) || subject == "*";
            matches.then(|| value.trim())
        })
    };
    let formats = listed.filter_map(|payload_type| {
        let map = about("rtpmap", payload_type).next();
        let map = map.or_else(|| fixed(payload_type))?;
        let mut parts = map.splitn(3, '/');
        let codec = parts.next()?.to_owned();
        let clock_rate = parts.next()?.parse().ok().filter(|rate| *rate > 0)?;
        let encoding_parameters = parts.next().filter(|text| !text.is_empty());
        let parameters = about("fmtp", payload_type).next().map(str::to_owned);
        let is_repair = codec.eq_ignore_ascii_case("rtx");
        let repairs = parameters
            .as_deref()
            .filter(|_| is_repair)
            .and_then(repaired);
        let is_usable = is_repair == repairs.is_some()
            && !PROTECTION
                .iter()
                .any(|name| codec.eq_ignore_ascii_case(name));
        is_usable.then(|| Format {
            payload_type,
            codec,
            clock_rate,
            map: map.to_owned(),
            encoding_parameters: encoding_parameters.map(str::to_owned),
            parameters,
            repairs,
            feedback: about("rtcp-fb", payload_type).map(str::to_owned).collect(),
        })
    });
    let mut formats: Vec<Format> = formats.collect();
    let played: Vec<u8> = formats.iter().map(|format| format.payload_type).collect();
    formats.retain(|format| format.repairs.is_none_or(|of| played.contains(&of)));
    formats
}

fn repaired(parameters: &str) -> Option<u8> {
    let mut parameters = parameters.split(';').map(str::trim);
    parameters.find_map(|parameter| parameter.strip_prefix("apt=")?.parse().ok())
}

/// What needs no `a=rtpmap` (RFC 3551 section 6).
fn fixed(payload_type: u8) -> Option<&'static str> {
    match payload_type {
        0 => Some("PCMU/8000"),
        8 => Some("PCMA/8000"),
        9 => Some("G722/8000"),
        _ => None,
    }
}
