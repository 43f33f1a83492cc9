// SPDX-License-Identifier: MPL-2.0
//! The tracks of all pads that the element has. Its lock is not held while GStreamer is called.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::track::{Track, TrackId};

#[derive(Default)]
pub(crate) struct Tracks(Mutex<Known>);

#[derive(Default)]
struct Known {
    all: HashMap<TrackId, Arc<Track>>,
    /// By the name for which their pads were asked. A part that begins asks with each batch.
    named: HashMap<String, Vec<Arc<Track>>>,
}

impl Tracks {
    pub(crate) fn add(&self, track: Arc<Track>) {
        let mut known = self.lock();
        if let Some(suffix) = track.suffix.clone() {
            known.named.entry(suffix).or_default().push(track.clone());
        }
        known.all.insert(track.id, track);
    }

    pub(crate) fn remove(&self, id: TrackId) -> Option<Arc<Track>> {
        let mut known = self.lock();
        let track = known.all.remove(&id)?;
        if let Some(suffix) = &track.suffix
            && let Some(named) = known.named.get_mut(suffix)
        {
            named.retain(|track| track.id != id);
            if named.is_empty() {
                known.named.remove(suffix);
            }
        }
        Some(track)
    }

    pub(crate) fn all(&self) -> Vec<Arc<Track>> {
        self.lock().all.values().cloned().collect()
    }

    pub(crate) fn of_pad(&self, pad: &gst::Pad) -> Option<TrackId> {
        let tracks = self.all();
        let mut tracks = tracks.iter();
        let track = tracks.find(|t| t.pad.upgrade().as_ref() == Some(pad))?;
        Some(track.id)
    }

    /// Those whose pads were asked for under this name, are linked and not at EOS.
    pub(crate) fn named(&self, suffix: &str) -> Vec<TrackId> {
        let tracks = self.lock().named.get(suffix).cloned();
        let tracks = tracks.unwrap_or_default().into_iter();
        tracks
            .filter(|t| t.is_linked() && !t.eos.load(Ordering::Acquire))
            .map(|t| t.id)
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use gst::prelude::*;

    use super::super::container::Kind;
    use super::*;

    /// A pad that was asked for under this name, and what it is linked to.
    fn linked(suffix: &str) -> (Arc<Track>, [gst::Pad; 2]) {
        gst::init().unwrap();
        let directions = [gst::PadDirection::Sink, gst::PadDirection::Src];
        let [pad, source] = directions.map(gst::Pad::new);
        source.link(&pad).unwrap();
        let track = Track::new(Kind::Audio, &pad, Some(suffix.into()));
        (Arc::new(track), [pad, source])
    }

    #[test]
    fn tracks_are_found_by_the_name_that_their_linked_pads_share() {
        let tracks = Tracks::default();
        let (voice, pads) = linked("alice");
        let (music, _pads_of_music) = linked("alice");
        let (other, _pads_of_other) = linked("bob");
        for track in [&voice, &music, &other] {
            tracks.add(track.clone());
        }
        assert_eq!(tracks.named("alice"), [voice.id, music.id]);
        assert!(tracks.named("carol").is_empty());
        music.eos.store(true, Ordering::Release);
        assert_eq!(tracks.named("alice"), [voice.id]);
        pads[1].unlink(&pads[0]).unwrap();
        assert!(tracks.named("alice").is_empty());
        for track in [&voice, &music] {
            assert!(tracks.remove(track.id).is_some());
        }
        assert!(tracks.remove(voice.id).is_none());
        assert_eq!(tracks.named("bob"), [other.id]);
        assert_eq!(tracks.lock().named.len(), 1, "nothing is left of alice");
    }
}
