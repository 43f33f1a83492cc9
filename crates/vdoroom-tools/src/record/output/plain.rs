// SPDX-License-Identifier: MPL-2.0
//! Lines for log files: one for each thing that changes.

use std::collections::BTreeMap;

use crate::record::end::End;
use crate::record::status::{Files, Status};

use super::contract::{Output, print};
use super::{files, words};

#[derive(Default)]
pub struct PlainLines {
    room: String,
    streams: BTreeMap<String, String>,
}

fn say(text: &str) {
    print(&format!("{} {text}", words::time_of_day()));
}

impl Output for PlainLines {
    fn started(&mut self, metrics: Option<&str>) {
        if let Some(address) = metrics {
            say(&format!("metrics at {address}"));
        }
    }

    fn status(&mut self, status: &Status) {
        if self.room != status.room.state && status.room.state != "stopped" {
            self.room = status.room.state.clone();
            say(words::room(&status.room));
        }
        for stream in &status.streams {
            let who = words::who(&stream.stream_id, stream.label.as_deref());
            let (state, media) = (words::state(stream), words::media(&stream.tracks));
            let line = match media.as_str() {
                "" => format!("{who}: {state}"),
                media => format!("{who}: {state}, {media}"),
            };
            let said = self.streams.entry(stream.stream_id.clone()).or_default();
            if *said != line {
                say(&line);
                *said = line;
            }
        }
    }

    fn news(&mut self, event: &str, fields: &gst::Structure) {
        if let Some(text) = files::news(event, fields) {
            say(&text);
        }
    }

    fn warning(&mut self, text: &str) {
        say(&format!("warning: {}", words::clean(text)));
    }

    fn closing(&mut self) {
        say("closing the files");
    }

    fn ended(&mut self, files: &gst::Structure, _: &Files, _: &End) {
        for line in files::table(files) {
            print(&line);
        }
    }
}
