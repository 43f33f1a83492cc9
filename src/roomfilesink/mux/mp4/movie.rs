// SPDX-License-Identifier: MPL-2.0
//! The index, `moov`: of a file that grows it describes the tracks, and fragments follow; of a
//! finished one it says where every frame is.

use super::boxes::Boxes;
use super::codecs;
use super::track::Track;
use crate::roomfilesink::media::{Heading, Language};

/// Ticks in a second of what counts for all tracks.
const TIMESCALE: u32 = 90_000;
/// From the start of 1904, from which MP4 counts, to that of 1970.
const SECONDS_TO_1970: u64 = 2_082_844_800;
/// Neither turned nor scaled.
const MATRIX: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];
/// Of a language that is not known (ISO 639-2).
const NO_LANGUAGE: &str = "und";
/// Enabled, and a part of the presentation.
const IS_SHOWN: u32 = 3;
/// How many packets of 20 ms Opus needs before a seek target (RFC 7845 section 4.6).
const OPUS_PRE_ROLL: i16 = -4;

/// What the index says beside the tracks.
pub(crate) struct Movie {
    title: String,
    /// Seconds since 1904.
    created: u64,
}

impl Movie {
    pub(crate) fn new(heading: &Heading) -> Self {
        let since_1970 = u64::try_from(heading.utc_ns / 1_000_000_000).unwrap_or(0);
        Self {
            title: heading.title().unwrap_or_default().to_owned(),
            created: since_1970.saturating_add(SECONDS_TO_1970),
        }
    }

    /// Of a file that grows. Its size does not depend on how large frames are.
    pub(crate) fn begin(&self, b: &mut Boxes, tracks: &[Track]) {
        let numbered = || (1_u32..).zip(tracks);
        b.node(b"moov", |b| {
            self.head(b, 0, tracks.len());
            for (number, track) in numbered() {
                b.node(b"trak", |b| {
                    self.track_head(b, number, track, 0);
                    if track.delay > 0 {
                        // All that follows, however long.
                        edits(b, &[(0, track.delay)]);
                    }
                    self.media(b, track, 0, |b| {
                        for kind in [b"stts", b"stsc"] {
                            b.full(kind, 0, 0, |b| {
                                b.u32(0);
                            });
                        }
                        b.full(b"stsz", 0, 0, |b| {
                            b.u32(0).u32(0);
                        });
                        b.full(b"stco", 0, 0, |b| {
                            b.u32(0);
                        });
                    });
                });
            }
            b.node(b"mvex", |b| {
                for (number, _) in numbered() {
                    // The first description; all else is said by each fragment.
                    b.full(b"trex", 0, 0, |b| {
                        b.u32(number).u32(1).zeros(12);
                    });
                }
            });
            self.words(b);
        });
    }

    /// Of a file that is complete. A track without frames is not in it.
    pub(crate) fn finish(&self, b: &mut Boxes, tracks: &[Track]) {
        let length = |track: &Track| {
            let edit = track.edit();
            let scaled = |n| scale(n, track.timescale);
            (scaled(edit.late), scaled(edit.length))
        };
        let total = |track: &Track| {
            let (late, length) = length(track);
            late.saturating_add(length)
        };
        let numbered = (1_u32..).zip(tracks);
        let filled: Vec<_> = numbered.filter(|(_, t)| t.samples.len() > 0).collect();
        let longest = filled.iter().map(|(_, track)| total(track)).max();
        b.node(b"moov", |b| {
            self.head(b, longest.unwrap_or(0), tracks.len());
            for (number, track) in filled {
                b.node(b"trak", |b| {
                    self.track_head(b, number, track, total(track));
                    let (late, length) = length(track);
                    let shown = (length, track.edit().from);
                    match late {
                        // Nothing is shown before.
                        1.. => edits(b, &[(late, -1), shown]),
                        _ => edits(b, &[shown]),
                    }
                    let duration = track.samples.duration();
                    self.media(b, track, duration, |b| {
                        track.samples.write(b);
                        if track.entry.pre_skip > 0 || is_opus(track) {
                            pre_roll(b, track.samples.len());
                        }
                    });
                });
            }
            self.words(b);
        });
    }

    fn head(&self, b: &mut Boxes, duration: u64, tracks: usize) {
        b.full(b"mvhd", 1, 0, |b| {
            b.u64(self.created).u64(self.created);
            b.u32(TIMESCALE).u64(duration);
            // Speed and volume as they are.
            b.u32(0x1_0000).u16(0x100).zeros(10);
            matrix(b);
            b.zeros(24);
            b.u32(u32::try_from(tracks).unwrap_or(u32::MAX - 1) + 1);
        });
    }

    fn track_head(&self, b: &mut Boxes, number: u32, track: &Track, duration: u64) {
        let (width, height) = codecs::size(&track.entry);
        b.full(b"tkhd", 1, IS_SHOWN, |b| {
            b.u64(self.created).u64(self.created);
            b.u32(number).zeros(4).u64(duration).zeros(12);
            b.u16(if track.entry.is_video() { 0 } else { 0x100 }).u16(0);
            matrix(b);
            b.u32(u32::from(width) << 16).u32(u32::from(height) << 16);
        });
    }

    fn media(&self, b: &mut Boxes, track: &Track, duration: u64, tables: impl FnOnce(&mut Boxes)) {
        let is_video = track.entry.is_video();
        let caption = &track.entry.caption;
        let language = caption.language.map(Language::terminological);
        b.node(b"mdia", |b| {
            b.full(b"mdhd", 1, 0, |b| {
                b.u64(self.created).u64(self.created);
                b.u32(track.timescale).u64(duration);
                b.u16(packed(language.unwrap_or(NO_LANGUAGE))).u16(0);
            });
            match is_video {
                true => handler(b, b"vide", caption.name().unwrap_or("Video")),
                false => handler(b, b"soun", caption.name().unwrap_or("Audio")),
            }
            b.node(b"minf", |b| {
                match is_video {
                    true => b.full(b"vmhd", 0, 1, |b| {
                        b.zeros(8);
                    }),
                    false => b.full(b"smhd", 0, 0, |b| {
                        b.zeros(4);
                    }),
                };
                b.node(b"dinf", |b| {
                    b.full(b"dref", 0, 0, |b| {
                        // In this file.
                        b.u32(1).full(b"url ", 0, 1, |_| {});
                    });
                });
                b.node(b"stbl", |b| {
                    b.full(b"stsd", 0, 0, |b| {
                        b.u32(1);
                        codecs::sample_entry(b, &track.entry);
                    });
                    tables(b);
                });
            });
        });
    }

    /// Title and program, where players look for them.
    fn words(&self, b: &mut Boxes) {
        const PROGRAM: &str = concat!("roomfilesink ", env!("CARGO_PKG_VERSION"));
        let item = |b: &mut Boxes, kind: &[u8; 4], text: &str| {
            b.node(kind, |b| {
                // UTF-8, of no country.
                b.node(b"data", |b| {
                    b.u32(1).u32(0).bytes(text.as_bytes());
                });
            });
        };
        b.node(b"udta", |b| {
            b.full(b"meta", 0, 0, |b| {
                b.full(b"hdlr", 0, 0, |b| {
                    b.zeros(4).bytes(b"mdirappl").zeros(9);
                });
                b.node(b"ilst", |b| {
                    if !self.title.is_empty() {
                        item(b, b"\xa9nam", &self.title);
                    }
                    item(b, b"\xa9too", PROGRAM);
                });
            });
        });
    }
}

fn is_opus(track: &Track) -> bool {
    track.entry.codec == crate::roomfilesink::media::Codec::Opus
}

fn scale(time: i64, timescale: u32) -> u64 {
    let scaled = u128::try_from(time).unwrap_or(0) * u128::from(TIMESCALE);
    u64::try_from(scaled / u128::from(timescale.max(1))).unwrap_or(u64::MAX)
}

fn matrix(b: &mut Boxes) {
    MATRIX.iter().for_each(|value| {
        b.u32(*value);
    });
}

/// What the track is for, and what it is called: a text that ends in a zero.
fn handler(b: &mut Boxes, kind: &[u8; 4], name: &str) {
    b.full(b"hdlr", 0, 0, |b| {
        b.zeros(4).bytes(kind).zeros(12);
        b.bytes(name.replace('\0', " ").as_bytes()).zeros(1);
    });
}

/// A code of three letters, with five bits for each (ISO/IEC 14496-12 section 8.4.2.3).
fn packed(language: &str) -> u16 {
    let letters = language.bytes().take(3);
    letters.fold(0, |packed, letter| packed << 5 | u16::from(letter & 0x1f))
}

/// How long, and from which time of the track; -1 is nothing.
fn edits(b: &mut Boxes, edits: &[(u64, i64)]) {
    b.node(b"edts", |b| {
        b.full(b"elst", 1, 0, |b| {
            b.table(edits.iter(), |b, (length, from)| {
                b.u64(*length).bytes(&from.to_be_bytes()).u32(0x1_0000);
            });
        });
    });
}

/// How many packets a decoder needs before one that is sought (ISO/IEC 14496-12 section 10.1).
fn pre_roll(b: &mut Boxes, samples: usize) {
    b.full(b"sgpd", 1, 0, |b| {
        b.bytes(b"roll")
            .u32(2)
            .u32(1)
            .bytes(&OPUS_PRE_ROLL.to_be_bytes());
    });
    b.full(b"sbgp", 0, 0, |b| {
        b.bytes(b"roll").u32(1);
        b.u32(u32::try_from(samples).unwrap_or(u32::MAX)).u32(1);
    });
}
