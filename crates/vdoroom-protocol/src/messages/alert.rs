// SPDX-License-Identifier: MPL-2.0
//! Complaints of a server, and their consequences (protocol 1.3).

use crate::json::{self, Fields, text};

/// Longest complaint that is passed on, in characters.
const MAX_TEXT: usize = 300;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertKind {
    /// Trying again would not help.
    Terminal,
    /// It wants to be left alone for a while.
    Busy,
    /// Our own name in the relay dialect is taken.
    NameTaken,
    /// It speaks the relay dialect.
    NeedsFrom,
    /// Something that people should know.
    Note,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    pub kind: AlertKind,
    pub text: String,
}

/// Reads an alert, an error or a warning. Servers have no codes for most of them: what they mean
/// is told by their words.
pub fn read(fields: &Fields) -> Alert {
    let said = ["message", "alert", "error", "code"];
    let said = said.iter().filter_map(|field| text(fields, field));
    let said = said.collect::<Vec<_>>().join(" ");
    let text: String = said
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_TEXT)
        .collect();
    let kind = match json::text(fields, "request") {
        Some("warn") => AlertKind::Note,
        _ => classify(&text.to_lowercase()),
    };
    Alert { kind, text }
}

fn classify(text: &str) -> AlertKind {
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&["uuid already in use"]) {
        AlertKind::NameTaken
    } else if says(&["missing from field"]) {
        AlertKind::NeedsFrom
    } else if says(&[
        "busy",
        "unavailable",
        "try again shortly",
        "capacity",
        "room is full",
    ]) {
        AlertKind::Busy
    } else if says(&[
        "in use",
        "in_use",
        "already claimed",
        "duplicate",
        "conflict",
    ]) || says(&["not approved", "rejected"])
    {
        AlertKind::Terminal
    } else {
        AlertKind::Note
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn kind(message: &Value) -> AlertKind {
        read(message.as_object().unwrap()).kind
    }

    #[test]
    fn alerts_end_pause_or_inform() {
        for (said, expected) in [
            (
                "Room is already claimed by someone else.",
                AlertKind::Terminal,
            ),
            ("client not approved", AlertKind::Terminal),
            ("Room is full", AlertKind::Busy),
            ("server busy, try again shortly", AlertKind::Busy),
            ("uuid already in use", AlertKind::NameTaken),
            ("missing from field", AlertKind::NeedsFrom),
            ("hello", AlertKind::Note),
        ] {
            assert_eq!(
                kind(&json!({"request": "alert", "message": said})),
                expected
            );
            assert_eq!(kind(&json!({ "alert": said })), expected);
            assert_eq!(kind(&json!({ "error": said })), expected);
        }
        let code = json!({"request": "error", "message": "no", "code": "STREAMID_IN_USE"});
        assert_eq!(kind(&code), AlertKind::Terminal);
    }

    #[test]
    fn a_warning_ends_nothing() {
        let warning = json!({"request": "warn", "message": "not approved"});
        assert_eq!(kind(&warning), AlertKind::Note);
    }
}
