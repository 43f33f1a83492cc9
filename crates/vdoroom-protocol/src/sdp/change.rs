// SPDX-License-Identifier: MPL-2.0
//! What a renegotiation changes.

use super::offer::Offer;

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
        let reason = if old.dead && new.dead {
            continue;
        } else if new.dead != old.dead {
            "it stops or starts a track in place"
        } else if new.kind != old.kind || new.mid != old.mid {
            "it uses an m-line for something else"
        } else if new.credentials != old.credentials {
            "it restarts ICE"
        } else if new.sends != old.sends {
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

#[cfg(test)]
mod tests {
    use super::super::offer::OfferError;
    use super::super::offer::tests::{application, offer, video};
    use super::*;

    #[test]
    fn added_media_is_a_change_that_a_connection_can_follow() {
        let old = offer(&[application()]);
        let new = offer(&[application().replace(" 9 ", " 57131 "), video("1")]);
        assert_eq!(classify(&old, &new), Change::Adds);
        assert_eq!(classify(&new, &new), Change::Same);
        let sendonly = offer(&[application(), video("1") + "a=sendonly\r\n"]);
        assert_eq!(classify(&new, &sendonly), Change::Same);
    }

    #[test]
    fn a_first_m_line_that_was_stopped_and_says_nothing_else_needs_a_new_connection() {
        let old = offer(&[video("0"), application().replace("mid:0", "mid:1")]);
        // As Firefox writes it: RFC 8829 section 5.2.2 leaves all of its transport out.
        let stopped = "m=video 0 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\n";
        let new = offer(&[stopped.to_owned(), application().replace("mid:0", "mid:1")]);
        assert!(new.same_certificate(&old));
        let change = classify(&old, &new);
        assert!(matches!(change, Change::Restart { .. }), "{change:?}");
        assert_eq!(new.lacks(), Some(OfferError::Lacks("mid")));
        assert_eq!(old.lacks(), None);
    }

    #[test]
    fn what_a_connection_cannot_follow_needs_a_new_one() {
        let old = offer(&[application(), video("1")]);
        let changed = |from: &str, to: &str| {
            offer(&[
                application().replace(from, to),
                video("1").replace(from, to),
            ])
        };
        let inactive = video("1") + "a=inactive\r\n";
        let removed = video("1").replace("video 9", "video 0");
        for new in [
            changed("ufrag:u", "ufrag:other"),
            changed("AA:BB", "CC:DD"),
            offer(&[application()]),
            offer(&[application(), video("2")]),
            offer(&[application(), video("1").replace("m=video", "m=audio")]),
            offer(&[application(), inactive]),
            offer(&[application(), removed]),
        ] {
            assert!(
                matches!(classify(&old, &new), Change::Restart { .. }),
                "{new:?}"
            );
        }
    }
}
