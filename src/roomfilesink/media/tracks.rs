// SPDX-License-Identifier: MPL-2.0
//! The tracks of all pads that the element has. Its lock is not held while GStreamer is called.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::track::{Track, TrackId};

#[derive(Default)]
pub(crate) struct Tracks(Mutex<HashMap<TrackId, Arc<Track>>>);

impl Tracks {
    pub(crate) fn add(&self, track: Arc<Track>) {
        self.lock().insert(track.id, track);
    }

    pub(crate) fn remove(&self, id: TrackId) -> Option<Arc<Track>> {
        self.lock().remove(&id)
    }

    pub(crate) fn all(&self) -> Vec<Arc<Track>> {
        self.lock().values().cloned().collect()
    }

    pub(crate) fn of_pad(&self, pad: &gst::Pad) -> Option<TrackId> {
        let tracks = self.all();
        let mut tracks = tracks.iter();
        let track = tracks.find(|t| t.pad.upgrade().as_ref() == Some(pad))?;
        Some(track.id)
    }

    /// Those whose pads were asked for under this name, are linked and not at EOS.
    pub(crate) fn named(&self, suffix: &str) -> Vec<TrackId> {
        let tracks = self.all();
        let tracks = tracks.iter();
        tracks
            .filter(|t| t.suffix.as_deref() == Some(suffix))
            .filter(|t| t.is_linked() && !t.eos.load(Ordering::Acquire))
            .map(|t| t.id)
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TrackId, Arc<Track>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
