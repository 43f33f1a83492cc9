// SPDX-License-Identifier: MPL-2.0
//! Where the chain of a track meets its ghost pad: directly as long as its consumer never waits, and with
//! a queue between from the moment that somebody may. A queue has a thread, which a recorder of
//! hundreds of people does not need.
//!
//! The probe that decides runs on the streaming thread of the chain, of which there is one at a time:
//! the chain of another session is attached when the one before is gone.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use gst::glib;
use gst::prelude::*;
use once_cell::sync::OnceCell;

use super::discard::{stop, take_out};
use super::elements;
use super::watches::{BUFFERS, report_leaks};
use crate::vdoroomsrc::log::CAT;
use crate::vdoroomsrc::media::pad::{Exit, VdoRoomSrcPad};

#[derive(Clone)]
pub(super) struct Outlet(Arc<Inner>);

struct Inner {
    bin: glib::WeakRef<gst::Bin>,
    pad: glib::WeakRef<VdoRoomSrcPad>,
    exit: Arc<Exit>,
    /// Begins the name of the queue.
    prefix: String,
    queue: OnceCell<gst::Element>,
    /// Somebody has made the streaming thread wait who should not.
    is_distrusted: AtomicBool,
    is_closed: AtomicBool,
}

impl Outlet {
    pub(super) fn new(bin: &gst::Bin, pad: &VdoRoomSrcPad, exit: &Arc<Exit>, prefix: &str) -> Self {
        Self(Arc::new(Inner {
            bin: bin.downgrade(),
            pad: pad.downgrade(),
            exit: exit.clone(),
            prefix: prefix.to_owned(),
            queue: OnceCell::new(),
            is_distrusted: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
        }))
    }

    pub(super) fn queue(&self) -> Option<&gst::Element> {
        self.0.queue.get()
    }

    /// Leads what comes out of `last` to the pad.
    pub(super) fn attach(&self, last: &gst::Pad) -> Result<(), glib::BoolError> {
        match (self.queue(), self.0.pad.upgrade()) {
            (Some(queue), _) => link(last, queue)?,
            (None, Some(pad)) => pad.set_target(Some(last))?,
            (None, None) => return Err(glib::bool_error!("the pad is gone")),
        }
        let inner = Arc::downgrade(&self.0);
        let what = BUFFERS | gst::PadProbeType::EVENT_DOWNSTREAM;
        last.add_probe(what, move |last, info| {
            let Some(inner) = inner.upgrade() else {
                return gst::PadProbeReturn::Ok;
            };
            if inner.queue.get().is_none() && may_wait(info) && !inner.is_direct() {
                // What passes just now finds the queue behind this pad.
                if let Err(error) = inner.put_queue_behind(last) {
                    gst::warning!(CAT, obj = last, "{error}");
                }
            }
            gst::PadProbeReturn::Ok
        });
        Ok(())
    }

    /// The chain in front is gone.
    pub(super) fn detach(&self) {
        if let Some(pad) = self.0.pad.upgrade().filter(|_| self.queue().is_none()) {
            let _ = pad.set_target(None::<&gst::Pad>);
        }
    }

    /// Has a queue put there with the next item, also if the consumer never waits.
    pub(super) fn distrust(&self) {
        self.0.is_distrusted.store(true, Relaxed);
    }

    /// Puts a queue behind `last`, if the consumer may wait: before anything comes, so that the control
    /// thread adds the element, and not the thread that receives.
    pub(super) fn prepare(&self, last: &gst::Pad) -> Result<(), glib::BoolError> {
        match self.queue().is_none() && !self.0.is_direct() {
            true => self.0.put_queue_behind(last),
            false => Ok(()),
        }
    }

    /// No queue is put there any more: what there is, is being stopped.
    pub(super) fn close(&self) {
        self.0.is_closed.store(true, SeqCst);
    }

    /// EOS, when there is no chain. On a thread of its own, as it may have to wait.
    pub(super) fn end(&self) {
        let pad = self.0.pad.upgrade();
        let internal = pad.and_then(|pad| pad.internal());
        let entry = self.queue().and_then(|queue| queue.static_pad("sink"));
        let entry = entry.or_else(|| internal.map(|internal| internal.upcast()));
        if let (Some(entry), Some(bin)) = (entry, self.0.bin.upgrade()) {
            bin.call_async(move |_| {
                entry.send_event(gst::event::Eos::new());
            });
        }
    }
}

impl Inner {
    /// Whether the consumer never waits, and the pad is not blocked.
    fn is_direct(&self) -> bool {
        let pad = self.pad.upgrade();
        let pad = pad.filter(|_| !self.is_distrusted.load(Relaxed));
        pad.is_some_and(|pad| self.exit.shortcut.is_free(pad.upcast_ref()))
    }

    fn put_queue_behind(&self, last: &gst::Pad) -> Result<(), glib::BoolError> {
        let (Some(bin), Some(pad)) = (self.bin.upgrade(), self.pad.upgrade()) else {
            return Ok(());
        };
        if self.is_closed.load(SeqCst) {
            return Ok(());
        }
        let queue = elements::queue(&self.prefix)?;
        bin.add(&queue)?;
        if let Err(error) = self.connect(&queue, last, &pad) {
            stop(&queue);
            take_out(&queue, &bin);
            return Err(error);
        }
        // It is put there before anything comes, or by the thread that brings it.
        let _ = self.queue.set(queue);
        Ok(())
    }

    fn connect(
        &self,
        queue: &gst::Element,
        last: &gst::Pad,
        pad: &VdoRoomSrcPad,
    ) -> Result<(), glib::BoolError> {
        report_leaks(queue, &self.exit);
        let lacks_pad = || glib::bool_error!("a queue lacks a pad");
        let shortcut = &self.exit.shortcut;
        shortcut
            .install(queue, pad.upcast_ref())
            .ok_or_else(lacks_pad)?;
        let source = queue.static_pad("src").ok_or_else(lacks_pad)?;
        pad.set_target(Some(&source))?;
        queue.sync_state_with_parent()?;
        link(last, queue)
    }
}

fn link(last: &gst::Pad, queue: &gst::Element) -> Result<(), glib::BoolError> {
    let entry = queue.static_pad("sink");
    let entry = entry.ok_or_else(|| glib::bool_error!("a queue lacks a pad"))?;
    let linked = last.link(&entry);
    linked.map_err(|error| glib::bool_error!("a queue cannot be linked: {error}"))?;
    Ok(())
}

/// Events that overtake do not wait.
fn may_wait(info: &gst::PadProbeInfo<'_>) -> bool {
    match &info.data {
        Some(gst::PadProbeData::Event(event)) => event.is_serialized(),
        _ => true,
    }
}
