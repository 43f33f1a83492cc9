// SPDX-License-Identifier: MPL-2.0
//! Chapters in files: marks of the recording that players list.
//!
//! matroskamux takes them as a table of contents. qtmux (1.22) takes none, so they are written into
//! its file when that is complete: as `chpl` in the user data of the movie, which FFmpeg, VLC and what
//! is made of them read (Nero's format; there is no chapter in ISO/IEC 14496-12). qtmux writes `moov`
//! last, so nothing else moves.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use gst::prelude::*;

use crate::export::{Chapter, MOST_CHAPTERS, Output};

/// Bytes: `chpl` counts them in one byte, as it does its chapters.
const LONGEST_TITLE: usize = 255;
/// The unit of its times, in nanoseconds.
const UNIT: u64 = 100;
const HEADER: usize = 8;

/// Before the pipeline runs.
pub fn announce(pipeline: &gst::Pipeline, output: &Output) {
    let setter = pipeline
        .by_name("mux")
        .and_then(|mux| mux.dynamic_cast::<gst::TocSetter>().ok());
    if let Some(setter) = setter.filter(|_| !output.chapters.is_empty()) {
        setter.set_toc(Some(&table(output)));
    }
}

/// When the file is complete.
pub fn complete(path: &Path, output: &Output) -> Result<(), String> {
    if !output.format.is_movie() || output.chapters.is_empty() {
        return Ok(());
    }
    append(path, &output.chapters).map_err(|error| format!("its chapters: {error}"))
}

fn table(output: &Output) -> gst::Toc {
    let mut toc = gst::Toc::new(gst::TocScope::Global);
    let mut edition = gst::TocEntry::new(gst::TocEntryType::Edition, "0");
    let ends = output.chapters.iter().skip(1).map(|chapter| chapter.at);
    let ends = ends.chain([output.length]);
    for (number, (chapter, end)) in (1..).zip(output.chapters.iter().zip(ends)) {
        let id = format!("{number}");
        let mut entry = gst::TocEntry::new(gst::TocEntryType::Chapter, &id);
        let mut tags = gst::TagList::new();
        let title = chapter.title.as_str();
        tags.make_mut()
            .add::<gst::tags::Title>(&title, gst::TagMergeMode::Append);
        let entry_mut = entry.make_mut();
        let signed = |ns: u64| i64::try_from(ns).unwrap_or(i64::MAX);
        entry_mut.set_start_stop_times(signed(chapter.at), signed(end));
        entry_mut.set_tags(tags);
        edition.make_mut().append_sub_entry(entry);
    }
    toc.make_mut().append_entry(edition);
    toc
}

fn append(path: &Path, chapters: &[Chapter]) -> io::Result<()> {
    let mut file = File::options().read(true).write(true).open(path)?;
    let (at, movie) = last_box(&mut file, b"moov")?;
    file.seek(SeekFrom::Start(at))?;
    file.write_all(&with_chapters(&movie, &list(chapters))?)?;
    file.sync_all()
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// The last box of a file, which has to be one of this kind: where it is, and its content.
fn last_box(file: &mut File, kind: &[u8; 4]) -> io::Result<(u64, Vec<u8>)> {
    let end = file.seek(SeekFrom::End(0))?;
    let mut at = 0;
    loop {
        file.seek(SeekFrom::Start(at))?;
        let mut header = [0; 16];
        file.read_exact(&mut header[..HEADER])?;
        let (size, found) = (be32(&header[..4]), &header[4..HEADER]);
        let is_wanted = found == kind;
        let size = match size {
            0 => end - at,
            // It follows in 64 bits.
            1 => {
                file.read_exact(&mut header[HEADER..])?;
                be64(&header[HEADER..])
            }
            size => u64::from(size),
        };
        let next = at.checked_add(size.max(HEADER as u64));
        match next {
            Some(next) if next < end => at = next,
            Some(next) if next == end && is_wanted => {
                let mut content = Vec::new();
                file.seek(SeekFrom::Start(at + HEADER as u64))?;
                file.read_to_end(&mut content)?;
                return Ok((at, content));
            }
            _ => return Err(wrong("its movie box is not the last one")),
        }
    }
}

fn be32(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}

fn be64(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

fn boxed(kind: &[u8; 4], content: &[u8]) -> io::Result<Vec<u8>> {
    let size = u32::try_from(content.len() + HEADER).map_err(|_| wrong("it is too large"))?;
    Ok([&size.to_be_bytes()[..], kind, content].concat())
}

/// `moov` with this box in its user data.
fn with_chapters(movie: &[u8], list: &[u8]) -> io::Result<Vec<u8>> {
    let (mut others, mut user) = (Vec::new(), boxed(b"chpl", list)?);
    let mut rest = movie;
    while rest.len() >= HEADER {
        let size = be32(&rest[..4]) as usize;
        let child = rest.split_at_checked(size).filter(|_| size >= HEADER);
        let (child, after) = child.ok_or_else(|| wrong("its movie box is damaged"))?;
        match &child[4..HEADER] {
            b"udta" => user.extend_from_slice(&child[HEADER..]),
            _ => others.extend_from_slice(child),
        }
        rest = after;
    }
    others.extend(boxed(b"udta", &user)?);
    boxed(b"moov", &others)
}

/// The content of `chpl`.
fn list(chapters: &[Chapter]) -> Vec<u8> {
    let chapters = &chapters[..chapters.len().min(MOST_CHAPTERS)];
    // Version 1, and four reserved bytes.
    let mut list = vec![1, 0, 0, 0, 0, 0, 0, 0];
    list.push(u8::try_from(chapters.len()).unwrap_or(u8::MAX));
    for chapter in chapters {
        let title = &chapter.title[..chapter.title.floor_char_boundary(LONGEST_TITLE)];
        list.extend_from_slice(&(chapter.at / UNIT).to_be_bytes());
        list.push(u8::try_from(title.len()).unwrap_or(u8::MAX));
        list.extend_from_slice(title.as_bytes());
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chapter(at: u64, title: &str) -> Chapter {
        Chapter {
            at,
            title: title.into(),
        }
    }

    #[test]
    fn chapters_come_into_the_user_data_and_all_else_stays() {
        let tags = boxed(b"meta", b"tags").unwrap();
        let header = boxed(b"mvhd", b"header").unwrap();
        let movie = [header.clone(), boxed(b"udta", &tags).unwrap()].concat();
        let list = list(&[chapter(10_000_000, "Yes")]);
        assert_eq!(list[8..], *b"\x01\0\0\0\0\0\x01\x86\xa0\x03Yes");
        let user = [boxed(b"chpl", &list).unwrap(), tags].concat();
        let wanted = [header, boxed(b"udta", &user).unwrap()].concat();
        assert_eq!(
            with_chapters(&movie, &list).unwrap(),
            boxed(b"moov", &wanted).unwrap()
        );
    }

    #[test]
    fn what_chapters_cannot_hold_is_left_out() {
        let many: Vec<_> = (0..300).map(|n| chapter(n, &"€".repeat(100))).collect();
        let list = list(&many);
        assert_eq!(list[8], 255);
        assert_eq!(list.len(), 9 + 255 * (8 + 1 + 255));
    }

    #[test]
    fn a_damaged_movie_is_left_alone() {
        for movie in [&b"\0\0\0\x04mvhd"[..], b"\0\0\xff\xffmvhd1234"] {
            assert!(with_chapters(movie, &[]).is_err());
        }
    }
}
