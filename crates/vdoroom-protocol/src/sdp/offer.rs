// SPDX-License-Identifier: MPL-2.0
//! What the room reads of an offer: whether it is safe to apply, its m-lines, and how it differs
//! from the previous one.

use super::local::without_local_names;
use crate::api::Fingerprints;
use crate::limits::{MAX_FINGERPRINTS, MAX_ICE_CREDENTIAL, MAX_M_LINES, MAX_SDP};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    #[error("is longer than {MAX_SDP} bytes")]
    TooLong,
    #[error("has more than {MAX_M_LINES} m-lines")]
    TooManyLines,
    #[error("has more than {MAX_FINGERPRINTS} fingerprints in one m-line")]
    TooManyFingerprints,
    #[error("has a={0} twice in one m-line")]
    Repeated(&'static str),
    #[error("has no m-line")]
    Empty,
    #[error("is no session description")]
    NotSdp,
    #[error("lacks a={0}, without which no connection can be made")]
    Lacks(&'static str),
    #[error("has two m-lines with the same a=mid")]
    RepeatedMid,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) kind: String,
    pub(super) mid: String,
    /// Refused or recycled: port 0 without `a=bundle-only` (RFC 9143 section 6).
    pub(super) dead: bool,
    pub(super) sends: bool,
    pub(super) credentials: (String, String),
    fingerprints: Vec<String>,
    /// What it does not have although a connection needs it: a refused one may say nothing but
    /// that it is refused (RFC 8829 section 5.2.2).
    lacks: Option<&'static str>,
}

/// The offer of a publisher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// As it is to be applied.
    pub sdp: String,
    pub(super) lines: Vec<Line>,
}

/// What is said at session level, or of one m-line.
#[derive(Clone, Default)]
struct Block {
    media: Option<(String, String)>,
    mid: Option<String>,
    ufrag: Option<String>,
    pwd: Option<String>,
    setup: bool,
    bundle_only: bool,
    direction: Option<bool>,
    fingerprints: Vec<String>,
    /// Of [`SINGLE`].
    seen: Vec<&'static str>,
}

impl Offer {
    /// Takes only what webrtcbin can be given without harm.
    pub fn parse(sdp: &str) -> Result<Self, OfferError> {
        if sdp.len() > MAX_SDP {
            return Err(OfferError::TooLong);
        }
        if !sdp.starts_with("v=0") || sdp.contains('\0') {
            return Err(OfferError::NotSdp);
        }
        let mut blocks = blocks(sdp)?.into_iter();
        let mut common = blocks.next().unwrap_or_default();
        let lines = blocks
            .map(|block| line(&mut common, block))
            .collect::<Result<Vec<_>, _>>()?;
        if lines.is_empty() {
            return Err(OfferError::Empty);
        }
        let repeated = |(index, line): (usize, &Line)| {
            !line.dead && lines[..index].iter().any(|before| before.mid == line.mid)
        };
        if lines.iter().enumerate().any(repeated) {
            return Err(OfferError::RepeatedMid);
        }
        Ok(Self {
            sdp: without_local_names(sdp),
            lines,
        })
    }

    /// The m-line that a candidate belongs to; what is not said is said by the first one, since
    /// all share one transport.
    pub fn line_of(&self, mid: Option<&str>, index: Option<u64>) -> Option<u32> {
        let by_mid = mid.and_then(|mid| self.lines.iter().position(|line| line.mid == mid));
        let index = match (by_mid, index) {
            (Some(position), _) => position,
            (None, Some(index)) => usize::try_from(index).ok()?,
            (None, None) => 0,
        };
        (index < self.lines.len()).then(|| u32::try_from(index).ok())?
    }

    /// What a refused m-line lacks that webrtcbin wants of each, so that this can be no first offer.
    pub fn lacks(&self) -> Option<OfferError> {
        let lacking = self.lines.iter().find_map(|line| line.lacks);
        lacking.map(OfferError::Lacks)
    }

    pub fn has_channel(&self) -> bool {
        let mut live = self.lines.iter().filter(|line| !line.dead);
        live.any(|line| line.kind == "application")
    }

    /// Whether it sends any media.
    pub fn sends(&self) -> bool {
        let mut media = self.lines.iter().filter(|line| line.kind != "application");
        media.any(|line| !line.dead && line.sends)
    }

    /// `a=mid` of an m-line.
    pub fn mid(&self, index: u32) -> Option<&str> {
        let line = self.lines.get(usize::try_from(index).ok()?)?;
        Some(&line.mid)
    }

    /// The mids of the m-lines at these indices into the RTP m-lines (protocol 5.6, shape 3).
    pub fn screen_mids(&self, screen: &[usize]) -> Vec<String> {
        let rtp = self.lines.iter().filter(|line| line.kind != "application");
        let named = rtp.enumerate().filter(|(index, _)| screen.contains(index));
        named.map(|(_, line)| line.mid.clone()).collect()
    }

    /// What all m-lines say of the certificate: they share one transport.
    pub fn fingerprints(&self) -> Fingerprints {
        let live = self.lines.iter().filter(|line| !line.dead);
        Fingerprints::new(live.flat_map(|line| line.fingerprints.clone()))
    }

    /// Whether both come with the same certificate.
    pub fn same_certificate(&self, other: &Self) -> bool {
        let first = |offer: &Self| {
            let mut live = offer.lines.iter().filter(|line| !line.dead);
            live.next().map(|line| line.fingerprints.clone())
        };
        first(self) == first(other)
    }
}

/// The session level and each m-line.
fn blocks(sdp: &str) -> Result<Vec<Block>, OfferError> {
    let mut all = Vec::new();
    let mut block = Block::default();
    for line in sdp.lines().filter(|line| !line.is_empty()) {
        // What is no line of SDP could be one for GStreamer.
        let Some((kind, value)) = line.split_once('=').filter(|(kind, _)| kind.len() == 1) else {
            return Err(OfferError::NotSdp);
        };
        if value.contains(char::is_control) {
            return Err(OfferError::NotSdp);
        }
        match kind {
            "m" => {
                if all.len() == MAX_M_LINES {
                    return Err(OfferError::TooManyLines);
                }
                all.push(std::mem::take(&mut block));
                let mut words = value.split_ascii_whitespace().map(str::to_owned);
                block.media = words.next().zip(words.next());
                if block.media.is_none() {
                    return Err(OfferError::NotSdp);
                }
            }
            "a" => attribute(&mut block, value)?,
            _ => {}
        }
    }
    all.push(block);
    Ok(all)
}

/// Attributes that an m-line has once. webrtcbin looks for some of them in one way, and for others
/// in another; 1.22 ends the process when it finds credentials twice.
const SINGLE: [&str; 7] = [
    "mid",
    "ice-ufrag",
    "ice-pwd",
    "setup",
    "sctp-port",
    "sctpmap",
    "max-message-size",
];

fn attribute(block: &mut Block, attribute: &str) -> Result<(), OfferError> {
    let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
    let value = value.trim();
    if let Some(single) = SINGLE.iter().find(|single| **single == name) {
        if block.seen.contains(single) {
            return Err(OfferError::Repeated(single));
        }
        block.seen.push(single);
    }
    let filled = || (!value.is_empty()).then(|| value.to_owned());
    let credential = || filled().filter(|value| value.len() <= MAX_ICE_CREDENTIAL);
    match name {
        "mid" => block.mid = filled(),
        "ice-ufrag" => block.ufrag = credential(),
        "ice-pwd" => block.pwd = credential(),
        "setup" => block.setup = true,
        "bundle-only" => block.bundle_only = true,
        "sendrecv" | "sendonly" => block.direction = Some(true),
        "recvonly" | "inactive" => block.direction = Some(false),
        "fingerprint" if Fingerprints::counts(value) => {
            block.fingerprints.push(value.to_ascii_lowercase());
        }
        _ => {}
    }
    Ok(())
}

/// Bundled m-lines may leave to the first one what belongs to their common transport (RFC 9143
/// section 7.1.3): `common` is what the session level and the first m-line say.
fn line(common: &mut Block, mut block: Block) -> Result<Line, OfferError> {
    let lacks = OfferError::Lacks;
    let (kind, port) = block.media.take().ok_or(OfferError::NotSdp)?;
    let dead = port == "0" && !block.bundle_only;
    if dead {
        return Ok(refused(common, kind, block));
    }
    let (ufrag, pwd) = match (block.ufrag, block.pwd) {
        (None, None) => (common.ufrag.clone(), common.pwd.clone()),
        own => own,
    };
    let ufrag = ufrag.ok_or(lacks("ice-ufrag"))?;
    let pwd = pwd.ok_or(lacks("ice-pwd"))?;
    if !block.setup && !common.setup {
        return Err(lacks("setup"));
    }
    let mut fingerprints = block.fingerprints;
    if fingerprints.len().max(common.fingerprints.len()) > MAX_FINGERPRINTS {
        return Err(OfferError::TooManyFingerprints);
    }
    if fingerprints.is_empty() {
        fingerprints.clone_from(&common.fingerprints);
    }
    if fingerprints.is_empty() {
        return Err(lacks("fingerprint"));
    }
    fingerprints.sort();
    common.setup = true;
    common.ufrag.get_or_insert_with(|| ufrag.clone());
    common.pwd.get_or_insert_with(|| pwd.clone());
    if common.fingerprints.is_empty() {
        common.fingerprints.clone_from(&fingerprints);
    }
    Ok(Line {
        kind,
        mid: block.mid.ok_or(lacks("mid"))?,
        dead,
        sends: block.direction.or(common.direction).unwrap_or(true),
        credentials: (ufrag, pwd),
        fingerprints,
        lacks: None,
    })
}

/// A refused m-line says nothing for others, whatever it says.
fn refused(common: &Block, kind: String, block: Block) -> Line {
    let has = |own: &Option<String>, common: &Option<String>| own.is_some() || common.is_some();
    let print = block.fingerprints.first().or(common.fingerprints.first());
    let checks = [
        ("mid", block.mid.is_some()),
        ("ice-ufrag", has(&block.ufrag, &common.ufrag)),
        ("ice-pwd", has(&block.pwd, &common.pwd)),
        ("setup", block.setup || common.setup),
        ("fingerprint", print.is_some()),
    ];
    let lacking = checks.into_iter().find(|(_, there)| !there);
    Line {
        kind,
        mid: block.mid.unwrap_or_default(),
        dead: true,
        sends: false,
        credentials: Default::default(),
        fingerprints: Vec::new(),
        lacks: lacking.map(|(name, _)| name),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    #[test]
    fn what_webrtcbin_does_not_survive_is_no_offer() {
        let usual = SESSION.to_owned() + &line("audio 9 UDP/TLS/RTP/SAVPF 111", "0");
        assert!(Offer::parse(&usual).is_ok());
        let twice = |attribute: &str| usual.replace(attribute, &attribute.repeat(2));
        for broken in [
            twice("a=ice-ufrag:u\r\n"),
            twice("a=ice-pwd:p\r\n"),
            twice("a=mid:0\r\n"),
            usual.replace("a=ice-pwd:p\r\n", ""),
            usual.replace("a=setup", "a=m=setup\r\nsetup"),
            usual.replace("a=setup", "a=x\u{7}\r\na=setup"),
        ] {
            assert!(Offer::parse(&broken).is_err(), "{broken}");
        }
    }

    pub(in crate::sdp) const SESSION: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";

    pub(in crate::sdp) fn line(media: &str, mid: &str) -> String {
        format!(
            "m={media}\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\na=fingerprint:sha-256 AA:BB\r\n\
             a=setup:actpass\r\na=mid:{mid}\r\n"
        )
    }

    pub(in crate::sdp) fn offer(lines: &[String]) -> Offer {
        Offer::parse(&(SESSION.to_owned() + &lines.concat())).unwrap()
    }

    pub(in crate::sdp) fn application() -> String {
        line("application 9 UDP/DTLS/SCTP webrtc-datachannel", "0")
    }

    pub(in crate::sdp) fn video(mid: &str) -> String {
        line("video 9 UDP/TLS/RTP/SAVPF 96", mid)
    }

    #[test]
    fn an_offer_without_what_a_connection_needs_is_refused() {
        for lacking in ["mid", "ice-ufrag", "ice-pwd", "setup", "fingerprint"] {
            let sdp = SESSION.to_owned() + &application();
            let sdp = sdp.replace(&format!("a={lacking}:"), "a=other:");
            assert_eq!(Offer::parse(&sdp), Err(OfferError::Lacks(lacking)));
        }
        let weak = SESSION.to_owned() + &application().replace("sha-256", "md5");
        assert_eq!(Offer::parse(&weak), Err(OfferError::Lacks("fingerprint")));
    }

    #[test]
    fn what_is_no_offer_is_refused() {
        assert_eq!(Offer::parse(""), Err(OfferError::NotSdp));
        assert_eq!(Offer::parse(SESSION), Err(OfferError::Empty));
        let nothing = format!("{SESSION}m=\r\n");
        assert_eq!(Offer::parse(&nothing), Err(OfferError::NotSdp));
        let many = SESSION.to_owned() + &"m=video 9 x\r\n".repeat(MAX_M_LINES + 1);
        assert_eq!(Offer::parse(&many), Err(OfferError::TooManyLines));
        let long = SESSION.to_owned() + &"a=x\r\n".repeat(MAX_SDP);
        assert_eq!(Offer::parse(&long), Err(OfferError::TooLong));
        let twice = SESSION.to_owned() + &video("1") + &video("1");
        assert_eq!(Offer::parse(&twice), Err(OfferError::RepeatedMid));
    }

    #[test]
    fn the_session_level_or_the_first_m_line_may_speak_for_all() {
        let common =
            "a=ice-ufrag:u\r\na=ice-pwd:p\r\na=fingerprint:sha-256 AA\r\na=setup:actpass\r\n";
        let above = format!("{SESSION}{common}m=video 9 x\r\na=mid:0\r\n");
        assert!(Offer::parse(&above).is_ok());
        let bundled = format!(
            "{SESSION}{}m=audio 0 x\r\na=bundle-only\r\na=mid:1\r\n",
            video("0")
        );
        assert!(Offer::parse(&bundled).is_ok());
    }

    #[test]
    fn candidates_with_names_of_the_local_network_are_left_out() {
        let host = "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n";
        let local = "a=candidate:2 1 udp 1 4f2a.local 9 typ host\r\n";
        let with = |extra: &str| offer(&[video("0") + extra]).sdp;
        assert_eq!(with(&(host.to_owned() + local)), with(host));
    }

    #[test]
    fn screens_are_counted_without_the_data_channel() {
        let offer = offer(&[application(), video("screen"), video("camera")]);
        assert_eq!(offer.screen_mids(&[0]), ["screen"]);
        assert_eq!(offer.screen_mids(&[7]), [""; 0]);
    }

    #[test]
    fn a_candidate_finds_its_m_line_by_mid_or_index() {
        let offer = offer(&[application(), video("camera")]);
        assert_eq!(offer.line_of(Some("camera"), None), Some(1));
        assert_eq!(offer.line_of(Some("camera"), Some(0)), Some(1));
        assert_eq!(offer.line_of(Some("unknown"), Some(1)), Some(1));
        assert_eq!(offer.line_of(None, None), Some(0));
        assert_eq!(offer.line_of(None, Some(2)), None);
    }
}
