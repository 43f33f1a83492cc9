// SPDX-License-Identifier: MPL-2.0
//! Where a publisher says that its media is, instead of on the connection to us (protocol 5.8).

use serde_json::Value;

use crate::json::{Fields, text};
use crate::limits::MAX_HOST;

/// Media that has to be fetched from another server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// How it is fetched.
    pub by: &'static str,
    /// The server, if its address can be read. The rest of the address and the token beside it
    /// are secrets: neither is kept.
    pub host: Option<String>,
}

/// What these news say of where the media is.
pub fn read(news: &Fields) -> Option<Elsewhere> {
    let fields = [("whepSettings", "WHEP"), ("meshcast", "Meshcast")];
    let (by, said) = fields.into_iter().find_map(|(field, by)| {
        let said = news.get(field).and_then(Value::as_object)?;
        Some((by, said))
    })?;
    let by = match text(said, "type") {
        Some("meshcast") => "Meshcast",
        _ => by,
    };
    Some(Elsewhere {
        by,
        host: text(said, "url").and_then(host),
    })
}

/// The host of a URL, with its port.
fn host(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let (_, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
    let is_host = !host.is_empty() && host.len() <= MAX_HOST && host.chars().all(is_plain);
    is_host.then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(news: &Value) -> Option<(&'static str, Option<String>)> {
        read(news.as_object().unwrap()).map(|elsewhere| (elsewhere.by, elsewhere.host))
    }

    #[test]
    fn of_an_address_only_the_host_is_kept() {
        for (url, host) in [
            ("https://whep.example.org/k3y/whep?t=1", "whep.example.org"),
            ("http://me:s3cret@[::1]:8889#k3y", "[::1]:8889"),
            ("https://cae1.meshcast.io", "cae1.meshcast.io"),
        ] {
            let said = json!({"whepSettings": {"type": "whep", "url": url, "token": "k3y"}});
            assert_eq!(told(&said), Some(("WHEP", Some(host.to_owned()))));
        }
        let long = format!("https://{}", "x".repeat(MAX_HOST + 1));
        for url in [
            "",
            "nowhere",
            "https:///k3y",
            "https://a b",
            "https://a\nb/",
            long.as_str(),
        ] {
            let said = json!({"whepSettings": {"url": url}});
            assert_eq!(told(&said), Some(("WHEP", None)), "{url}");
        }
    }

    #[test]
    fn meshcast_is_said_in_two_ways() {
        for said in [
            json!({"meshcast": {"url": "https://m.example.org"}}),
            json!({"whepSettings": {"type": "meshcast", "url": "https://m.example.org"}}),
        ] {
            let host = Some("m.example.org".to_owned());
            assert_eq!(told(&said), Some(("Meshcast", host)));
        }
    }

    #[test]
    fn what_is_no_place_says_nothing() {
        for said in [
            json!({}),
            json!({"whepSettings": false, "meshcast": null}),
            json!({"whepSettings": "https://m.example.org"}),
            json!({"chat": "whepSettings"}),
        ] {
            assert_eq!(told(&said), None, "{said}");
        }
    }
}
