// SPDX-License-Identifier: MPL-2.0
//! What `vdoroom export` can be asked for.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use vdoroom_recordings::export as plan;
use vdoroom_recordings::render::Settings;

use crate::page::Page;
use crate::size;

/// Makes files to hand on of a recording: for editors, as audio, aligned, mixed
///
/// Reads the recording by its manifest, and never changes it. Video is copied where the container takes it, and encoded
/// once otherwise.
#[derive(Args)]
pub struct Options {
    /// Manifest of the recording, or a folder: all manifests in it
    #[arg(value_name = "MANIFEST|FOLDER")]
    pub path: PathBuf,
    #[command(flatten)]
    pub what: What,
    #[command(flatten)]
    pub how: How,
    /// Folder for the files [default: export, beside the manifest]
    #[arg(long, value_name = "FOLDER")]
    pub output: Option<PathBuf>,
    /// Replace files that are there already
    #[arg(long)]
    pub overwrite: bool,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
#[command(next_help_heading = "What")]
pub struct What {
    /// Format: video of each part, or, as wav and flac, audio of each person
    #[arg(long, value_name = "FORMAT")]
    pub to: Option<Format>,
    /// One file for each person, and all of one beginning and length; gaps are black and silent
    #[arg(long)]
    pub align: bool,
    /// Also a file with everybody in a grid, and one with the sum of all audio
    #[arg(long)]
    pub mix: bool,
    /// Also a WAV file for speech recognition of each person: 16 kHz, mono, 16 bit
    #[arg(long)]
    pub transcript_audio: bool,
    /// Only these people, by stream ID or label, with commas between them
    #[arg(long, value_name = "WHO", value_delimiter = ',')]
    pub person: Vec<String>,
    /// Begin here: after the recording's beginning (1h2m3s), or in UTC (2026-11-21T09:00:00Z)
    #[arg(long, value_name = "TIME")]
    pub from: Option<plan::Moment>,
    /// End here
    #[arg(long, value_name = "TIME")]
    pub until: Option<plan::Moment>,
}

#[derive(Args)]
#[command(next_help_heading = "How")]
pub struct How {
    /// Encode video to this [default: as recorded, else h264; webm vp8; mxf dnxhr]
    #[arg(long, value_name = "CODEC")]
    pub video_codec: Option<VideoCodec>,
    /// Codec of audio beside video [default: mov and mxf pcm, mp4 aac, mkv and webm opus]
    #[arg(long, value_name = "CODEC")]
    pub audio_codec: Option<AudioCodec>,
    /// Quality of encoded video
    #[arg(long, value_name = "QUALITY", default_value = "good")]
    pub quality: Quality,
    /// Constant frame rate, such as 30 or 30000/1001 [default: each frame at its own time; mix and mxf 30]
    #[arg(long, value_name = "N")]
    pub rate: Option<plan::Rate>,
    /// Frame size in pixels [default: the largest of each person; mix 1920x1080]; mxf has 1280x720 and 1920x1080
    #[arg(long, value_name = "WIDTHxHEIGHT", value_parser = size::parse)]
    pub size: Option<(u32, u32)>,
    /// Image that is shown instead of black
    #[arg(long, value_name = "FILE")]
    pub still: Option<PathBuf>,
    /// Encode H.264 by the machine's hardware
    #[arg(long)]
    pub hardware: bool,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Format {
    Mov,
    Mp4,
    Mkv,
    Webm,
    Mxf,
    Wav,
    Flac,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum VideoCodec {
    H264,
    Prores,
    Dnxhr,
    Vp8,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum AudioCodec {
    Pcm,
    Aac,
    Opus,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Quality {
    Draft,
    Good,
    Best,
}

impl Options {
    pub fn request(&self) -> plan::Request {
        let (what, how) = (&self.what, &self.how);
        plan::Request {
            to: what.to.map(|format| match format {
                Format::Mov => plan::Format::Mov,
                Format::Mp4 => plan::Format::Mp4,
                Format::Mkv => plan::Format::Mkv,
                Format::Webm => plan::Format::Webm,
                Format::Mxf => plan::Format::Mxf,
                Format::Wav => plan::Format::Wav,
                Format::Flac => plan::Format::Flac,
            }),
            align: what.align,
            mix: what.mix,
            transcript_audio: what.transcript_audio,
            people: what.person.clone(),
            from: what.from,
            until: what.until,
            video: how.video_codec.map(|codec| match codec {
                VideoCodec::H264 => plan::VideoCodec::H264,
                VideoCodec::Prores => plan::VideoCodec::ProRes,
                VideoCodec::Dnxhr => plan::VideoCodec::DnxHr,
                VideoCodec::Vp8 => plan::VideoCodec::Vp8,
            }),
            audio: how.audio_codec.map(|codec| match codec {
                AudioCodec::Pcm => plan::AudioCodec::Pcm,
                AudioCodec::Aac => plan::AudioCodec::Aac,
                AudioCodec::Opus => plan::AudioCodec::Opus,
            }),
            rate: how.rate,
            size: how.size,
        }
    }

    pub fn settings(&self) -> Settings {
        Settings {
            quality: match self.how.quality {
                Quality::Draft => plan::Quality::Draft,
                Quality::Good => plan::Quality::Good,
                Quality::Best => plan::Quality::Best,
            },
            hardware: self.how.hardware,
            still: self.how.still.clone(),
        }
    }
}

pub const PAGE: Page = Page {
    sections: &[
        (
            "FILES",
            "Files are called after the stream ID, or after the part where each part becomes a \
             file. Until a file is complete its name ends in .partial. A file that is there already \
             is left alone unless --overwrite is given, so that an export that was interrupted goes \
             on where it ended.",
        ),
        (
            "TIME",
            "Files have the time of day in UTC at which they begin: WAV as time reference (BWF), \
             MOV and MP4 as timecode track.",
        ),
    ],
    status: &[
        ("0", "All files are whole."),
        ("1", "Nothing could be exported."),
        ("2", "The options are wrong, or there is no manifest."),
        (
            "3",
            "A file failed or was interrupted, or something of the recording is missing in it.",
        ),
    ],
    examples: &[
        "vdoroom export recordings/ --to mp4",
        "vdoroom export rec_1795230268.manifest.jsonl --to mov --align --video-codec prores --rate 30",
        "vdoroom export recordings/ --to wav --align --person alice --from 10m --until 20m",
        "vdoroom export recordings/ --mix --transcript-audio",
    ],
};
