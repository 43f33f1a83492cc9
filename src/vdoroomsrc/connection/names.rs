// SPDX-License-Identifier: MPL-2.0
//! The names of a session's elements, which identify the session of a message.

use gst::prelude::*;

use crate::protocol::SessionId;

/// Begins the names of a session's elements, so that a message tells whose it is.
pub(crate) fn element_prefix(id: SessionId) -> String {
    format!("session{}-", id.0)
}

/// Our children's names begin with their session.
pub(crate) fn session_of(element: &gst::Bin, source: &gst::Object) -> Option<SessionId> {
    let mut object = source.clone();
    loop {
        let parent = object.parent()?;
        if parent == *element.upcast_ref::<gst::Object>() {
            break;
        }
        object = parent;
    }
    let name = object.name();
    let number = name.strip_prefix("session")?.split('-').next()?;
    number.parse().ok().map(SessionId)
}
