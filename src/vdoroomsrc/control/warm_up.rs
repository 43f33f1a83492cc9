// SPDX-License-Identifier: MPL-2.0
//! Preparations for the first connection, while the room server is called: loading plugins,
//! and making the certificate for DTLS, of which GStreamer has one for a process.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::{Builder, Scope};

use crate::vdoroomsrc::settings::Engine;

/// The elements of a connection; `dtlsdec` makes the certificate.
const ELEMENTS: [&str; 6] = [
    "webrtcbin",
    "dtlsdec",
    "nicesrc",
    "sctpdec",
    "srtpdec",
    "rtpjitterbuffer",
];

static BEGUN: AtomicBool = AtomicBool::new(false);
static DONE: Once = Once::new();

/// A quarter of a second of work, once for a process, on a thread of its own.
pub(super) fn warm_up<'scope>(scope: &'scope Scope<'scope, '_>, engine: Engine) {
    // The other one has nothing to load.
    if engine != Engine::Webrtcbin || DONE.is_completed() {
        return;
    }
    BEGUN.store(true, SeqCst);
    let thread = Builder::new().name("vdoroom:warm".into());
    let spawned = thread.spawn_scoped(scope, || {
        DONE.call_once(|| {
            for element in ELEMENTS {
                // What is missing has been told of when the element started.
                let _ = gst::ElementFactory::make(element).build();
            }
        });
    });
    if spawned.is_err() {
        // The first connection waits instead.
        BEGUN.store(false, SeqCst);
    }
}

/// Waits until that is over, if it has begun. A process that exits meanwhile crashes: OpenSSL is taken
/// apart while it makes a key.
pub(crate) fn wait_for_warm_up() {
    if BEGUN.load(SeqCst) {
        DONE.wait_force();
    }
}
