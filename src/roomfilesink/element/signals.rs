// SPDX-License-Identifier: MPL-2.0
//! The element's signals. `announcer` emits those of parts on a thread of its own.

use gst::glib::subclass::Signal;
use gst::prelude::*;

#[allow(unused_doc_comments)] // They are for gst-docs, which looks for them beside the signals.
pub(crate) fn all(mark: fn(&gst::Element, &str) -> bool) -> Vec<Signal> {
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
        /**
         * GstRoomFileSink::mark:
         * @text: (nullable): what the mark is called, 1000 bytes at most; %NULL: by its number
         *
         * Marks this moment of the recording: a line in the manifest, and the element message
         * `roomfilesink-mark`.
         *
         * Returns: %FALSE if nothing is being recorded
         */
        Signal::builder("mark")
            .param_types([String::static_type()])
            .return_type::<bool>()
            .action()
            .class_handler(move |values| {
                let element = values.first()?.get::<gst::Element>().ok()?;
                let text = values.get(1)?.get::<Option<String>>().ok()?;
                Some(mark(&element, &text.unwrap_or_default()).to_value())
            })
            .build(),
    ]
}
