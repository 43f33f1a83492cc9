// SPDX-License-Identifier: MPL-2.0
//! What the user wants to receive.

#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub audio: bool,
    pub video: bool,
    pub screen: bool,
    /// Encoding names by preference; empty: all, in the publisher's order.
    pub video_codecs: Vec<String>,
    pub audio_codecs: Vec<String>,
    /// In kbit/s; 0 leaves it to the publisher.
    pub audio_bitrate: u32,
    pub retransmission: bool,
}
