// SPDX-License-Identifier: MPL-2.0
//! The data channel on which a publisher speaks.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use gst::glib;
use gst::prelude::*;
use gst_webrtc::{WebRTCDataChannel, WebRTCDataChannelState};

use crate::protocol::SessionId;
use crate::protocol::limits::cut;
use crate::vdoroomsrc::log::CAT;
use crate::vdoroomsrc::reports::{Backlog, Command, Reports};

/// Protocol 5.1: the one channel on which a publisher speaks.
const CHANNEL_LABEL: &str = "sendChannel";

/// The channel of a connection once it is open. Its own callbacks must not keep it: the channel keeps
/// these.
#[derive(Debug, Default)]
pub(super) struct SharedChannel(Mutex<Option<WebRTCDataChannel>>);

impl SharedChannel {
    pub(super) fn get(&self) -> Option<WebRTCDataChannel> {
        let channel = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        channel.clone()
    }

    fn set(&self, channel: &WebRTCDataChannel) {
        let before = {
            let mut own = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            own.replace(channel.clone())
        };
        // GStreamer may be called, now that the lock is gone.
        drop(before);
    }
}

/// Text of a stranger: the property and the signal promise UTF-8, GStreamer does not check it, and
/// reading it as a string would then panic.
fn checked(value: &glib::Value) -> Option<String> {
    let bytes = value.get::<Option<PathBuf>>().ok()??;
    bytes.into_os_string().into_string().ok()
}

pub(super) fn connect_channel(
    id: SessionId,
    channel: &WebRTCDataChannel,
    shared: &Arc<SharedChannel>,
    backlog: &Backlog,
    reports: &Reports,
) {
    if checked(&channel.property_value("label")).as_deref() != Some(CHANNEL_LABEL) {
        // Protocol 5.1: file transfers and the like.
        return;
    }
    let to = reports.clone();
    let backlog = backlog.clone();
    let warned = AtomicBool::new(false);
    channel.connect("on-message-string", false, move |values| {
        let text = cut(checked(values.get(1)?)?);
        match backlog.admit(text.len()) {
            Some(ticket) => to.command(Command::ChannelText {
                session: id,
                text,
                ticket,
            }),
            None => {
                to.events.count_dropped();
                if !warned.swap(true, Relaxed) {
                    gst::warning!(
                        CAT,
                        "Session {} sends messages faster than they are handled: some are dropped",
                        id.0
                    );
                }
            }
        }
        None
    });
    let to = reports.clone();
    let said = AtomicBool::new(false);
    let shared = Arc::downgrade(shared);
    let open = Arc::new(move |channel: &WebRTCDataChannel| {
        if let Some(shared) = shared.upgrade()
            && !said.swap(true, Relaxed)
        {
            shared.set(channel);
            to.command(Command::ChannelOpen { session: id });
        }
    });
    let when_open = open.clone();
    channel.connect_on_open(move |channel| when_open(channel));
    // It may have opened before anybody could listen.
    if channel.ready_state() == WebRTCDataChannelState::Open {
        open(channel);
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn text_that_is_not_utf8_is_no_text() {
        let value = |bytes: &[u8]| PathBuf::from(OsString::from_vec(bytes.to_vec())).to_value();
        assert_eq!(checked(&value(b"caf\xc3\xa9")).as_deref(), Some("café"));
        assert_eq!(checked(&value(b"\xff\xfe")), None);
        assert_eq!(checked(&None::<String>.to_value()), None);
    }
}
