// SPDX-License-Identifier: MPL-2.0
//! Which files an export makes, and of what: a recording and a request become a list.

use std::path::PathBuf;

use super::decide::{self, AudioWork, VideoWork};
use super::names::Names;
use super::recording::{Person, Placed, Recording};
use super::request::{AudioCodec, Format, Request};
use super::window::Window;

/// Hertz, of all exported audio but that for speech recognition.
pub const RATE: u32 = 48_000;
const SPEECH_RATE: u32 = 16_000;
/// Of MP4 and MOV.
pub const MOST_CHAPTERS: usize = 255;

#[derive(Debug, Default)]
pub struct Plan {
    pub outputs: Vec<Output>,
    /// Who was asked for and is not there.
    pub missing: Vec<String>,
    pub notes: Vec<String>,
    pub warnings: Vec<String>,
}

/// A file to be made. Times in it are nanoseconds from its beginning.
#[derive(Debug, Clone)]
pub struct Output {
    /// Its name in the folder of the export.
    pub file: String,
    pub who: String,
    pub format: Format,
    /// When it begins, in nanoseconds since 1970.
    pub start_utc: u64,
    pub length: u64,
    pub video: Option<Video>,
    pub audio: Option<Audio>,
    /// In order.
    pub chapters: Vec<Chapter>,
}

/// A mark of the recording, where a file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chapter {
    pub at: u64,
    pub title: String,
}

impl Output {
    /// The same, with video encoded that was to be copied, if there is any.
    pub fn encoded(&self) -> Option<Self> {
        let video = self.video.as_ref()?;
        let (video, mut audio) = (
            Video {
                how: video.how.encoded()?,
                ..video.clone()
            },
            self.audio.clone(),
        );
        if let Some(audio) = audio
            .as_mut()
            .filter(|audio| audio.how == AudioWork::Copied)
        {
            audio.how = AudioWork::Encoded(AudioCodec::Opus);
        }
        Some(Self {
            video: Some(video),
            audio,
            ..self.clone()
        })
    }
}

/// Why nothing is exported of a recording.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// Nothing was recorded of whom or when is asked for.
    NotThere(String),
    Impossible(String),
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::NotThere(why) | Self::Impossible(why)) = self;
        f.write_str(why)
    }
}

#[derive(Debug, Clone)]
pub struct Video {
    /// Of each person who is in the file.
    pub people: Vec<Vec<Piece>>,
    pub how: VideoWork,
}

#[derive(Debug, Clone)]
pub struct Audio {
    /// Of each person who is in the file; their sum is heard.
    pub people: Vec<Vec<Piece>>,
    pub how: AudioWork,
    /// Hertz.
    pub rate: u32,
    pub channels: u32,
}

/// A stretch of a recorded file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub file: PathBuf,
    /// Where the file's time 0 is: negative if what is before is cut off.
    pub zero: i64,
    /// From when to when it is seen or heard.
    pub from: u64,
    pub until: u64,
}

impl Plan {
    /// The request has been checked.
    pub fn of(recording: Recording, request: &Request) -> Result<Self, Refused> {
        request.check().map_err(Refused::Impossible)?;
        let window = Window::of(&recording, request);
        let mut planner = Planner {
            request,
            window,
            zero_utc: recording.zero_utc,
            marks: &recording.marks,
            names: Names::default(),
            outputs: Vec::new(),
        };
        let unknown = |name: &&String| !recording.people.iter().any(|p| is(p, name));
        let missing: Vec<_> = request.people.iter().filter(unknown).cloned().collect();
        if !missing.is_empty() && missing.len() == request.people.len() {
            let all: Vec<_> = recording.people.iter().map(|p| p.name.as_str()).collect();
            let (missing, all) = (missing.join(", "), all.join(", "));
            let error = format!("nobody is called {missing}; there are: {all}");
            // Their files may be what is lost.
            return Err(match recording.warnings.is_empty() {
                true => Refused::NotThere(error),
                false => Refused::Impossible(format!("{error}; {}", recording.warnings.join("; "))),
            });
        }
        let wanted = |p: &&Person| {
            request.people.is_empty() || request.people.iter().any(|name| is(p, name))
        };
        let people: Vec<_> = recording.people.iter().filter(wanted).collect();
        if let Some(format) = request.to {
            people.iter().for_each(|p| planner.person(p, format));
        }
        if request.transcript_audio {
            people.iter().for_each(|p| planner.speech(p));
        }
        if request.mix {
            planner.mix(&people);
        }
        if planner.outputs.is_empty() {
            let why = [&recording.warnings[..], &recording.notes].concat();
            let nothing = |why: &str| format!("there is nothing to export: {why}");
            return Err(match why.is_empty() {
                true => Refused::NotThere(nothing(
                    "nothing was recorded in that time, or of that kind",
                )),
                false => Refused::Impossible(nothing(&why.join("; "))),
            });
        }
        let crowded = planner
            .outputs
            .iter()
            .filter(|output| output.format.is_movie() && output.chapters.len() > MOST_CHAPTERS);
        let crowded = crowded.map(|output| {
            let (file, count) = (&output.file, output.chapters.len());
            format!("{file}: of {count} marks the first {MOST_CHAPTERS} are chapters")
        });
        let notes = recording.notes.into_iter().chain(crowded).collect();
        Ok(Self {
            outputs: planner.outputs,
            missing,
            notes,
            warnings: recording.warnings,
        })
    }
}

fn is(person: &Person, name: &str) -> bool {
    person.stream == name || person.label == name
}

struct Planner<'a> {
    request: &'a Request,
    window: Window,
    zero_utc: u64,
    marks: &'a [(u64, String)],
    names: Names,
    outputs: Vec<Output>,
}

impl Planner<'_> {
    fn person(&mut self, person: &Person, format: Format) {
        if self.request.align || format.is_audio() {
            let span = match self.request.align {
                true => Some(self.window),
                false => self.span(person, format),
            };
            let Some(span) = span else { return };
            let parts: Vec<_> = person.parts.iter().collect();
            self.file(person, &person.stream, &parts, format, span);
        } else {
            for part in &person.parts {
                if let Some(span) = self.window.cut(part) {
                    let stem = part.file.file_stem().unwrap_or_default();
                    let stem = stem.to_string_lossy().into_owned();
                    self.file(person, &stem, &[part], format, span);
                }
            }
        }
    }

    /// From when a person is first seen or heard to when they are last.
    fn span(&self, person: &Person, format: Format) -> Option<Window> {
        let heard = |part: &&Placed| !format.is_audio() || part.track("audio").is_some();
        let parts = person.parts.iter().filter(heard);
        let spans: Vec<_> = parts.filter_map(|part| self.window.cut(part)).collect();
        let from = spans.iter().map(|span| span.from).min()?;
        let until = spans.iter().map(|span| span.until).max()?;
        Some(Window { from, until })
    }

    fn file(
        &mut self,
        person: &Person,
        name: &str,
        parts: &[&Placed],
        format: Format,
        span: Window,
    ) {
        let one = |pieces: Vec<Piece>| (!pieces.is_empty()).then(|| vec![pieces]);
        let video = one(pieces(parts, "video", span)).filter(|_| !format.is_audio());
        let audio = one(pieces(parts, "audio", span));
        let video = video.map(|people| Video {
            people,
            how: decide::video_work(parts, format, span, self.request),
        });
        let is_copied = video.as_ref().is_none_or(|video| video.how.is_copied());
        let audio = audio.map(|people| Audio {
            people,
            how: decide::audio_work(parts, format, span, self.request, is_copied),
            rate: RATE,
            channels: decide::channels(parts),
        });
        if video.is_some() || audio.is_some() {
            let file = self.names.file(name, format.extension());
            self.push(file, person.name.clone(), format, span, video, audio);
        }
    }

    fn speech(&mut self, person: &Person) {
        let span = match self.request.align {
            true => Some(self.window),
            false => self.span(person, Format::Wav),
        };
        let Some(span) = span else { return };
        let parts: Vec<_> = person.parts.iter().collect();
        let heard = pieces(&parts, "audio", span);
        if heard.is_empty() {
            return;
        }
        let audio = Audio {
            people: vec![heard],
            how: AudioWork::Encoded(AudioCodec::Pcm),
            rate: SPEECH_RATE,
            channels: 1,
        };
        let name = format!("{}-speech", person.stream);
        let file = self.names.file(&name, "wav");
        let who = person.name.clone();
        self.push(file, who, Format::Wav, span, None, Some(audio));
    }

    fn mix(&mut self, people: &[&Person]) {
        let request = self.request;
        let format = request.to.filter(|format| !format.is_audio());
        let format = format.unwrap_or(Format::Mp4);
        let of = |kind: &str| -> Vec<Vec<Piece>> {
            let everybody = people.iter().map(|person| {
                let parts: Vec<_> = person.parts.iter().collect();
                pieces(&parts, kind, self.window)
            });
            everybody.filter(|pieces| !pieces.is_empty()).collect()
        };
        let (seen, heard) = (of("video"), of("audio"));
        let sum = |how| {
            (!heard.is_empty()).then(|| Audio {
                people: heard.clone(),
                how,
                rate: RATE,
                channels: 2,
            })
        };
        if !seen.is_empty() {
            let video = Video {
                people: seen,
                how: decide::grid(format, request),
            };
            let audio = sum(AudioWork::Encoded(
                request
                    .audio
                    .filter(|c| format.can_have_audio(*c))
                    .unwrap_or(format.audio()),
            ));
            let file = self.names.file("mix", format.extension());
            let everybody = "everybody".to_owned();
            self.push(file, everybody, format, self.window, Some(video), audio);
        }
        if let Some(audio) = sum(AudioWork::Encoded(AudioCodec::Pcm)) {
            let format = request.to.filter(|format| format.is_audio());
            let format = format.unwrap_or(Format::Wav);
            let file = self.names.file("mix", format.extension());
            let everybody = "everybody".to_owned();
            self.push(file, everybody, format, self.window, None, Some(audio));
        }
    }

    fn push(
        &mut self,
        file: String,
        who: String,
        format: Format,
        span: Window,
        video: Option<Video>,
        audio: Option<Audio>,
    ) {
        let inside = |mark: &&(u64, String)| (span.from..span.until).contains(&mark.0);
        let marks = self.marks.iter().filter(inside);
        let chapters = marks.map(|(at, title)| Chapter {
            at: at - span.from,
            title: title.clone(),
        });
        let chapters = chapters.collect();
        self.outputs.push(Output {
            file,
            who,
            format,
            start_utc: self.zero_utc + span.from,
            length: span.until.saturating_sub(span.from),
            video,
            audio,
            chapters,
        });
    }
}

/// What is seen or heard of these parts within a span, on its timeline.
fn pieces(parts: &[&Placed], kind: &str, span: Window) -> Vec<Piece> {
    let with_track = parts.iter().filter(|part| part.track(kind).is_some());
    let cut = with_track.filter_map(|part| Some((part, span.cut(part)?)));
    let signed = |ns: u64| i64::try_from(ns).unwrap_or(i64::MAX);
    let piece = |(part, inside): (&&Placed, Window)| Piece {
        file: part.file.clone(),
        zero: signed(part.zero) - signed(span.from),
        from: inside.from - span.from,
        until: inside.until - span.from,
    };
    cut.map(piece).collect()
}
