// SPDX-License-Identifier: MPL-2.0
//! How does an application record a room? Each pad of `vdoroomsrc` is linked to `roomfilesink`.
//!
//!     cargo run --release --example record -- --room studio --location 'recordings/%l, part %n.%e'
use clap::Parser;
use gst::{MessageView, prelude::*};
use std::error::Error;

/// Records a room
#[derive(Parser)]
struct Options {
    #[arg(long)]
    room: String,
    #[arg(long, value_name = "URL", default_value = "ws://127.0.0.1:8443")]
    server: String,
    #[arg(long, value_name = "ENVIRONMENT VARIABLE")]
    password_env: Option<String>,
    #[arg(long, value_name = "TEMPLATE", default_value = "recording")]
    location: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    gst::init()?;
    gstvdoroom::plugin_register_static()?;
    let source = gst::ElementFactory::make("vdoroomsrc")
        .property("server", &options.server)
        .property("room", &options.room)
        .property("password-env", &options.password_env)
        .build()?;
    let recorder = gst::ElementFactory::make("roomfilesink")
        .property("location", &options.location)
        .build()?;
    let pipeline = gst::Pipeline::new();
    pipeline.add_many([&source, &recorder])?;
    // The recorder has a pad for each, and by its name knows to whom it belongs.
    source.connect_pad_added(move |source, pad| {
        let linked = source.link_pads(Some(&pad.name()), &recorder, None);
        linked.unwrap_or_else(|e| gst::element_error!(source, gst::StreamError::Failed, ("{e}")));
    });
    // EOS closes the files.
    let it = pipeline.clone();
    ctrlc::set_handler(move || {
        it.send_event(gst::event::Eos::new());
    })?;
    let _ = pipeline.set_state(gst::State::Playing); // If it fails, the bus tells why.
    let bus = pipeline.bus().ok_or("no bus")?;
    let ending = [gst::MessageType::Eos, gst::MessageType::Error];
    let ended = bus.timed_pop_filtered(None, &ending);
    pipeline.set_state(gst::State::Null)?;
    match ended.as_ref().map(|message| message.view()) {
        Some(MessageView::Error(error)) => Err(error.error().into()),
        _ => Ok(()),
    }
}
