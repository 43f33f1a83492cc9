// SPDX-License-Identifier: MPL-2.0
//! What a renegotiation changes.

use super::Offer;

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
