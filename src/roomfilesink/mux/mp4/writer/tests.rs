// SPDX-License-Identifier: MPL-2.0
//! What the writer puts into a file.

use super::*;
use crate::roomfilesink::media::{Caption, Codec, Language};
use crate::roomfilesink::mux::frames::Shape;

fn tracks() -> Vec<TrackEntry> {
    let entry = |codec, shape| TrackEntry {
        codec,
        config: vec![1; 19],
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
    vec![entry(Codec::H264, video), entry(Codec::Opus, audio)]
}

fn heading() -> Heading {
    Heading::new("Alice", 1_600_000_000 * 1_000 * MS)
}

fn begin(out: &mut Vec<Op>) -> Writer {
    Writer::new((), &tracks(), &heading(), out)
}

fn write(writer: &mut Writer, track: usize, ms: i64, keyframe: bool, out: &mut Vec<Op>) {
    let data = format!("{track}:{ms};");
    let block = Block {
        track,
        pts: ms * MS,
        dts: ms * MS,
        duration: if track == 0 { 40 } else { 20 } * MS,
        keyframe,
        clipped: 0,
        padding: 0,
        data: data.as_bytes(),
    };
    writer.block(&block, out).unwrap();
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

fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |all, byte| all << 8 | u64::from(*byte))
}

/// Types and contents of boxes that follow each other to the end.
fn boxes(mut bytes: &[u8]) -> Vec<(String, &[u8])> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (size, header) = match number(&bytes[..4]) {
            1 => (number(&bytes[8..16]), 16),
            size => (size, 8),
        };
        let kind = String::from_utf8(bytes[4..8].to_vec()).unwrap();
        found.push((kind, &bytes[header..size as usize]));
        bytes = &bytes[size as usize..];
    }
    found
}

fn kinds(bytes: &[u8]) -> Vec<String> {
    boxes(bytes).into_iter().map(|(kind, _)| kind).collect()
}

fn child<'a>(bytes: &'a [u8], path: &[&str]) -> &'a [u8] {
    let inside = |bytes: &'a [u8], kind: &&str| {
        let found = boxes(bytes).into_iter().rfind(|(k, _)| k == kind);
        found.unwrap_or_else(|| panic!("no {kind}")).1
    };
    path.iter().fold(bytes, inside)
}

fn words(bytes: &[u8]) -> Vec<usize> {
    bytes.chunks(4).map(|word| number(word) as usize).collect()
}

/// The frames of the last track, as the tables find them.
fn found_by_index(file: &[u8]) -> String {
    let tables = child(file, &["moov", "trak", "mdia", "minf", "stbl"]);
    let sizes = words(&child(tables, &["stsz"])[12..]);
    let places = &child(tables, &["co64"])[8..];
    let places = places.chunks(8).map(|place| number(place) as usize);
    let runs = words(&child(tables, &["stsc"])[8..]);
    let mut sizes = sizes.into_iter();
    let mut found = String::new();
    for (number, mut at) in (1..).zip(places) {
        let run = runs.chunks(3).rfind(|run| run[0] <= number).unwrap();
        for size in sizes.by_ref().take(run[1]) {
            found.push_str(std::str::from_utf8(&file[at..at + size]).unwrap());
            at += size;
        }
    }
    found
}

fn record(out: &mut Vec<Op>) -> Writer {
    let mut writer = begin(out);
    for ms in (0..1000).step_by(20) {
        if ms % 40 == 0 {
            write(&mut writer, 0, ms, ms % 400 == 0, out);
        }
        write(&mut writer, 1, ms, true, out);
        if ms % 200 == 180 {
            writer.flush(out);
        }
    }
    writer
}

#[test]
fn a_file_that_grows_is_a_header_and_whole_fragments() {
    let mut out = Vec::new();
    record(&mut out);
    let file = file(&out);
    let kinds = kinds(&file);
    assert_eq!(kinds[..3], ["ftyp", "free", "moov"]);
    let fragments: Vec<_> = kinds[3..].chunks(2).collect();
    assert_eq!(fragments.len(), 5);
    assert!(
        fragments.iter().all(|f| f[..] == ["moof", "mdat"]),
        "{kinds:?}"
    );
    assert_eq!(self::kinds(child(&file, &["moov"])).last().unwrap(), "udta");
    assert!(out.iter().all(|op| matches!(op, Op::Append(_))), "{out:?}");
}

#[test]
fn a_fragment_says_where_its_frames_are_and_when() {
    let mut out = Vec::new();
    record(&mut out);
    let file = file(&out);
    let at = file.windows(4).rposition(|w| w == b"moof").unwrap() - 4;
    let moof = child(&file, &["moof"]);
    assert_eq!(words(&child(moof, &["mfhd"])[4..]), [5]);
    let tracks: Vec<_> = boxes(moof).into_iter().filter(|b| b.0 == "traf").collect();
    let begins = [800 * 90, 800 * 48];
    for ((_, traf), (name, begin)) in tracks
        .iter()
        .zip([("0:800;", begins[0]), ("1:800;", begins[1])])
    {
        assert_eq!(number(&child(traf, &["tfdt"])[4..]), begin);
        let run = words(child(traf, &["trun"]));
        let from = at + run[2];
        assert_eq!(file[from..from + name.len()], *name.as_bytes());
    }
    // Five frames, the first of them a keyframe, with sizes alone.
    let video = words(child(tracks[0].1, &["trun"]));
    assert_eq!(video[..2], [0x205, 5]);
    assert_eq!(video[3..], [0x0200_0000, 6, 6, 6, 6, 6]);
    let audio = words(child(tracks[1].1, &["trun"]));
    assert_eq!(audio[..2], [0x201, 10]);
}

#[test]
fn a_finished_file_is_one_index_and_one_mdat() {
    let mut out = Vec::new();
    record(&mut out).finish(&mut out);
    let file = file(&out);
    assert_eq!(kinds(&file), ["ftyp", "mdat", "moov"]);
    let moov = child(&file, &["moov"]);
    assert_eq!(kinds(moov), ["mvhd", "trak", "trak", "udta"]);
    // A second of 90 kHz.
    assert_eq!(number(&child(moov, &["mvhd"])[24..32]), 90_000);
    let expected: String = (0..1000).step_by(20).map(|ms| format!("1:{ms};")).collect();
    assert_eq!(found_by_index(&file), expected);
}

#[test]
fn the_index_is_on_the_disk_before_it_is_the_only_one() {
    let mut out = Vec::new();
    record(&mut out).finish(&mut out);
    let end = &out[out.len() - 4..];
    assert!(
        matches!(end, [Op::Append(_), Op::Sync, Op::At(32, cover), Op::Finish] if cover.len() == 16),
        "{end:?}"
    );
    // What is left if the process ends right before.
    let file = file(&out[..out.len() - 2]);
    assert_eq!(kinds(&file)[..4], ["ftyp", "free", "moov", "moof"]);
    assert_eq!(kinds(&file).last().unwrap(), "moov");
}

#[test]
fn a_keyframe_begins_a_fragment_and_so_does_half_a_second() {
    let mut out = Vec::new();
    let mut writer = begin(&mut out);
    let mut held_after = |track, ms, keyframe| {
        out.clear();
        write(&mut writer, track, ms, keyframe, &mut out);
        assert!(writer.holds());
        out.is_empty()
    };
    assert!(held_after(0, 0, true));
    assert!(held_after(0, 40, false));
    assert!(!held_after(0, 80, true), "a keyframe");
    assert!(held_after(1, 560, true));
    assert!(!held_after(1, 580, true), "half a second after 80 ms");
}

#[test]
fn a_track_without_frames_is_not_in_a_finished_file() {
    let mut out = Vec::new();
    let mut writer = begin(&mut out);
    write(&mut writer, 1, 0, true, &mut out);
    writer.finish(&mut out);
    let file = file(&out);
    assert_eq!(kinds(child(&file, &["moov"])), ["mvhd", "trak", "udta"]);
    assert_eq!(found_by_index(&file), "1:0;");
}

#[test]
fn a_larger_size_is_put_where_the_first_one_was() {
    let mut out = Vec::new();
    let mut writer = begin(&mut out);
    let before = file(&out);
    for size in [(640, 360), (320, 180)] {
        writer.resize(0, size, &mut out);
        // Audio has none.
        writer.resize(1, size, &mut out);
    }
    let after = file(&out);
    assert_eq!(before.len(), after.len());
    assert_eq!(kinds(&after), ["ftyp", "free", "moov"]);
    let size = [640_u16, 360].map(u16::to_be_bytes).concat();
    assert!(!before.windows(4).any(|w| w == size));
    assert!(after.windows(4).any(|w| w == size));
    assert_eq!(out.len(), 2, "one change: {out:?}");
}

#[test]
fn an_empty_file_of_fragments_is_finished_all_the_same() {
    let mut out = Vec::new();
    begin(&mut out).finish(&mut out);
    assert_eq!(kinds(&file(&out)), ["ftyp", "mdat", "moov"]);
}

#[test]
fn tracks_have_their_names_and_languages() {
    gst::init().unwrap();
    let mut tracks = tracks();
    tracks[0].caption.title = Some("Left camera".into());
    tracks[1].caption.language = Language::new("de");
    let mut out = Vec::new();
    let mut writer = Writer::new((), &tracks, &heading(), &mut out);
    writer.finish(&mut out);
    let file = file(&out);
    let has = |bytes: &[u8]| file.windows(bytes.len()).any(|window| window == bytes);
    assert!(has(b"vide\0\0\0\0\0\0\0\0\0\0\0\0Left camera\0"));
    assert!(has(b"soun\0\0\0\0\0\0\0\0\0\0\0\0Audio\0"));
    // "deu" and "und" of five bits each.
    assert!(has(&[0x10, 0xb5, 0, 0]) && has(&[0x55, 0xc4, 0, 0]));
}
