// SPDX-License-Identifier: MPL-2.0
//! Simulcast (RFC 8853): a publisher is asked for its largest layer only.
//!
//! An answer without `a=simulcast` makes a browser send the first of its layers (W3C WebRTC 1.0,
//! section 4.4.1.5), which usually is the smallest.

use sdp_types::Attribute;

use super::attributes::{value, values};

/// Names of the largest layer, where it is not the last: `h`, `m` and `l` are high, medium and low,
/// while `q`, `h` and `f` are quarter, half and full.
const LARGEST: [&str; 4] = ["f", "full", "high", "hi"];
const HIGH: &str = "h";
const LOW: &str = "l";

/// What a layer may be limited to (RFC 8851 section 5), plainest first.
const LIMITS: [&str; 3] = ["max-width", "max-height", "max-fs"];

/// Of one m-line; more are not read.
const MAX_LAYERS: usize = 16;

/// The name of the largest layer of an m-line that offers several.
pub(crate) fn largest(offered: &[Attribute]) -> Option<String> {
    let rids = sent(value(offered, "simulcast")?)?;
    if rids.len() < 2 {
        return None;
    }
    let by_name = |name: &&str| rids.iter().find(|rid| rid.eq_ignore_ascii_case(name));
    let high = || by_name(&LOW).and_then(|_| by_name(&HIGH));
    let largest = by_limits(offered, &rids)
        .or_else(|| LARGEST.iter().find_map(by_name))
        .or_else(high)
        // As browsers scale layers by themselves (W3C WebRTC 1.0, section 5.1, addTransceiver).
        .or_else(|| rids.last())?;
    Some((*largest).to_owned())
}

/// A layer that is not limited is larger than all that are.
fn by_limits<'a, 'b>(offered: &[Attribute], rids: &'b [&'a str]) -> Option<&'b &'a str> {
    LIMITS.iter().find_map(|limit| {
        let limits = rids.iter().map(|rid| limit_of(offered, rid, limit));
        let limits: Vec<u32> = limits.map(|limit| limit.unwrap_or(u32::MAX)).collect();
        let most = limits.iter().max()?;
        let is_alone = limits.iter().filter(|limit| *limit == most).count() == 1;
        let position = limits.iter().position(|limit| limit == most)?;
        rids.get(position).filter(|_| is_alone)
    })
}

/// The first alternative of each layer that is sent: `send q;h,h2;~f recv x` has `q`, `h` and `f`.
fn sent(simulcast: &str) -> Option<Vec<&str>> {
    let mut words = simulcast.split_ascii_whitespace();
    words.by_ref().find(|word| *word == "send")?;
    let layers = words.next()?.split(';');
    let rids = layers.filter_map(|layer| {
        let rid = layer.split(',').next()?.trim_start_matches('~');
        // RFC 8852 section 3.
        let is_rid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (!rid.is_empty() && rid.bytes().all(is_rid)).then_some(rid)
    });
    Some(rids.take(MAX_LAYERS).collect())
}

fn limit_of(offered: &[Attribute], rid: &str, limit: &str) -> Option<u32> {
    let mut layers = values(offered, "rid").filter_map(|layer| layer.split_once(' '));
    let (_, own) = layers.find(|(name, _)| *name == rid)?;
    let (_, limits) = own.split_once(' ')?;
    let value = limits.split(';').find_map(|l| l.trim().strip_prefix(limit));
    value?.strip_prefix('=')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn largest_of(attributes: &[(&str, &str)]) -> Option<String> {
        let attributes = attributes.iter().map(|(key, value)| Attribute {
            attribute: (*key).into(),
            value: Some((*value).into()),
        });
        largest(&attributes.collect::<Vec<Attribute>>())
    }

    #[test]
    fn the_largest_layer_is_known_whatever_it_is_called() {
        for (offered, largest) in [
            ("q;h;f", "f"),
            ("f;h;q", "f"),
            ("h;m;l", "h"),
            ("low;mid;high", "high"),
            ("r0;r1;r2", "r2"),
            ("~q;h,x;1", "1"),
        ] {
            let known = largest_of(&[("simulcast", &format!("send {offered}"))]);
            assert_eq!(known.as_deref(), Some(largest), "{offered}");
        }
    }

    #[test]
    fn limits_tell_more_than_names() {
        let known = largest_of(&[
            ("rid", "1 send max-width=1280;max-height=720"),
            ("rid", "2 send max-width=320"),
            ("rid", "f send max-width=640"),
            ("simulcast", "send 1;2;f"),
        ]);
        assert_eq!(known.as_deref(), Some("1"));
    }

    #[test]
    fn one_layer_is_no_simulcast_and_nonsense_is_none() {
        for of in ["", "send f", "recv a;b", "send ;;", "send"] {
            assert_eq!(largest_of(&[("simulcast", of)]), None, "{of}");
        }
    }
}
