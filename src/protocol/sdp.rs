// SPDX-License-Identifier: MPL-2.0
//! What has to be known of an offer: whether it is safe to apply, its m-lines, and how it differs
//! from the one before.

use super::limits::{MAX_M_LINES, MAX_SDP};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    #[error("is longer than {MAX_SDP} bytes")]
    TooLong,
    #[error("has more than {MAX_M_LINES} m-lines")]
    TooManyLines,
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
struct Line {
    kind: String,
    mid: String,
    /// Refused or recycled: port 0 without `a=bundle-only` (RFC 9143 section 6).
    dead: bool,
    sends: bool,
    credentials: (String, String),
    fingerprints: Vec<String>,
}

/// The offer of a publisher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// As it is to be applied.
    pub sdp: String,
    lines: Vec<Line>,
}

/// How an offer differs from the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Same,
    Adds,
    /// Cannot be applied to the running connection.
    Restart {
        reason: &'static str,
    },
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

    /// Whether both come with the same certificate.
    pub fn same_certificate(&self, other: &Self) -> bool {
        let first = |offer: &Self| offer.lines.first().map(|line| line.fingerprints.clone());
        first(self) == first(other)
    }
}

/// Holds a renegotiation against the offer before: what the running connection cannot follow is a
/// reason to begin a new one. webrtcbin before 1.23.1 can neither change a direction nor restart
/// ICE, and ends all media when an m-line goes inactive.
pub fn classify(old: &Offer, new: &Offer) -> Change {
    if !old.same_certificate(new) {
        return Change::Restart {
            reason: "it has another certificate",
        };
    }
    if new.lines.len() < old.lines.len() {
        return Change::Restart {
            reason: "it takes m-lines away",
        };
    }
    for (old, new) in old.lines.iter().zip(&new.lines) {
        let reason = if new.kind != old.kind || new.mid != old.mid {
            "it uses an m-line for something else"
        } else if new.credentials != old.credentials {
            "it restarts ICE"
        } else if new.dead != old.dead || new.sends != old.sends {
            "it stops or starts a track in place"
        } else {
            continue;
        };
        return Change::Restart { reason };
    }
    if new.lines.len() > old.lines.len() {
        Change::Adds
    } else {
        Change::Same
    }
}

/// The session level and each m-line.
fn blocks(sdp: &str) -> Result<Vec<Block>, OfferError> {
    let mut all = Vec::new();
    let mut block = Block::default();
    for line in sdp.lines() {
        let Some((kind, value)) = line.split_once('=') else {
            continue;
        };
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
            "a" => attribute(&mut block, value),
            _ => {}
        }
    }
    all.push(block);
    Ok(all)
}

fn attribute(block: &mut Block, attribute: &str) {
    let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
    let value = value.trim();
    let filled = || (!value.is_empty()).then(|| value.to_owned());
    match name {
        "mid" => block.mid = filled(),
        "ice-ufrag" => block.ufrag = filled(),
        "ice-pwd" => block.pwd = filled(),
        "setup" => block.setup = true,
        "bundle-only" => block.bundle_only = true,
        "sendrecv" | "sendonly" => block.direction = Some(true),
        "recvonly" | "inactive" => block.direction = Some(false),
        "fingerprint" => {
            let print = value.to_ascii_lowercase();
            let known = ["sha-256 ", "sha-384 ", "sha-512 "];
            if known.iter().any(|hash| print.starts_with(hash)) {
                block.fingerprints.push(print);
            }
        }
        _ => {}
    }
}

/// Bundled m-lines may leave to the first one what belongs to their common transport (RFC 9143
/// section 7.1.3): `common` is what the session level and the first m-line say.
fn line(common: &mut Block, block: Block) -> Result<Line, OfferError> {
    let lacks = OfferError::Lacks;
    let (kind, port) = block.media.ok_or(OfferError::NotSdp)?;
    let dead = port == "0" && !block.bundle_only;
    let ufrag = block.ufrag.or_else(|| common.ufrag.clone());
    let pwd = block.pwd.or_else(|| common.pwd.clone());
    let ufrag = ufrag.ok_or(lacks("ice-ufrag"))?;
    let pwd = pwd.ok_or(lacks("ice-pwd"))?;
    if !block.setup && !common.setup {
        return Err(lacks("setup"));
    }
    let mut fingerprints = block.fingerprints;
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
    let mid = if dead {
        Some(block.mid.unwrap_or_default())
    } else {
        block.mid
    };
    Ok(Line {
        kind,
        mid: mid.ok_or(lacks("mid"))?,
        dead,
        sends: block.direction.or(common.direction).unwrap_or(true),
        credentials: (ufrag, pwd),
        fingerprints,
    })
}

/// Candidates with an mDNS name go: libnice may wait for them, and the address behind comes as a
/// peer-reflexive candidate anyway.
fn without_local_names(sdp: &str) -> String {
    let local = |line: &str| line.starts_with("a=candidate:") && is_local_name(line);
    if !sdp.lines().any(local) {
        return sdp.to_owned();
    }
    let kept = sdp.lines().filter(|line| !local(line));
    kept.flat_map(|line| [line, "\r\n"]).collect()
}

/// Whether a candidate's address (its fifth word) is an mDNS name.
pub fn is_local_name(candidate: &str) -> bool {
    let address = candidate.split_ascii_whitespace().nth(4);
    address.is_some_and(|address| address.ends_with(".local"))
}
