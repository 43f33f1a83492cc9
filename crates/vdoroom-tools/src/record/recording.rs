// SPDX-License-Identifier: MPL-2.0
//! The pipeline, and the loop that looks after it until the files are closed.

use std::time::{Duration, Instant};

use gst::prelude::*;

use super::elements::Elements;
use super::end::End;
use super::metrics::Metrics;
use super::options::Options;
use super::output::Output;
use super::status::{Disk, Parts, Status};

/// How long the files may take to close once the recording ends.
const CLOSING: Duration = Duration::from_secs(5);
const REFRESH: Duration = Duration::from_secs(1);
/// Name of the message that `q` and signals put onto the bus.
const QUIT: &str = "quit";
/// The same of `m`.
const MARK: &str = "mark";
const MESSAGES: [gst::MessageType; 5] = [
    gst::MessageType::Eos,
    gst::MessageType::Error,
    gst::MessageType::Warning,
    gst::MessageType::Element,
    gst::MessageType::Application,
];

pub struct Recording {
    pipeline: gst::Pipeline,
    pub bus: gst::Bus,
    elements: Elements,
    parts: Parts,
    disk: Disk,
    warnings: u64,
    marks: u64,
    /// Whether the room has been joined, if there is one to join.
    has_joined: bool,
    begun: Instant,
}

/// Whether to go on.
enum Next {
    On,
    Stop,
    End(End),
}

impl Recording {
    pub fn new(options: &Options, elements: Elements) -> Result<Self, Box<dyn std::error::Error>> {
        let pipeline = gst::Pipeline::new();
        pipeline.add_many([&elements.source, &elements.sink])?;
        let weak_sink = elements.sink.downgrade();
        elements.source.connect_pad_added(move |source, pad| {
            if let Some(sink) = weak_sink.upgrade() {
                link(source, pad, &sink);
            }
        });
        Ok(Self {
            bus: pipeline.bus().ok_or("the pipeline has no bus")?,
            pipeline,
            elements,
            parts: Parts::default(),
            disk: Disk::new(&options.files.location),
            warnings: 0,
            marks: 0,
            has_joined: options.room.room.is_none(),
            begun: Instant::now(),
        })
    }

    /// Records until it is told to stop, then closes the files.
    pub fn run(
        &mut self,
        limit: Option<Duration>,
        output: &mut dyn Output,
        metrics: Option<&Metrics>,
    ) -> End {
        let end = match self.pipeline.set_state(gst::State::Playing) {
            Ok(_) => self.watch(limit, output, metrics),
            Err(_) => {
                // The element has said why.
                let reason = self.bus.pop_filtered(&[gst::MessageType::Error]);
                let end = reason.map(|message| end_by(&message));
                end.unwrap_or_else(|| End::Error("the room cannot be joined".into()))
            }
        };
        if self.pipeline.set_state(gst::State::Null).is_err() {
            output.warning("the pipeline did not stop");
        }
        // What was closed by the end of the pipeline.
        while let Some(message) = self.bus.pop_filtered(&MESSAGES) {
            self.hear(&message, output);
        }
        let sums = self.status().files;
        let end = match end {
            End::Whole if sums.failed > 0 => End::Incomplete,
            End::Whole if !self.has_joined => End::Error("the room was never joined".into()),
            other => other,
        };
        output.ended(&self.elements.sink.property("files"), &sums, &end);
        end
    }

    fn watch(
        &mut self,
        limit: Option<Duration>,
        output: &mut dyn Output,
        metrics: Option<&Metrics>,
    ) -> End {
        let mut stop_at = limit.map(|limit| Instant::now() + limit);
        let mut is_ending = false;
        let mut refresh = Instant::now();
        loop {
            let next = stop_at.map_or(refresh, |stop| stop.min(refresh));
            let wait = next.saturating_duration_since(Instant::now());
            let wait = gst::ClockTime::try_from(wait).ok();
            let message = self.bus.timed_pop_filtered(wait, &MESSAGES);
            let mut stop = stop_at.is_some_and(|stop| Instant::now() >= stop);
            match message.map_or(Next::On, |message| self.hear(&message, output)) {
                Next::On => {}
                Next::Stop => stop = true,
                Next::End(end) => return end,
            }
            if stop && is_ending {
                output.warning("ended before all files were closed");
                return End::Incomplete;
            }
            if stop {
                self.status();
                output.closing();
                self.pipeline.send_event(gst::event::Eos::new());
                (is_ending, stop_at) = (true, Some(Instant::now() + CLOSING));
            }
            if Instant::now() >= refresh {
                let status = self.status();
                output.status(&status);
                if let Some(metrics) = metrics {
                    metrics.show(status);
                }
                refresh = Instant::now() + REFRESH;
            }
        }
    }

    fn hear(&mut self, message: &gst::Message, output: &mut dyn Output) -> Next {
        match message.view() {
            gst::MessageView::Eos(_) => return Next::End(End::Whole),
            gst::MessageView::Error(_) => return Next::End(end_by(message)),
            gst::MessageView::Warning(_) => {
                self.warnings += 1;
                output.warning(&complaint(message));
            }
            gst::MessageView::Application(_) if message.has_name(QUIT) => return Next::Stop,
            gst::MessageView::Application(_) if message.has_name(MARK) => {
                let text: Option<&str> = None;
                if !self.elements.sink.emit_by_name::<bool>("mark", &[&text]) {
                    output.warning("no mark: nothing is being recorded");
                }
            }
            gst::MessageView::Element(element) => {
                if let Some(fields) = element.structure() {
                    self.note(&fields.to_owned(), output);
                }
            }
            _ => {}
        }
        Next::On
    }

    /// Hands on what one of the two elements tells.
    fn note(&mut self, fields: &gst::Structure, output: &mut dyn Output) {
        let name = fields.name().as_str();
        if let Some(event) = name.strip_prefix("roomfilesink-") {
            match event {
                "mark" => self.marks += 1,
                _ => self.parts.note(event, fields),
            }
            output.news(event, fields);
        } else if let Some(event) = name.strip_prefix("vdoroom-") {
            output.news(event, fields);
        }
    }

    fn status(&mut self) -> Status {
        self.disk.ask(self.parts.open_files());
        let now = self.pipeline.current_running_time();
        let (source, sink) = (&self.elements.source, &self.elements.sink);
        let status = Status::new(
            &source.property("stats"),
            &sink.property("stats"),
            &self.parts,
            &self.disk.seen,
            now.map_or(0, |now| now.nseconds() as i64),
        );
        self.has_joined |= status.room.state == "joined";
        Status {
            elapsed: self.begun.elapsed().as_nanos() as u64,
            warnings: self.warnings,
            marks: self.marks,
            ..status
        }
    }
}

/// What asks a recording to end, from any thread.
pub fn quit(bus: &gst::Bus) -> impl Fn() + Send + 'static {
    say(bus, QUIT)
}

/// What marks the moment, from any thread.
pub fn mark(bus: &gst::Bus) -> impl Fn() + Send + 'static {
    say(bus, MARK)
}

fn say(bus: &gst::Bus, name: &'static str) -> impl Fn() + Send + 'static {
    let bus = bus.clone();
    move || {
        let message = gst::Structure::new_empty(name);
        // Fails only when the pipeline has ended.
        let _ = bus.post(gst::message::Application::new(message));
    }
}

fn link(source: &gst::Element, pad: &gst::Pad, sink: &gst::Element) {
    if let Err(error) = source.link_pads(Some(&pad.name()), sink, None) {
        gst::element_warning!(
            source,
            gst::StreamError::WrongType,
            ["{} cannot be recorded: {error}", pad.name()]
        );
    }
}

/// How an element's error ends a recording.
fn end_by(error: &gst::Message) -> End {
    let text = complaint(error);
    let is_of_settings = match error.view() {
        gst::MessageView::Error(error) => error.error().matches(gst::ResourceError::Settings),
        _ => false,
    };
    match is_of_settings {
        true => End::Refused(text),
        false => End::Error(text),
    }
}

/// What an element says: its sentence, and in brackets what belongs to it.
fn complaint(message: &gst::Message) -> String {
    let (error, debug) = match message.view() {
        gst::MessageView::Error(error) => (error.error(), error.debug()),
        gst::MessageView::Warning(warning) => (warning.error(), warning.debug()),
        _ => return String::new(),
    };
    // The first line says where in the source it is.
    let details = debug.as_deref().and_then(|debug| debug.split_once('\n'));
    match details {
        Some((_, details)) => format!("{error} ({details})"),
        None => error.to_string(),
    }
}
