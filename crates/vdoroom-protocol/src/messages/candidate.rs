// SPDX-License-Identifier: MPL-2.0
//! ICE candidates of publishers, in every form in which they come (protocol 4.2).

use serde_json::Value;

use crate::limits::{MAX_CANDIDATE, MAX_EARLY_CANDIDATES, MAX_NAME};
use crate::sdp::is_local_name;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub text: String,
    pub mid: Option<String>,
    pub index: Option<u64>,
}

/// Reads one candidate or a list of them, without those that lead nowhere.
pub fn read(value: &Value) -> Vec<Candidate> {
    match value {
        Value::Array(list) => {
            let all = list.iter().filter_map(candidate);
            all.take(MAX_EARLY_CANDIDATES).collect()
        }
        one => candidate(one).into_iter().collect(),
    }
}

fn candidate(value: &Value) -> Option<Candidate> {
    let field = |name: &str| value.get(name);
    let text = value
        .as_str()
        .or_else(|| field("candidate")?.as_str())?
        .trim();
    let text = text.strip_prefix("a=").unwrap_or(text);
    let mid = field("sdpMid")
        .or_else(|| field("mid"))
        .and_then(Value::as_str)
        .filter(|mid| mid.len() <= MAX_NAME);
    usable(text).then(|| Candidate {
        text: text.to_owned(),
        mid: mid.map(str::to_owned),
        index: field("sdpMLineIndex").and_then(Value::as_u64),
    })
}

/// Not the end of candidates, no mDNS name, and not the active end of a TCP connection, which
/// cannot be connected to (RFC 6544 section 4.5).
fn usable(text: &str) -> bool {
    text.starts_with("candidate:")
        && text.len() <= MAX_CANDIDATE
        && !text.contains(char::is_control)
        && text.split_ascii_whitespace().count() >= 8
        && !is_local_name(text)
        && !text.contains(" tcptype active")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HOST: &str = "candidate:1 1 UDP 2122252543 192.0.2.1 50000 typ host";

    fn one(mid: Option<&str>, index: Option<u64>) -> Vec<Candidate> {
        vec![Candidate {
            text: HOST.to_owned(),
            mid: mid.map(str::to_owned),
            index,
        }]
    }

    #[test]
    fn every_publisher_is_understood() {
        let browser = json!([{"candidate": HOST, "sdpMid": "0", "sdpMLineIndex": 0}]);
        assert_eq!(read(&browser), one(Some("0"), Some(0)));
        let raspberry_ninja = json!([{"candidate": HOST, "sdpMLineIndex": 0}]);
        assert_eq!(read(&raspberry_ninja), one(None, Some(0)));
        let obs = json!({"candidate": HOST, "mid": "video", "sdpMid": "video"});
        assert_eq!(read(&obs), one(Some("video"), None));
    }

    #[test]
    fn candidates_that_lead_nowhere_are_left_out() {
        for text in [
            "",
            "candidate:",
            "candidate:1 1 UDP 1 4f2a.local 9 typ host",
            "candidate:1 1 tcp 1518214911 127.0.0.1 9 typ host tcptype active",
            "candidate:1 1 UDP 1 192.0.2.1 9 typ host\r\na=ice-lite",
        ] {
            assert_eq!(read(&json!([{"candidate": text, "sdpMLineIndex": 0}])), []);
        }
        assert_eq!(read(&json!([null, 7, {}, {"candidate": null}])), []);
    }
}
