// SPDX-License-Identifier: MPL-2.0
//! What the writer puts into a file.

use super::*;
use crate::roomfilesink::media::Caption;

fn tracks() -> Vec<TrackEntry> {
    let entry = |codec, shape| TrackEntry {
        codec,
        config: vec![],
        shape,
        pre_skip: 0,
        ahead: 0,
        caption: Caption::default(),
    };
    let video = Shape::Video {
        width: 320,
        height: 180,
    };
    let audio = Shape::Audio {
        rate: 48_000,
        channels: 2,
    };
    vec![entry(Codec::Vp8, video), entry(Codec::Opus, audio)]
}

fn heading() -> Heading {
    Heading::new("Alice", 1_600_000_000 * 1_000 * MS)
}

/// The file that the operations give.
fn file(ops: &[Op]) -> Vec<u8> {
    let mut file = Vec::new();
    for op in ops {
        match op {
            Op::Append(data) => file.extend_from_slice(data),
            Op::At(at, data) => {
                let at = *at as usize;
                file[at..at + data.len()].copy_from_slice(data);
            }
            Op::Sync | Op::Finish => {}
        }
    }
    file
}

/// Top-level elements of the segment: ID and payload size.
fn segment_children(file: &[u8]) -> Vec<(u32, u64)> {
    let at = file.windows(4).position(|w| w == [0x18, 0x53, 0x80, 0x67]);
    let mut rest = &file[at.unwrap() + 12..];
    let mut found = Vec::new();
    while let Some(first) = rest.first() {
        let id_len = first.leading_zeros() as usize + 1;
        let id = rest[..id_len].iter().fold(0, |v, b| v << 8 | u32::from(*b));
        rest = &rest[id_len..];
        let len = rest[0].leading_zeros() as usize + 1;
        let raw = rest[..len].iter().fold(0, |v, b| v << 8 | u64::from(*b));
        let size = raw & !(1 << (7 * len));
        found.push((id, size));
        rest = &rest[len + size as usize..];
    }
    found
}

fn write(blocks: &[(usize, i64, bool)]) -> Vec<Op> {
    let mut out = Vec::new();
    let mut writer = Writer::new(DocType::Matroska, &tracks(), &heading(), &mut out);
    for (track, ms, keyframe) in blocks {
        let block = Block {
            track: *track,
            pts: ms * MS,
            dts: ms * MS,
            duration: 20 * MS,
            keyframe: *keyframe,
            clipped: 0,
            padding: 0,
            data: &[1, 2, 3],
        };
        writer.block(&block, &mut out).unwrap();
    }
    writer.finish(&mut out);
    out
}

#[test]
fn a_finished_file_has_sizes_an_index_and_a_duration() {
    let ops = write(&[(0, 0, true), (1, 10, true), (0, 40, false), (0, 80, true)]);
    let file = file(&ops);
    let ids: Vec<_> = segment_children(&file).iter().map(|c| c.0).collect();
    let expected = [
        ids::SEEK_HEAD,
        0xec,
        ids::INFO,
        ids::TRACKS,
        ids::TAGS,
        ids::CLUSTER,
        ids::CLUSTER,
        ids::CUES,
    ];
    assert_eq!(ids, expected);
    let duration = 100.0_f64.to_be_bytes();
    assert!(file.windows(8).any(|w| w == duration), "duration is 100 ms");
}

#[test]
fn a_file_without_a_place_to_seek_to_has_no_index() {
    let ids: Vec<_> = segment_children(&file(&write(&[(1, 0, true)])))
        .iter()
        .map(|c| c.0)
        .collect();
    assert!(!ids.contains(&ids::CUES), "{ids:x?}");
}

#[test]
fn a_block_that_comes_late_still_gets_its_own_time() {
    // Half a minute and more back does not fit a block's 16 bits: a new cluster holds it.
    let ops = write(&[(0, 40_000, true), (1, 39_900, true), (1, 100, true)]);
    let clusters = segment_children(&file(&ops))
        .iter()
        .filter(|c| c.0 == ids::CLUSTER)
        .count();
    assert_eq!(clusters, 2);
}

#[test]
fn frames_are_handed_to_the_file_as_they_come() {
    let mut out = Vec::new();
    let mut writer = Writer::new(DocType::Matroska, &tracks(), &Heading::default(), &mut out);
    out.clear();
    let block = Block {
        track: 1,
        pts: 0,
        dts: 0,
        duration: 0,
        keyframe: true,
        clipped: 0,
        padding: 0,
        data: b"payload",
    };
    writer.block(&block, &mut out).unwrap();
    let held: Vec<_> = out
        .iter()
        .filter(|op| matches!(op, Op::Append(d) if d.ends_with(b"payload")))
        .collect();
    assert_eq!(held.len(), 1);
}

/// Of audio that begins with a delay of the codec, and of video.
fn writer_with_delay(out: &mut Vec<Op>) -> Writer {
    let mut tracks = tracks();
    tracks[1].pre_skip = 312;
    Writer::new(DocType::Matroska, &tracks, &Heading::default(), out)
}

fn block(track: usize, pts: i64) -> Block<'static> {
    Block {
        track,
        pts,
        dts: pts,
        duration: 20 * MS,
        keyframe: true,
        clipped: 0,
        padding: 0,
        data: b"data",
    }
}

fn contains(file: &[u8], bytes: &[u8]) -> bool {
    file.windows(bytes.len()).any(|w| w == bytes)
}

#[test]
fn the_delay_of_a_codec_is_part_of_the_times_and_not_of_the_duration() {
    let mut out = Vec::new();
    let mut writer = writer_with_delay(&mut out);
    writer.block(&block(1, -6_500_000), &mut out).unwrap();
    writer.block(&block(1, 13_500_000), &mut out).unwrap();
    writer.finish(&mut out);
    let file = file(&out);
    // Track 2 at 0 and at 20 ms.
    assert!(contains(&file, b"\x82\x00\x00\x80data"));
    assert!(contains(&file, b"\x82\x00\x14\x80data"));
    assert!(contains(&file, &33.5_f64.to_be_bytes()));
}

#[test]
fn what_is_discarded_at_the_end_is_told() {
    let mut out = Vec::new();
    let mut writer = writer_with_delay(&mut out);
    let last = Block {
        clipped: 0,
        padding: 3 * MS,
        ..block(1, 0)
    };
    writer.block(&last, &mut out).unwrap();
    let mut group = vec![0xa0, 0x95, 0xa1, 0x88, 0x82, 0, 0, 0];
    group.extend(b"data\x75\xa2\x88");
    group.extend((3 * MS).to_be_bytes());
    assert!(contains(&file(&out), &group), "{out:x?}");
}

#[test]
fn a_file_that_was_not_finished_has_no_duration() {
    let mut out = Vec::new();
    let mut writer = Writer::new(DocType::Matroska, &tracks(), &Heading::default(), &mut out);
    writer.block(&block(1, 0), &mut out).unwrap();
    assert!(!contains(&file(&out), &[0x44, 0x89, 0x88]));
    writer.finish(&mut out);
    assert!(contains(&file(&out), &[0x44, 0x89, 0x88]));
}

#[test]
fn the_largest_size_of_a_track_is_in_its_entry() {
    let pixels = |(width, height): (u32, u32)| {
        let [width, height] = [width, height].map(u32::to_be_bytes);
        [&[0xb0, 0x84][..], &width, &[0xba, 0x84], &height].concat()
    };
    let mut out = Vec::new();
    let mut writer = Writer::new(DocType::Matroska, &tracks(), &Heading::default(), &mut out);
    assert!(contains(&file(&out), &pixels((320, 180))));
    for size in [(640, 360), (1280, 720), (320, 180)] {
        writer.resize(0, size, &mut out);
        // Audio has none.
        writer.resize(1, size, &mut out);
    }
    let file = file(&out);
    assert!(contains(&file, &pixels((1280, 720))));
    assert!(!contains(&file, &pixels((320, 180))));
}

#[test]
fn audio_can_be_found_while_the_video_is_silent() {
    let audio = (0..400).map(|n| (1, 40 + n * 100, true));
    let blocks: Vec<_> = std::iter::once((0, 0, true)).chain(audio).collect();
    let ops = write(&blocks);
    // A new cluster each 5 s; the first has the video.
    let file = file(&ops);
    let cues = file.windows(3).filter(|w| *w == [0xf7, 0x81, 2]).count();
    assert!(cues >= 6, "{cues}");
}

/// The header of a file whose video is a camera, and whose audio is French.
fn header(doc_type: DocType) -> Vec<u8> {
    gst::init().unwrap();
    let mut tracks = tracks();
    tracks[0].caption.role = "video".parse().ok();
    tracks[1].caption.language = Language::new("fr");
    let mut out = Vec::new();
    Writer::new(doc_type, &tracks, &heading(), &mut out);
    file(&out)
}

#[test]
fn a_file_and_its_tracks_say_what_they_are() {
    for doc_type in [DocType::Matroska, DocType::WebM] {
        let header = header(doc_type);
        assert!(contains(&header, b"\x53\x6e\x86camera"));
        assert!(contains(&header, b"\x22\xb5\x9c\x83und"));
        assert!(contains(&header, b"\x22\xb5\x9c\x83fre"));
        for (name, value) in [
            ("TITLE", "Alice"),
            ("DATE_RECORDED", "2020-09-13 12:26:40.000"),
        ] {
            let mut tag = Elements::default();
            tag.text(0x45a3, name).text(0x4487, value);
            assert!(contains(&header, &tag.0), "{name}");
        }
    }
}

#[test]
fn webm_is_called_webm_and_has_no_element_that_webm_has_not() {
    const BCP47: &[u8] = b"\x22\xb5\x9d";
    let matroska = header(DocType::Matroska);
    assert!(contains(&matroska, b"\x42\x82\x88matroska"));
    assert!(contains(&matroska, &[BCP47, b"\x82fr"].concat()));
    let webm = header(DocType::WebM);
    assert!(contains(&webm, b"\x42\x82\x84webm"));
    assert!(!contains(&webm, BCP47));
}
