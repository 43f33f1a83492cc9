// SPDX-License-Identifier: MPL-2.0
//! What is published: kinds of media, and publishers in a process of their own.

use std::sync::mpsc;
use std::time::Duration;

use gst::prelude::*;
use vdoroom_testkit::publisher::{Film, Script};
use vdoroom_testkit::{Codec, Flavour, Password, Publisher};

/// Keys and ciphers of the floor; AES-128 and 80-bit tags are what DTLS-SRTP agrees on.
pub const SRTP: &str = "srtp-key=(buffer)\
    000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d,\
    srtp-cipher=aes-128-icm,srtp-auth=hmac-sha1-80,\
    srtcp-cipher=aes-128-icm,srtcp-auth=hmac-sha1-80";
const SRTP_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d";

#[derive(Clone, Copy)]
pub struct Media {
    pub name: &'static str,
    pub words: &'static str,
    pub script: Script,
}

const fn media(
    name: &'static str,
    words: &'static str,
    codec: Codec,
    size: (u32, u32),
    bitrate: u32,
) -> Media {
    let script = Script {
        codec,
        width: size.0,
        height: size.1,
        rate: 30,
        bitrate,
    };
    Media {
        name,
        words,
        script,
    }
}

pub const MEDIA: [Media; 3] = [
    media("vp8-360", "VP8 640x360", Codec::Vp8, (640, 360), 300_000),
    media(
        "h264-360",
        "H.264 640x360",
        Codec::H264,
        (640, 360),
        300_000,
    ),
    media(
        "vp8-720",
        "VP8 1280x720",
        Codec::Vp8,
        (1280, 720),
        2_500_000,
    ),
];

impl Media {
    pub fn by_name(name: &str) -> Result<Self, String> {
        let names = MEDIA.map(|m| m.name).join(", ");
        let found = MEDIA.into_iter().find(|m| m.name == name);
        found.ok_or_else(|| format!("no media {name}: {names}"))
    }

    pub fn encoding(&self) -> &'static str {
        match self.script.codec {
            Codec::H264 => "H264",
            _ => "VP8",
        }
    }

    pub fn video_caps(&self) -> String {
        format!(
            "application/x-rtp,media=video,clock-rate=90000,encoding-name={},payload=96",
            self.encoding()
        )
    }

    pub fn audio_caps(&self) -> String {
        "application/x-rtp,media=audio,clock-rate=48000,encoding-name=OPUS,payload=97,\
         encoding-params=(string)2"
            .into()
    }

    fn payloaders(&self) -> [String; 2] {
        let video = match self.encoding() {
            "H264" => "rtph264pay config-interval=-1 aggregate-mode=zero-latency pt=96",
            _ => "rtpvp8pay picture-id-mode=15-bit pt=96",
        };
        [video.into(), "rtpopuspay pt=97".into()]
    }
}

/// Where the floor takes video and audio of a stream.
pub fn floor_ports(stream: usize) -> [u16; 2] {
    let first = 40_000 + 2 * stream as u16;
    [first, first + 1]
}

/// Publishes so many streams into a room until it is interrupted.
pub fn publish(server: &str, room: &str, media: &Media, streams: usize) -> Result<(), String> {
    let stopped = until_interrupted()?;
    let film = Film::make(media.script)?;
    // A browser has its certificate long before: GStreamer makes one here, for the process.
    drop(gst::ElementFactory::make("dtlsdec").build());
    let publishers = (0..streams).map(|number| {
        Publisher::builder(server, room, &format!("guest{number}"))
            .codec(media.script.codec)
            // Offers its media at once, which the bare webrtcbin has no words to ask for.
            .flavour(Flavour::Raspberry)
            .ping_interval(Duration::from_secs(3600))
            .password(Password::Off)
            .film(&film)
            .start()
    });
    let publishers = publishers.collect::<Result<Vec<_>, _>>()?;
    println!("bitrate {}", film.bitrate());
    let _ = stopped.recv();
    for publisher in publishers {
        publisher.stop();
    }
    Ok(())
}

/// Sends so many streams to the floor until it is interrupted.
pub fn send(media: &Media, streams: usize) -> Result<(), String> {
    let stopped = until_interrupted()?;
    let film = Film::make(media.script)?;
    let pipeline = gst::Pipeline::new();
    let mut sources = vec![];
    for number in 0..streams {
        let mut pair = vec![];
        for (port, payloader) in floor_ports(number).into_iter().zip(media.payloaders()) {
            let line = format!(
                "appsrc name=source is-live=true format=time ! {payloader} ssrc={port} \
                 ! srtpenc key={SRTP_KEY} ! udpsink host=127.0.0.1 port={port} sync=false async=false"
            );
            let bin = gst::parse::bin_from_description(&line, false).map_err(|e| e.to_string())?;
            let source = bin.by_name("source").and_downcast::<gst_app::AppSrc>();
            pair.push(source.ok_or("no appsrc")?);
            pipeline.add(&bin).map_err(|e| e.to_string())?;
        }
        sources.push(<[_; 2]>::try_from(pair).map_err(|_| "not a pair")?);
    }
    pipeline
        .set_state(gst::State::Playing)
        .map_err(|e| e.to_string())?;
    // A live pipeline has its base time at once.
    let _showings: Vec<_> = sources
        .into_iter()
        .map(|pair| film.feed(&pipeline, pair))
        .collect();
    println!("bitrate {}", film.bitrate());
    let _ = stopped.recv();
    pipeline
        .set_state(gst::State::Null)
        .map_err(|e| e.to_string())?;
    Ok(())
}

/// What comes here is an interrupt.
pub fn until_interrupted() -> Result<mpsc::Receiver<()>, String> {
    let (stop, stopped) = mpsc::channel();
    ctrlc::set_handler(move || {
        // A second interrupt changes nothing.
        let _ = stop.send(());
    })
    .map_err(|e| e.to_string())?;
    gst::init().map_err(|e| e.to_string())?;
    Ok(stopped)
}
