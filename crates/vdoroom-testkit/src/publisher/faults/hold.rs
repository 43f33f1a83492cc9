// SPDX-License-Identifier: MPL-2.0
//! Packets that wait before they are sent, as they do in the queues of GStreamer's senders until the
//! connection is open.

use std::{sync::Mutex, time::Duration};

use gst::prelude::*;

/// Where they wait: a part of a launch description.
pub(crate) fn queue(time: Duration) -> &'static str {
    match time {
        Duration::ZERO => "",
        _ => "! queue name=hold max-size-buffers=0 max-size-bytes=0 max-size-time=0",
    }
}

/// Holds what comes out of the [`queue`] in `bin`, from the first packet on, for so long; then all
/// of it is sent at once, and what follows as it comes.
pub(crate) fn hold(bin: &gst::Bin, time: Duration) {
    let pad = bin
        .by_name("hold")
        .and_then(|queue| queue.static_pad("src"));
    let time = gst::ClockTime::try_from(time).ok();
    let Some((pad, time)) = pad.zip(time) else {
        return;
    };
    let timer = Mutex::new(None);
    let kinds =
        gst::PadProbeType::BLOCK | gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
    pad.add_probe(kinds, move |pad, info| {
        let mut timer = timer
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        if timer.is_none()
            && let Some(block) = info.id.take()
        {
            let clock = gst::SystemClock::obtain();
            let id = clock.new_single_shot_id(clock.time() + time);
            let (pad, block) = (pad.clone(), Mutex::new(Some(block)));
            let begun = id.wait_async(move |_, _, _| {
                let block = block
                    .lock()
                    .unwrap_or_else(|poisoned| poisoned.into_inner())
                    .take();
                block.into_iter().for_each(|block| pad.remove_probe(block));
            });
            if begun.is_err() {
                return gst::PadProbeReturn::Remove;
            }
            *timer = Some(id);
        }
        gst::PadProbeReturn::Ok
    });
}
