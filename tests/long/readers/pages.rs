// SPDX-License-Identifier: MPL-2.0
//! Browsers that play a file from a plain web server. The page looks at each frame as it is shown, and
//! decodes the audio beside it.

use std::time::Duration;

use vdoroom_testkit::{Browser, chromium, require};

use super::samples::Sample;
use super::{LENGTH, Read, Reader, Reads};
use crate::web::{self, Server, Told};
use vdoroom_testkit::chromium::firefox::Firefox;

/// Lip sync, and a frame: a browser may still show the one before.
const TOGETHER: f64 = 40.0 + 1000.0 / 15.0;

/// A browser starts, and plays the sample.
const DEADLINE: Duration = Duration::from_secs(40);

const PAGE: &str = include_str!("page.html");

pub fn readers() -> Option<Vec<Reader>> {
    let is_there = require::require(chromium::is_installed(), "no Chromium");
    let is_there = require::program("firefox-esr") && is_there;
    let all: [(&'static str, Reads); 2] = [("Chromium", in_chromium), ("Firefox", in_firefox)];
    let reader = |(name, read)| Reader {
        name,
        read,
        together: Some(TOGETHER),
    };
    let readers = all.into_iter().map(reader);
    is_there.then(|| readers.collect())
}

fn in_chromium(sample: &Sample) -> Read {
    read(sample, |url| {
        let browser = Browser::start().unwrap();
        let page = browser.open(url).unwrap();
        Box::new((browser, page))
    })
}

fn in_firefox(sample: &Sample) -> Read {
    read(sample, |url| Box::new(Firefox::open(url).unwrap()))
}

fn read(sample: &Sample, open: impl FnOnce(&str) -> Box<dyn std::any::Any>) -> Read {
    let folder = sample.path.parent().unwrap();
    std::fs::write(folder.join("page.html"), PAGE).unwrap();
    let server = Server::start(folder);
    let (address, file) = (&server.address, web::name(&sample.path));
    let _browser = open(&format!("http://{address}/page.html?{file}"));
    match server.told.recv_timeout(DEADLINE) {
        Ok(told) if told["what"] == "played" => of(&told),
        Ok(told) => Read::failed(told["error"].clone()),
        Err(_) => Read::failed("it has told nothing"),
    }
}

fn of(told: &Told) -> Read {
    let number = |name: &str| told[name].parse::<f64>().unwrap_or(f64::NAN);
    let times = |name: &str| -> Vec<f64> {
        told[name]
            .split("%2C")
            .filter_map(|time| time.parse().ok())
            .collect()
    };
    let (flashes, beeps) = (times("flashes"), times("beeps"));
    let near = |flash: &f64| {
        let offsets = beeps.iter().map(|beep| (beep - flash) * 1000.0);
        offsets.min_by(|a, b| a.abs().total_cmp(&b.abs()))
    };
    // It plays to its end, and says before how long that takes.
    let duration = match (number("duration") - LENGTH).abs() > (number("time") - LENGTH).abs() {
        true => number("duration"),
        false => number("time"),
    };
    Read {
        error: None,
        duration,
        size: Some((number("width") as u64, number("height") as u64)).filter(|size| size.0 > 0),
        has_video: number("width") > 0.0,
        has_audio: told["audio"] == "true",
        offsets: flashes
            .iter()
            .filter_map(near)
            .filter(|off| off.abs() < 500.0)
            .collect(),
    }
}
