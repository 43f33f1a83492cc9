// SPDX-License-Identifier: MPL-2.0
//! For scripts: one JSON object per line, each with `event` and `time`.

use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};

use crate::record::end::End;
use crate::record::options::Options;
use crate::record::status::{Files, Status};

use super::contract::{Output, print};

pub struct JsonLines {
    room: Option<String>,
    server: String,
    interval: Duration,
    next: Option<Instant>,
}

impl JsonLines {
    pub fn new(options: &Options) -> Self {
        Self {
            room: options.room.room.clone(),
            server: options.room.server.clone(),
            interval: options.run.interval,
            next: None,
        }
    }
}

#[derive(Serialize)]
struct Line<'a> {
    event: &'a str,
    time: String,
    #[serde(flatten)]
    fields: Value,
}

fn say(event: &str, fields: Value) {
    let now = glib::DateTime::now_utc().and_then(|now| {
        let second = now.format("%Y-%m-%dT%H:%M:%S")?;
        Ok(format!("{second}.{:03}Z", now.microsecond() / 1000))
    });
    let line = Line {
        event,
        time: now.unwrap_or_default(),
        fields,
    };
    // Strings and numbers can always be written.
    print(&serde_json::to_string(&line).unwrap_or_default());
}

impl Output for JsonLines {
    fn started(&mut self, metrics: Option<&str>) {
        say(
            "started",
            json!({
                "version": env!("CARGO_PKG_VERSION"),
                "pid": std::process::id(),
                "room": self.room,
                "server": without_credentials(&self.server),
                "metrics": metrics,
            }),
        );
    }

    fn status(&mut self, status: &Status) {
        let now = Instant::now();
        if self.next.is_none_or(|next| now >= next) {
            self.next = Some(now + self.interval);
            say("status", json!(status));
        }
    }

    fn news(&mut self, event: &str, fields: &gst::Structure) {
        say(event, from_structure(fields));
    }

    fn warning(&mut self, text: &str) {
        say("warning", json!({ "text": text }));
    }

    fn closing(&mut self) {
        say("closing", json!({}));
    }

    fn ended(&mut self, _: &gst::Structure, sums: &Files, end: &End) {
        let (result, error) = match end {
            End::Whole => ("whole", None),
            End::Incomplete => ("incomplete", None),
            End::Error(error) | End::Refused(error) => ("error", Some(error)),
        };
        say(
            "ended",
            json!({ "result": result, "error": error, "files": sums }),
        );
    }
}

fn without_credentials(server: &str) -> String {
    match (server.find("://"), server.rfind('@')) {
        (Some(scheme), Some(at)) => format!("{}{}", &server[..scheme + 3], &server[at + 1..]),
        _ => server.into(),
    }
}

fn from_structure(structure: &gst::StructureRef) -> Value {
    let fields = structure.iter();
    fields
        .map(|(name, value)| (name.to_string(), from_value(value)))
        .collect()
}

/// Values of all types that the elements' messages have.
fn from_value(value: &glib::Value) -> Value {
    if let Ok(structure) = value.get::<gst::Structure>() {
        return from_structure(&structure);
    }
    if let Ok(array) = value.get::<gst::ArrayRef>() {
        return array.as_slice().iter().map(|v| from_value(v)).collect();
    }
    value
        .get::<&str>()
        .map(Value::from)
        .or_else(|_| value.get::<bool>().map(Value::from))
        .or_else(|_| value.get::<u32>().map(Value::from))
        .or_else(|_| value.get::<i32>().map(Value::from))
        .or_else(|_| value.get::<u64>().map(Value::from))
        .or_else(|_| value.get::<i64>().map(Value::from))
        .or_else(|_| value.get::<f64>().map(Value::from))
        .unwrap_or_else(|_| value.serialize().map_or(Value::Null, |s| s.as_str().into()))
}
