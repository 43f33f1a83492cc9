// SPDX-License-Identifier: MPL-2.0
//! Packets of audio as the demultiplexer gives them out, before a decoder smooths their times.

use gst::ClockTime;
use gst::prelude::*;

use super::speed::Packet;

/// Calls `note` for each packet of the first audio track that demultiplexers of `pipeline` find.
pub fn watch(pipeline: &gst::Pipeline, note: impl Fn(Packet) + Clone + Send + Sync + 'static) {
    pipeline.connect_deep_element_added(move |_, _, element| {
        let klass = element
            .factory()
            .and_then(|factory| factory.metadata("klass").map(str::to_owned));
        if klass.is_some_and(|klass| klass.contains("Demux")) {
            let note = note.clone();
            element.connect_pad_added(move |demuxer, pad| {
                let is_first = demuxer.src_pads().iter().find(|pad| is_audio(pad)) == Some(pad);
                if is_first {
                    watch_pad(pad, note.clone());
                }
            });
        }
    });
}

fn is_audio(pad: &gst::Pad) -> bool {
    pad.current_caps().is_some_and(|caps| {
        caps.structure(0)
            .is_some_and(|s| s.name().starts_with("audio/"))
    })
}

fn watch_pad(pad: &gst::Pad, note: impl Fn(Packet) + Send + Sync + 'static) {
    let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
    pad.add_probe(mask, move |pad, info| {
        let caps = pad.current_caps();
        let packet = |buffer: &gst::BufferRef| {
            let at = buffer.pts()?;
            let lasts = duration(caps.as_deref()?, buffer)?.saturating_sub(skipped(buffer));
            Some(Packet { at, lasts })
        };
        if let Some(buffer) = info.buffer() {
            packet(buffer).into_iter().for_each(&note);
        } else if let Some(list) = info.buffer_list() {
            list.iter().filter_map(packet).for_each(&note);
        }
        gst::PadProbeReturn::Ok
    });
}

/// How long what stands in a packet lasts. `None` for a codec of which packets do not tell.
fn duration(caps: &gst::CapsRef, buffer: &gst::BufferRef) -> Option<ClockTime> {
    let format = caps.structure(0)?;
    let bytes = buffer.size() as u64;
    let field = |name| {
        format
            .get::<i32>(name)
            .ok()
            .and_then(|n| u64::try_from(n).ok())
    };
    let samples = |count: u64, rate: u64| {
        (rate > 0).then(|| ClockTime::from_nseconds(count * 1_000_000_000 / rate))
    };
    match format.name().as_str() {
        "audio/x-opus" => opus_duration(&buffer.map_readable().ok()?),
        "audio/x-mulaw" | "audio/x-alaw" => samples(
            bytes / field("channels").unwrap_or(1).max(1),
            field("rate")?,
        ),
        // 64 kbit/s, with two samples in each byte (ITU-T G.722).
        "audio/G722" => samples(bytes * 2, 16_000),
        _ => None,
    }
}

/// What a decoder leaves out of a packet, of Opus at its beginning and its end (RFC 7845 section 4).
fn skipped(buffer: &gst::BufferRef) -> ClockTime {
    let Some(clipping) = buffer.meta::<gst_audio::AudioClippingMeta>() else {
        return ClockTime::ZERO;
    };
    let samples = |value: gst::GenericFormattedValue| match value {
        gst::GenericFormattedValue::Default(Some(samples)) => *samples,
        _ => 0,
    };
    let samples = samples(clipping.start()) + samples(clipping.end());
    ClockTime::from_nseconds(samples * 1_000_000_000 / 48_000)
}

/// RFC 6716 section 3.1: the first byte says how long a frame is, and how many there are.
pub fn opus_duration(packet: &[u8]) -> Option<ClockTime> {
    let toc = *packet.first()?;
    let (mode, length) = (toc >> 3, usize::from(toc >> 3 & 3));
    let frame_us = match mode {
        0..12 => [10_000, 20_000, 40_000, 60_000][length],
        12..16 => [10_000, 20_000][length % 2],
        _ => [2_500, 5_000, 10_000, 20_000][length],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u64::from(packet.get(1)? & 0x3f),
    };
    Some(ClockTime::from_useconds(frames * frame_us))
}

#[cfg(test)]
mod tests {
    use super::opus_duration;

    #[test]
    fn an_opus_packet_tells_its_length() {
        let ms = |packet: &[u8]| opus_duration(packet).map(|time| time.useconds() as f64 / 1e3);
        // SILK of 60 ms, hybrid of 20 ms twice, CELT of 2.5 ms, and of 20 ms five times.
        assert_eq!(ms(&[3 << 3]), Some(60.0));
        assert_eq!(ms(&[13 << 3 | 1]), Some(40.0));
        assert_eq!(ms(&[16 << 3]), Some(2.5));
        assert_eq!(ms(&[31 << 3 | 3, 5]), Some(100.0));
        assert_eq!((ms(&[]), ms(&[3])), (None, None));
    }
}
