// SPDX-License-Identifier: MPL-2.0
//! Records a room for some seconds: `record-static SERVER ROOM LOCATION SECONDS`.

use gst::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [server, room, location, seconds] = arguments.as_slice() else {
        return Err("usage: record-static SERVER ROOM LOCATION SECONDS".into());
    };
    gst::init()?;
    // Instead of a plugin that GStreamer looks for.
    gstvdoroom::plugin_register_static()?;
    let pipeline = gst::parse::launch("vdoroomsrc name=source : roomfilesink name=recorder")?;
    let pipeline = pipeline
        .downcast::<gst::Pipeline>()
        .map_err(|_| "no pipeline")?;
    let element = |name| pipeline.by_name(name).ok_or("no such element");
    element("source")?.set_property("server", server);
    element("source")?.set_property("room", room);
    element("recorder")?.set_property("location", location);
    pipeline.set_state(gst::State::Playing)?;
    let bus = pipeline.bus().ok_or("no bus")?;
    let seconds = gst::ClockTime::from_seconds(seconds.parse()?);
    let mut message = bus.timed_pop_filtered(seconds, &[gst::MessageType::Error]);
    if message.is_none() {
        // EOS closes the files.
        pipeline.send_event(gst::event::Eos::new());
        let ends = [gst::MessageType::Eos, gst::MessageType::Error];
        message = bus.timed_pop_filtered(gst::ClockTime::NONE, &ends);
    }
    pipeline.set_state(gst::State::Null)?;
    match message.as_ref().map(|message| message.view()) {
        Some(gst::MessageView::Error(error)) => Err(error.error().into()),
        _ => Ok(()),
    }
}
