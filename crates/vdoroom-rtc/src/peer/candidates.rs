// SPDX-License-Identifier: MPL-2.0
//! Candidates of ICE, in the forms in which they come.

use str0m::Candidate;

/// That a publisher may tell, in all.
pub(crate) const MAX_REMOTE: usize = 100;

const MAX_LENGTH: usize = 1024;

/// From `a=candidate:…`, `candidate:…` or what is behind the colon. A name of mDNS is none: it is
/// not resolved.
pub(crate) fn read(text: &str) -> Option<Candidate> {
    let text = text.trim();
    let text = text.strip_prefix("a=").unwrap_or(text);
    let text = text.strip_prefix("candidate:").unwrap_or(text);
    if text.len() > MAX_LENGTH {
        return None;
    }
    Candidate::from_sdp_string(&format!("candidate:{text}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_read_in_every_form() {
        const PLAIN: &str = "1 1 UDP 2015363327 192.0.2.1 50000 typ host";
        for prefix in ["", "candidate:", "a=candidate:", " a=candidate:"] {
            let candidate = read(&format!("{prefix}{PLAIN}")).unwrap();
            assert_eq!(candidate.addr().to_string(), "192.0.2.1:50000");
        }
        read(
            "candidate:2 1 udp 1677729535 2001:db8::1 5000 typ srflx raddr :: rport 0 generation 0",
        )
        .unwrap();
    }

    #[test]
    fn what_cannot_be_used_is_none() {
        let long = "x".repeat(5000);
        for text in [
            "",
            "candidate:",
            "candidate:1 1 UDP 1 0a1b2c3d-0000-4000-8000-000000000000.local 50000 typ host",
            "candidate:1 1 UDP 1 192.0.2.1 70000 typ host",
            "\u{0}",
            &long,
        ] {
            assert!(read(text).is_none(), "{text:?}");
        }
    }
}
