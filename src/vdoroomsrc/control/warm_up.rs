// SPDX-License-Identifier: MPL-2.0
//! Preparations for the first connection, while the room server is called: loading plugins,
//! and making the certificate for DTLS, of which GStreamer has one for a process.

use std::sync::Once;
use std::thread::{Builder, Scope};

/// The elements of a connection; `dtlsdec` makes the certificate.
const ELEMENTS: [&str; 6] = [
    "webrtcbin",
    "dtlsdec",
    "nicesrc",
    "sctpdec",
    "srtpdec",
    "rtpjitterbuffer",
];

/// A quarter of a second of work, once for a process, on a thread of its own.
pub(super) fn warm_up<'scope>(scope: &'scope Scope<'scope, '_>) {
    static DONE: Once = Once::new();
    if DONE.is_completed() {
        return;
    }
    let thread = Builder::new().name("vdoroom:warm".into());
    // Without a thread the first connection waits.
    let _ = thread.spawn_scoped(scope, || {
        DONE.call_once(|| {
            for element in ELEMENTS {
                // What is missing has been told of when the element started.
                let _ = gst::ElementFactory::make(element).build();
            }
        });
    });
}
