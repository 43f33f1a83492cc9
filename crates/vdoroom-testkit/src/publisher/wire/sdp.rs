// SPDX-License-Identifier: MPL-2.0
//! Session descriptions as a publisher's kind writes them.
//!
//! webrtcbin names its media `video0`, `audio1`, `application2`. Only what goes over the wire is
//! renamed; what webrtcbin applies keeps its own names.

use crate::publisher::flavour::Flavour;

/// The offer as it is sent.
pub fn to_wire(sdp: &str, flavour: Flavour) -> String {
    let own = mids(sdp);
    let wire: Vec<String> = own
        .iter()
        .enumerate()
        .map(|(index, mid)| flavour.wire_mid(index, mid))
        .collect();
    rewrite(sdp, &wire, |line| match line.strip_prefix("a=fmtp:") {
        // webrtcbin does not know the profile before the encoder has started.
        Some(_) if line.contains("packetization-mode=1") && !line.contains("profile-level-id") => {
            format!("{line};level-asymmetry-allowed=1;profile-level-id=42e01f")
        }
        _ => line.into(),
    })
}

/// The offer with the fingerprint of a certificate that nobody has.
pub fn with_other_fingerprint(sdp: &str) -> String {
    let other = |line: &str| match line.strip_prefix("a=fingerprint:sha-256 ") {
        Some(hash) => format!(
            "a=fingerprint:sha-256 {}",
            vec!["00"; hash.split(':').count()].join(":")
        ),
        None => line.to_owned(),
    };
    sdp.lines().map(|line| other(line) + "\r\n").collect()
}

/// The offer of an ICE restart.
pub fn with_new_credentials(sdp: &str) -> String {
    let other = |line: &str| match line.split_once(':') {
        Some((key @ ("a=ice-ufrag" | "a=ice-pwd"), value)) => {
            format!("{key}:{}", value.chars().rev().collect::<String>())
        }
        _ => line.to_owned(),
    };
    sdp.lines().map(|line| other(line) + "\r\n").collect()
}

/// The same with another direction in these m-lines, counted without the data channel.
pub fn with_direction(sdp: &str, lines: &[usize], direction: &str) -> String {
    const DIRECTIONS: [&str; 4] = ["a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"];
    let mut lines_so_far = 0;
    let mut changes = false;
    let other = |line: &str| {
        if line.starts_with("m=application") {
            changes = false;
        } else if line.starts_with("m=") {
            changes = lines.contains(&lines_so_far);
            lines_so_far += 1;
        }
        match changes && DIRECTIONS.contains(&line) {
            true => format!("a={direction}\r\n"),
            false => format!("{line}\r\n"),
        }
    };
    sdp.lines().map(other).collect()
}

/// The offer without addresses.
pub fn with_hidden_addresses(sdp: &str) -> String {
    let hide = |line: &str| match line.starts_with("a=candidate:") {
        true => hidden(line),
        false => line.to_owned(),
    };
    sdp.lines().map(|line| hide(line) + "\r\n").collect()
}

/// A host candidate with a name of mDNS that nobody answers for, instead of its address.
pub fn hidden(candidate: &str) -> String {
    let mut words: Vec<&str> = candidate.split(' ').collect();
    if words.contains(&"host")
        && let Some(address) = words.get_mut(4)
    {
        *address = "5f8a7c1e-0000-4000-8000-000000000000.local";
    }
    words.join(" ")
}

/// An answer with webrtcbin's own mids, as its offer had them.
pub fn from_wire(answer: &str, offer: &str) -> String {
    rewrite(answer, &mids(offer), str::to_owned)
}

/// The mids in order of the media.
pub fn mids(sdp: &str) -> Vec<String> {
    sdp.lines()
        .filter_map(|line| line.strip_prefix("a=mid:"))
        .map(str::to_owned)
        .collect()
}

fn rewrite(sdp: &str, mids: &[String], other: impl Fn(&str) -> String) -> String {
    let old = self::mids(sdp);
    let new_name = |name: &str| {
        let index = old.iter().position(|mid| mid == name)?;
        mids.get(index).cloned()
    };
    let mut out = String::new();
    for line in sdp.lines() {
        let line = if let Some(mid) = line.strip_prefix("a=mid:") {
            format!("a=mid:{}", new_name(mid).unwrap_or_else(|| mid.into()))
        } else if let Some(group) = line.strip_prefix("a=group:BUNDLE") {
            let names = group
                .split_whitespace()
                .map(|mid| new_name(mid).unwrap_or_default());
            names.fold("a=group:BUNDLE".into(), |line, name| {
                format!("{line} {name}")
            })
        } else {
            other(line)
        };
        out.push_str(&line);
        out.push_str("\r\n");
    }
    out
}
