// SPDX-License-Identifier: MPL-2.0
//! The tags of a pad: title, application, codec and bitrate.

use gst::tags::{ApplicationName, AudioCodec, Bitrate, Title, VideoCodec};
use gst_pbutils::pb_utils_add_codec_description_to_tag_list_for_tag as add_codec;

use super::names::Kind;

/// What publishers are or speak like.
const APPLICATION: &str = "VDO.Ninja";

/// `bitrate` in bit/s; 0 is not known yet.
pub(crate) fn of(
    kind: Kind,
    title: Option<&str>,
    caps: Option<&gst::CapsRef>,
    bitrate: u64,
) -> gst::TagList {
    let mut list = gst::TagList::new();
    let Some(tags) = list.get_mut() else {
        return list;
    };
    tags.set_scope(gst::TagScope::Stream);
    if let Some(title) = title {
        tags.add::<Title>(&title, gst::TagMergeMode::Replace);
    }
    tags.add::<ApplicationName>(&APPLICATION, gst::TagMergeMode::Replace);
    // Fails for a codec that GStreamer has no name for.
    let _ = match (caps, kind.is_video()) {
        (Some(caps), true) => add_codec::<VideoCodec>(tags, caps),
        (Some(caps), false) => add_codec::<AudioCodec>(tags, caps),
        (None, _) => Ok(()),
    };
    if let Ok(bitrate @ 1..) = u32::try_from(bitrate) {
        tags.add::<Bitrate>(&bitrate, gst::TagMergeMode::Replace);
    }
    list
}

/// Whether a bitrate has changed enough since the last tag for a new one.
pub(crate) fn is_another(bitrate: u64, told: u64) -> bool {
    bitrate > told.saturating_mul(3) / 2 || (bitrate > 0 && bitrate < told / 3 * 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bitrate_is_told_when_it_is_known_and_when_it_has_changed_by_half() {
        assert!(is_another(600_000, 0));
        assert!(!is_another(800_000, 600_000));
        assert!(is_another(1_000_000, 600_000));
        assert!(!is_another(500_000, 600_000));
        assert!(is_another(300_000, 600_000));
        assert!(!is_another(0, 600_000));
    }

    #[test]
    fn tags_name_person_application_codec_and_bitrate() {
        gst::init().unwrap();
        let caps = gst::Caps::builder("audio/x-opus")
            .field("channel-mapping-family", 0)
            .build();
        let tags = of(Kind::Audio, Some("Alice"), Some(&caps), 64_000);
        assert_eq!(tags.get::<Title>().unwrap().get(), "Alice");
        assert_eq!(tags.get::<ApplicationName>().unwrap().get(), "VDO.Ninja");
        assert_eq!(tags.get::<AudioCodec>().unwrap().get(), "Opus");
        assert_eq!(tags.get::<Bitrate>().unwrap().get(), 64_000);
        assert_eq!(tags.scope(), gst::TagScope::Stream);
        let bare = of(Kind::Video, None, None, 0);
        assert_eq!(bare.n_tags(), 1, "{bare:?}");
    }
}
