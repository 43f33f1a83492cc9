// SPDX-License-Identifier: MPL-2.0
//! The required elements of other plugins.

use super::table::CODECS;

/// An element that a connection by webrtcbin needs, and the Debian package that has it.
const WEBRTCBIN: &[(&str, &str)] = &[
    ("webrtcbin", "gstreamer1.0-plugins-bad"),
    ("nicesrc", "gstreamer1.0-nice"),
    ("rtpbin", "gstreamer1.0-plugins-good"),
    ("dtlsdec", "gstreamer1.0-plugins-bad"),
    ("srtpdec", "gstreamer1.0-plugins-bad"),
    ("sctpdec", "gstreamer1.0-plugins-bad"),
];

/// Whichever makes the connections.
const ALWAYS: (&str, &str) = ("queue", "libgstreamer1.0-0");

/// What is missing and must not be, in words; `None` if nothing is.
pub(crate) fn missing(needs_webrtcbin: bool) -> Option<String> {
    #[cfg(feature = "av1")]
    super::av1::provide_depayloader();
    let lacks = |factory: &str| gst::ElementFactory::find(factory).is_none();
    let of_engine = WEBRTCBIN.iter().filter(|_| needs_webrtcbin);
    let absent: Vec<String> = of_engine
        .chain([&ALWAYS])
        .filter(|(factory, _)| lacks(factory))
        .map(|(factory, package)| format!("{factory} (Debian package {package})"))
        .collect();
    if !absent.is_empty() {
        return Some(format!("missing GStreamer elements: {}", absent.join(", ")));
    }
    let any = |video: bool| CODECS.iter().any(|c| c.video == video && c.is_available());
    if !any(true) && !any(false) {
        return Some(format!(
            "no codec can be received; {}",
            missing_codecs().join("; ")
        ));
    }
    None
}

/// For each codec that cannot be received, what it lacks.
pub(crate) fn missing_codecs() -> Vec<String> {
    CODECS
        .iter()
        .filter(|codec| !codec.is_available())
        .map(|codec| codec.lack())
        .collect()
}
