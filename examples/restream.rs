// SPDX-License-Identifier: MPL-2.0
//! How is one person restreamed to an RTMP or SRT server, with or without a microphone?
//!
//!     cargo run --release --example restream -- --room studio --person alice --to srt://HOST:PORT
use clap::Parser;
use gst::{MessageView, prelude::*};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::{error::Error, process::ExitCode};

/// Restreams one person to an RTMP or SRT server
#[derive(Parser)]
struct Options {
    #[arg(long)]
    room: String,
    #[arg(long, value_name = "URL", default_value = "ws://127.0.0.1:8443")]
    server: String,
    #[arg(long, value_name = "ENVIRONMENT VARIABLE")]
    password_env: Option<String>,
    #[arg(long, value_name = "ID")]
    person: String,
    #[arg(long, value_name = "RTMP OR SRT URL")]
    to: String,
}

fn main() -> ExitCode {
    let done = restream(&Options::parse()).inspect_err(|error| eprintln!("restream: {error}"));
    done.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
}

fn restream(options: &Options) -> Result<(), Box<dyn Error>> {
    gst::init()?;
    gstvdoroom::plugin_register_static()?;
    let server = options.server.strip_prefix("ws").ok_or("not a ws:// URL")?;
    let [room, person] = [&options.room, &options.person]
        .map(|name| utf8_percent_encode(name, NON_ALPHANUMERIC).to_string());
    // With the URI of one stream, no-more-pads tells when all its tracks are there.
    let query = "video-codecs=<H264>&receive-screen=false&rejoin-window=60000";
    let uri = format!("vdoroom{server}/{room}/{person}?{query}");
    let source = gst::Element::make_from_uri(gst::URIType::Src, &uri, None)?;
    source.set_property("password-env", &options.password_env);
    let (mux, sink, address) = match options.to.split_once(':') {
        Some(("srt", _)) => ("mpegtsmux alignment=7", "srtsink", "uri"),
        _ => ("flvmux streamable=true", "rtmp2sink", "location"),
    };
    let outlet = format!("{mux} name=mux latency=3000000000 ! {sink} name=to sync=false");
    let pipeline = gst::parse::launch(&outlet)?;
    let pipeline: gst::Pipeline = pipeline.downcast().map_err(|_| "not a pipeline")?;
    pipeline.add(&source)?;
    let ends = pipeline.by_name("mux").zip(pipeline.by_name("to"));
    let (mux, to) = ends.ok_or("an element is missing")?;
    to.set_property(address, &options.to);
    source.connect_no_more_pads(move |source| {
        let linked = link(source, &mux);
        linked.unwrap_or_else(|e| gst::element_error!(source, gst::StreamError::Failed, ("{e}")));
    });
    let outcome = run(&pipeline);
    pipeline.set_state(gst::State::Null)?;
    outcome
}

/// Links a person's tracks to the muxer: video as it is, audio as AAC.
fn link(source: &gst::Element, mux: &gst::Element) -> Result<(), Box<dyn Error>> {
    let pipeline = mux.parent().and_downcast::<gst::Bin>().ok_or("no bin")?;
    let mut links = Vec::new();
    for track in source.src_pads().into_iter().filter(|pad| !pad.is_linked()) {
        let branch = match track.name().starts_with("audio") {
            true => "queue ! opusdec ! audioconvert ! audioresample ! avenc_aac ! aacparse",
            false => "queue ! h264parse config-interval=-1",
        };
        let branch = gst::parse::bin_from_description(branch, true)?;
        pipeline.add(&branch)?;
        branch.link(mux)?;
        branch.sync_state_with_parent()?;
        links.push((track, branch.static_pad("sink").ok_or("no pad")?));
    }
    // Only now media flows: the muxer knows all that will come.
    let mut links = links.iter();
    Ok(links.try_for_each(|(track, sink)| track.link(sink).map(drop))?)
}

fn run(pipeline: &gst::Pipeline) -> Result<(), Box<dyn Error>> {
    let (it, bus) = (pipeline.clone(), pipeline.bus().ok_or("no bus")?);
    // On a thread of its own. EOS ends the stream; where nothing has begun, nothing has to end.
    ctrlc::set_handler(move || {
        let begun = it.by_name("mux").is_some_and(|mux| mux.num_sink_pads() > 0);
        let ended = begun && it.send_event(gst::event::Eos::new());
        let _ = ended || it.post_message(gst::message::Eos::new()).is_ok();
    })?;
    let _ = pipeline.set_state(gst::State::Playing); // If it fails, the bus tells why.
    for message in bus.iter_timed(None) {
        match message.view() {
            MessageView::Eos(_) => break,
            MessageView::Error(error) => return Err(error.error().into()),
            MessageView::Latency(_) => pipeline.recalculate_latency()?,
            _ => {}
        }
    }
    Ok(())
}
