// SPDX-License-Identifier: MPL-2.0
//! What a renegotiation changes.

use super::offer::{Line, Offer};
use crate::api::Abilities;

/// How an offer differs from the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Same,
    Adds,
    /// A medium begins or stops to be sent in its m-line, or ICE begins again.
    InPlace,
    /// Cannot be applied to the running connection.
    Restart {
        reason: &'static str,
    },
}

const IN_PLACE: &str = "it stops or starts a track in place";

/// Holds a renegotiation against the offer before: what the running connection cannot follow is a
/// reason to begin a new one. None follows an m-line that is taken out of its BUNDLE group; a change of
/// direction and an ICE restart they follow by their abilities.
pub fn classify(old: &Offer, new: &Offer, abilities: Abilities) -> Change {
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
    let mut turns = false;
    let is_alive = |line: &&Line| !line.dead;
    let restarts = |(old, new): (&Line, &Line)| old.credentials != new.credentials;
    let both = old.lines.iter().zip(&new.lines);
    // The lines of a group share their transport.
    let restart_all = both
        .filter(|(old, new)| is_alive(old) && is_alive(new))
        .all(restarts);
    for (old, new) in old.lines.iter().zip(&new.lines) {
        let reason = if old.dead && new.dead {
            continue;
        } else if new.dead != old.dead {
            IN_PLACE
        } else if new.kind != old.kind || new.mid != old.mid {
            "it uses an m-line for something else"
        } else if restarts((old, new)) && !(abilities.ice_restarts && restart_all) {
            "it restarts ICE"
        } else if new.sends == old.sends || abilities.direction_changes {
            turns |= restarts((old, new)) || new.sends != old.sends;
            continue;
        } else {
            IN_PLACE
        };
        return Change::Restart { reason };
    }
    if turns {
        Change::InPlace
    } else if new.lines.len() > old.lines.len() {
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

    const NONE: Abilities = Abilities {
        direction_changes: false,
        ice_restarts: false,
    };
    const ALL: Abilities = Abilities {
        direction_changes: true,
        ice_restarts: true,
    };

    #[test]
    fn an_ice_restart_is_followed_by_who_can_if_it_is_one_of_all_lines() {
        let old = offer(&[application(), video("1")]);
        let other = |line: String| line.replace("ufrag:u", "ufrag:other");
        let all = offer(&[other(application()), other(video("1"))]);
        let reason = "it restarts ICE";
        assert_eq!(classify(&old, &all, ALL), Change::InPlace);
        assert_eq!(classify(&old, &all, NONE), Change::Restart { reason });
        let one = offer(&[other(application()), video("1")]);
        assert_eq!(classify(&old, &one, ALL), Change::Restart { reason });
    }

    #[test]
    fn added_media_is_a_change_that_a_connection_can_follow() {
        let old = offer(&[application()]);
        let new = offer(&[application().replace(" 9 ", " 57131 "), video("1")]);
        let sendonly = offer(&[application(), video("1") + "a=sendonly\r\n"]);
        for abilities in [NONE, ALL] {
            assert_eq!(classify(&old, &new, abilities), Change::Adds);
            assert_eq!(classify(&new, &new, abilities), Change::Same);
            assert_eq!(classify(&new, &sendonly, abilities), Change::Same);
        }
    }

    #[test]
    fn a_medium_that_begins_or_stops_in_its_m_line_is_followed_by_who_can() {
        let of = |direction: &str| offer(&[application(), video("1") + direction]);
        let sending = ["", "a=sendrecv\r\n", "a=sendonly\r\n"].map(of);
        let silent = ["a=recvonly\r\n", "a=inactive\r\n"].map(of);
        let reason = IN_PLACE;
        for sends in &sending {
            for is_silent in &silent {
                for (old, new) in [(sends, is_silent), (is_silent, sends)] {
                    assert_eq!(classify(old, new, ALL), Change::InPlace);
                    assert_eq!(classify(old, new, NONE), Change::Restart { reason });
                }
            }
        }
        assert_eq!(classify(&silent[0], &silent[1], NONE), Change::Same);
    }

    #[test]
    fn a_change_of_direction_hides_nothing_else() {
        let old = offer(&[application(), video("1") + "a=inactive\r\n"]);
        let adds = offer(&[application(), video("1"), video("2")]);
        assert_eq!(classify(&old, &adds, ALL), Change::InPlace);
        let restarted = |line: String| line.replace("ufrag:u", "ufrag:other");
        let reason = "it restarts ICE";
        for new in [
            [application(), restarted(video("1"))],
            [restarted(application()), video("1")],
        ] {
            let change = classify(&old, &offer(&new), ALL);
            assert_eq!(change, Change::Restart { reason });
        }
    }

    #[test]
    fn a_first_m_line_that_was_stopped_and_says_nothing_else_needs_a_new_connection() {
        let old = offer(&[video("0"), application().replace("mid:0", "mid:1")]);
        // As Firefox writes it: RFC 8829 section 5.2.2 leaves all of its transport out.
        let stopped = "m=video 0 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\n";
        let new = offer(&[stopped.to_owned(), application().replace("mid:0", "mid:1")]);
        assert!(new.same_certificate(&old));
        for abilities in [NONE, ALL] {
            let change = classify(&old, &new, abilities);
            assert!(matches!(change, Change::Restart { .. }), "{change:?}");
        }
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
        let removed = video("1").replace("video 9", "video 0");
        for new in [
            changed("AA:BB", "CC:DD"),
            offer(&[application()]),
            offer(&[application(), video("2")]),
            offer(&[application(), video("1").replace("m=video", "m=audio")]),
            offer(&[application(), removed]),
        ] {
            for abilities in [NONE, ALL] {
                assert!(
                    matches!(classify(&old, &new, abilities), Change::Restart { .. }),
                    "{new:?}"
                );
            }
        }
    }
}
