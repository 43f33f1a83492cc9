// SPDX-License-Identifier: MPL-2.0
//! The element's signals. `announcer` emits them on a thread of its own.

use gst::glib::subclass::Signal;
use gst::prelude::*;

#[allow(unused_doc_comments)] // They are for gst-docs, which looks for them beside the signals.
pub(crate) fn all() -> Vec<Signal> {
    let of_a_part = |name| {
        Signal::builder(name)
            .param_types([gst::Structure::static_type()])
            .build()
    };
    vec![
        /**
         * GstRoomFileSink::part-opened:
         * @part: who, what, since when, and the file, as in the manifest
         *
         * A file has begun.
         */
        of_a_part("part-opened"),
        /**
         * GstRoomFileSink::part-closed:
         * @part: the same, and when and why it ended, as in the manifest
         *
         * A file is complete and closed.
         */
        of_a_part("part-closed"),
        /**
         * GstRoomFileSink::part-failed:
         * @part: the same, and the error, as in the manifest
         *
         * A file ended early. The recording continues in the next one.
         */
        of_a_part("part-failed"),
    ]
}
