// SPDX-License-Identifier: MPL-2.0
//! Packets as webrtcbin might give them out, mutated, through a track of vdoroomsrc into a file.

use gst::prelude::*;

use super::bytes::{self, Change, place};
use super::events;
use super::harness::{self, Harness};
use super::rtp;
use super::seeds::{self, Seed};
use crate::vdoroomsrc::packets::unpack;

/// A packet, or an event between packets.
#[derive(Clone)]
enum Step {
    Packet {
        bytes: Vec<u8>,
        pts: Option<gst::ClockTime>,
        discont: bool,
    },
    Event(gst::Event),
}

/// Through depayloader, parser and recorder. The first byte is the seed's number.
pub fn packets(input: &[u8]) -> Result<(), String> {
    let seeds = seeds::all()?;
    let Some((number, changes)) = bytes::read(input) else {
        return Ok(());
    };
    let seed = &seeds[usize::from(number) % seeds.len()];
    if seed.encoding_name == "AAC" {
        return Ok(());
    }
    let caps = caps(seed);
    let mut steps = steps(seed);
    for change in changes {
        apply(&mut steps, change, &caps, seeds);
    }
    run(seed, &caps, steps)
}

fn run(seed: &Seed, caps: &gst::Caps, steps: Vec<Step>) -> Result<(), String> {
    let mut harness = Harness::new("auto")?;
    let packets = harness::source("packets")?;
    let bin = gst::Bin::new();
    harness.bin().add(&bin).map_err(|e| e.to_string())?;
    let mut track = unpack(&bin, &packets, &seed.encoding_name)?;
    let name = track.pad().name();
    harness.record(track.pad(), &name)?;
    harness.add_honest("audio_alice")?;
    if name.starts_with("video") {
        harness.add_honest("audio_bob")?;
    }
    harness.play()?;
    harness.speak()?;
    harness::begin(&packets, "packets", caps);
    for step in steps {
        match step {
            Step::Packet {
                bytes,
                pts,
                discont,
            } => {
                let mut packet = gst::Buffer::from_mut_slice(bytes);
                if let Some(packet) = packet.get_mut() {
                    packet.set_pts(pts);
                    packet.set_dts(pts);
                    if discont {
                        packet.set_flags(gst::BufferFlags::DISCONT);
                    }
                }
                // An error ends the session of the one who sent this; the next packet would find a
                // chain that takes no more.
                if packets.push(packet).is_err() {
                    break;
                }
            }
            Step::Event(event) => drop(packets.push_event(event)),
        }
    }
    harness.speak()?;
    track.end();
    harness.finish()
}

/// What webrtcbin says of the packets.
pub(super) fn caps(seed: &Seed) -> gst::Caps {
    if seed.encoding_name == "AAC" {
        // Not over RTP: no room sends it.
        return gst::Caps::builder("audio/mpeg")
            .field("mpegversion", 4)
            .field("stream-format", "adts")
            .build();
    }
    let (media, clock_rate) = clock(seed);
    let caps = gst::Caps::builder("application/x-rtp")
        .field("media", media)
        .field("encoding-name", &seed.encoding_name)
        .field("clock-rate", clock_rate)
        .field("payload", 96)
        .field("ssrc", 1_u32);
    let caps = match seed.encoding_name.as_str() {
        "H264" => caps.field("packetization-mode", "1"),
        _ => caps,
    };
    caps.build()
}

fn clock(seed: &Seed) -> (&'static str, i32) {
    match seed.encoding_name.as_str() {
        "OPUS" => ("audio", 48_000),
        "G722" | "PCMU" | "PCMA" => ("audio", 8_000),
        _ => ("video", 90_000),
    }
}

/// The packets, and when they are due.
pub(super) fn timed(seed: &Seed) -> impl Iterator<Item = (Vec<u8>, Option<gst::ClockTime>)> {
    let first = seed.packets.first().map_or(0, |p| rtp::timestamp(p));
    let (_, rate) = clock(seed);
    seed.packets.iter().map(move |packet| {
        // With B-frames some are before the first.
        let ticks = rtp::timestamp(packet).wrapping_sub(first).cast_signed();
        let ticks = i64::from(ticks.max(0)).unsigned_abs();
        let pts = ticks * 1_000_000_000 / u64::from(rate.unsigned_abs());
        (packet.clone(), Some(gst::ClockTime::from_nseconds(pts)))
    })
}

fn steps(seed: &Seed) -> Vec<Step> {
    let packets = timed(seed).map(|(bytes, pts)| Step::Packet {
        bytes,
        pts,
        discont: false,
    });
    packets.collect()
}

fn apply(steps: &mut Vec<Step>, change: Change, caps: &gst::Caps, seeds: &[Seed]) {
    let [how, at, a, b] = change;
    let at = place(steps.len(), at);
    match how % 16 {
        0..=4 => change_payload(steps, at, change),
        5 | 6 => {
            if let Some(Step::Packet { bytes, .. }) = steps.get_mut(at) {
                rtp::change(bytes, [a, 0, b, how]);
            }
        }
        7 => {
            if let Some(Step::Packet { bytes, .. }) = steps.get_mut(at) {
                rtp::empty(bytes);
            }
        }
        8 => {
            if let Some(step) = steps.get(at).cloned() {
                steps.insert(place(steps.len(), a), step);
            }
        }
        9 => {
            if at < steps.len() {
                let step = steps.remove(at);
                // Gone, or somewhere else.
                if b % 2 == 0 {
                    steps.insert(place(steps.len(), a), step);
                }
            }
        }
        10 => from_here_on(steps, at, |bytes, _, _| {
            rtp::add_to_sequence(bytes, u16::from_be_bytes([a, b]));
        }),
        11 => from_here_on(steps, at, |bytes, pts, _| {
            let [high, low] = [u32::from(a) << 24, u32::from(b) << 4];
            rtp::add_to_timestamp(bytes, high | low);
            if a % 2 == 0 {
                let later = gst::ClockTime::from_mseconds(u64::from(b) << 6);
                *pts = pts.map(|pts| pts.saturating_add(later));
            }
        }),
        12 => from_here_on(steps, at, |bytes, _, discont| {
            if let Some(ssrc) = bytes.get_mut(8..12) {
                ssrc.fill(a);
            }
            *discont = b % 2 == 0;
        }),
        13 => {
            if let Some(Step::Packet { pts, .. }) = steps.get_mut(at) {
                *pts = match a % 4 {
                    0 => None,
                    1 => Some(gst::ClockTime::ZERO),
                    2 => Some(gst::ClockTime::from_seconds(u64::from(b) << 24)),
                    _ => Some(gst::ClockTime::from_mseconds(b.into())),
                };
            }
        }
        14 => {
            let caps = mended(caps, [a, b]);
            steps.insert(at, Step::Event(events::event(a, &caps, [b, a])));
        }
        _ => {
            // The payload of another packet, perhaps of another codec.
            let other = &seeds[usize::from(a) % seeds.len()].packets;
            if let Some(Step::Packet { bytes, .. }) = steps.get_mut(at)
                && let Some(other) = other.get(usize::from(b) % other.len().max(1))
            {
                bytes.truncate(rtp::payload(bytes));
                bytes.extend_from_slice(&other[rtp::payload(other)..]);
            }
        }
    }
}

fn change_payload(steps: &mut [Step], at: usize, [how, _, a, b]: Change) {
    if let Some(Step::Packet { bytes, .. }) = steps.get_mut(at) {
        let from = rtp::payload(bytes);
        // Most of what may be wrong is in the first bytes.
        let a = if how & 0x80 == 0 { a % 8 } else { a };
        bytes::change(bytes, from, how >> 4, [a, b]);
    }
}

fn from_here_on(
    steps: &mut [Step],
    at: usize,
    mut change: impl FnMut(&mut Vec<u8>, &mut Option<gst::ClockTime>, &mut bool),
) {
    for step in steps.iter_mut().skip(at) {
        if let Step::Packet {
            bytes,
            pts,
            discont,
        } = step
        {
            change(bytes, pts, discont);
        }
    }
}

/// Caps with what another SDP could say: all of an `a=fmtp` gets into them.
fn mended(caps: &gst::Caps, [a, b]: [u8; 2]) -> gst::Caps {
    const WORDS: &[(&str, &str)] = &[
        (
            "sprop-parameter-sets",
            "Z0LAHtkDxWhAAAADAEAAAAwDxYuS,aMuMsg==",
        ),
        ("sprop-parameter-sets", "Z0LA,,=,aA==,A,Zw==,/////w=="),
        ("sprop-vps", "QAEMAf//AWAAAAMAsAAAAwAAAwBdrFk="),
        ("sprop-sps", "Qg==,QgE="),
        ("sprop-pps", "RAHBcrRiQA==,"),
        ("packetization-mode", "0"),
        ("packetization-mode", "2"),
        ("sprop-interleaving-depth", "4294967295"),
        ("sprop-max-don-diff", "32767"),
        ("profile-level-id", "xx"),
        ("encoding-params", "255"),
        ("sprop-stereo", "1"),
        ("channels", "-1"),
    ];
    let mut caps = caps.clone();
    let (name, value) = WORDS[usize::from(a) % WORDS.len()];
    let changed = caps.make_mut();
    if b % 4 == 0 {
        changed.set("clock-rate", i32::from(b) << 23);
    }
    changed.set(name, value);
    caps
}
