// SPDX-License-Identifier: MPL-2.0
//! Descriptions for tests.

use gst_sdp::SDPMessage;

/// One with a single m-line: what follows `m=`, and its attributes.
pub(super) fn message(line: &str, attributes: &str) -> SDPMessage {
    gst::init().unwrap();
    let sdp =
        format!("v=0\r\no=- 1 3 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm={line}\r\n{attributes}");
    SDPMessage::parse_buffer(sdp.as_bytes()).unwrap()
}
