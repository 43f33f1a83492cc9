// SPDX-License-Identifier: MPL-2.0
//! The elements of a track's chain: depayloader, parser, queue.

use gst::prelude::*;

use crate::vdoroomsrc::media::codecs::Codec;

/// About 10 s of media, whatever it is: 20 ms of audio or 1/60 s of video in a buffer at least.
const QUEUE_BUFFERS: u32 = 1000;
const QUEUE_BYTES: u32 = 32 << 20;

/// What unpacks a codec. The prefix begins the elements' names.
pub(super) fn chain(
    codec: &Codec,
    prefix: &str,
) -> Result<Vec<gst::Element>, gst::glib::BoolError> {
    let make = |factory: &str| {
        gst::ElementFactory::make(factory)
            .name(format!("{prefix}{factory}"))
            .build()
    };
    let mut elements = vec![make(codec.depayloader)?];
    if let Some(caps) = codec.depayloader_caps {
        let filter = make("capsfilter")?;
        filter.set_property_from_str("caps", caps);
        elements.push(filter);
    }
    if let Some(parser) = codec.parser {
        let parser = make(parser)?;
        if parser.has_property("config-interval") {
            // Parameter sets before each keyframe: a file can be cut and joined anywhere.
            parser.set_property_from_str("config-interval", "-1");
        }
        elements.push(parser);
    }
    Ok(elements)
}

/// What separates a track from its consumer.
pub(super) fn queue(prefix: &str) -> Result<gst::Element, gst::glib::BoolError> {
    gst::ElementFactory::make("queue")
        .name(format!("{prefix}queue"))
        .property_from_str("leaky", "downstream")
        // Not bounded by time: until something leaves the queue it takes the running time for
        // its level, and drops the first keyframe of whoever joins late (GStreamer 1.22).
        .property("max-size-time", 0u64)
        .property("max-size-buffers", QUEUE_BUFFERS)
        .property("max-size-bytes", QUEUE_BYTES)
        .build()
}
