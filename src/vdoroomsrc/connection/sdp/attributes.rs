// SPDX-License-Identifier: MPL-2.0
//! Attributes of m-lines.

use gst_sdp::SDPMediaRef;

use crate::vdoroomsrc::media::Codec;

pub(super) fn has_attribute(media: &SDPMediaRef, key: &str) -> bool {
    media.attributes().any(|attribute| attribute.key() == key)
}

/// The value of `a=key:payload value`.
fn for_payload<'a>(media: &'a SDPMediaRef, key: &str, payload: u8) -> Option<&'a str> {
    media
        .attributes()
        .filter(|attribute| attribute.key() == key)
        .filter_map(|attribute| attribute.value()?.split_once(' '))
        .find(|(of, _)| of.parse() == Ok(payload))
        .map(|(_, value)| value)
}

pub(super) fn fmtp(media: &SDPMediaRef, payload: u8) -> Option<&str> {
    for_payload(media, "fmtp", payload)
}

/// RFC 8866 section 6.6 and, for payloads without a mapping, RFC 3551 section 6.
pub(super) fn encoding_name(media: &SDPMediaRef, payload: u8) -> Option<String> {
    let mapped = for_payload(media, "rtpmap", payload)
        .and_then(|map| map.split('/').next())
        .map(str::to_ascii_uppercase);
    mapped.or_else(|| Codec::static_name(payload).map(str::to_owned))
}

pub(super) fn remove_attributes(media: &mut SDPMediaRef, unwanted: impl Fn(&str, &str) -> bool) {
    for index in (0..media.attributes_len()).rev() {
        let remove = media
            .attribute(index)
            .is_some_and(|a| unwanted(a.key(), a.value().unwrap_or_default()));
        if remove {
            let _ = media.remove_attribute(index);
        }
    }
}
