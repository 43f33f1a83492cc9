// SPDX-License-Identifier: MPL-2.0
//! Programs that decode a file and write what they have got, with codecs that lose nothing where they
//! have any.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use vdoroom_testkit::{Folder, check, require};

use super::samples::Sample;
use super::{LENGTH, Read, Reader, Reads};

/// Lip sync, in milliseconds.
const TOGETHER: f64 = 40.0;

/// None of them takes longer.
const DEADLINE: Duration = Duration::from_secs(60);

const BLENDER: &str = include_str!("blender.py");

/// All of them, if all are there.
pub fn readers() -> Option<Vec<Reader>> {
    let needed = [
        ("ffmpeg", "-version"),
        ("mpv", "--version"),
        ("cvlc", "--version"),
        ("ges-launch-1.0", "--version"),
        ("melt", "--version"),
        ("HandBrakeCLI", "--version"),
        ("blender", "--version"),
    ];
    let missing = needed
        .iter()
        .filter(|(name, version)| !require::program_of(name, version));
    if missing.count() > 0 {
        return None;
    }
    let all: [(&'static str, Reads); 8] = [
        ("FFmpeg", ffmpeg),
        ("GStreamer", gstreamer),
        ("mpv", mpv),
        ("VLC", vlc),
        ("MLT", mlt),
        ("GES", ges),
        ("HandBrake", handbrake),
        ("Blender", blender),
    ];
    let reader = |(name, read)| Reader {
        name,
        read,
        // VLC's transcoder begins audio and video up to 0.26 s apart, of any file.
        together: (name != "VLC").then_some(TOGETHER),
    };
    Some(all.into_iter().map(reader).collect())
}

/// Runs a program that writes a file, and tells what is in it.
fn written_by(
    sample: &Sample,
    name: &str,
    command: impl FnOnce(&mut Command, &Path, &Path),
) -> Read {
    let folder = Folder::new();
    let out = folder.0.join("out.mkv");
    let seconds = DEADLINE.as_secs().to_string();
    let mut program = Command::new("timeout");
    program.args([&seconds, name]);
    command(&mut program, &sample.path, &out);
    let status = program
        .current_dir(&folder.0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .env("QT_QPA_PLATFORM", "offscreen")
        .env("HOME", &folder.0)
        .status()
        .unwrap();
    // Blender names what it writes by itself.
    let out = match out.exists() {
        true => out,
        false => folder.files(&["mkv"]).first().cloned().unwrap_or(out),
    };
    match std::fs::metadata(&out) {
        Ok(metadata) if metadata.len() > 0 => Read::of(&check::inspect(&out)),
        _ => Read::failed(format!("{name}: {status}")),
    }
}

fn ffmpeg(sample: &Sample) -> Read {
    written_by(sample, "ffmpeg", |ffmpeg, file, out| {
        ffmpeg.args(["-v", "error", "-i"]).arg(file);
        ffmpeg.args(["-map", "0:v?", "-map", "0:a?", "-fps_mode", "passthrough"]);
        ffmpeg.args(["-c:v", "ffv1", "-c:a", "pcm_s16le"]).arg(out);
    })
}

fn gstreamer(sample: &Sample) -> Read {
    Read::of(&check::inspect(&sample.path))
}

/// The length is what it shows: it fills up what it writes.
fn mpv(sample: &Sample) -> Read {
    let written = written_by(sample, "mpv", |mpv, file, out| {
        mpv.args(["--no-config", "--really-quiet"]).arg(file);
        mpv.arg(format!("--o={}", out.display()));
        mpv.args(["--of=matroska", "--ovc=ffv1", "--oac=pcm_s16le"]);
    });
    let shown = Command::new("mpv")
        .args(["--no-config", "--vo=null", "--ao=null", "--frames=2"])
        .arg("--term-playing-msg=shown:${=duration}:")
        .arg(&sample.path)
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    let duration = shown.split(':').skip_while(|text| !text.ends_with("shown"));
    let duration = duration.skip(1).find_map(|text| text.parse().ok());
    Read {
        duration: duration.unwrap_or(written.duration),
        ..written
    }
}

/// Its transcoder leaves out the video of any file at times.
fn vlc(sample: &Sample) -> Read {
    let tries = (0..3).map(|_| transcoded(sample));
    let mut last = Read::default();
    for read in tries {
        last = read;
        if last.has_video {
            break;
        }
    }
    // It begins up to 0.3 s late.
    if (LENGTH - last.duration).abs() < 0.4 {
        last.duration = LENGTH;
    }
    last
}

/// It refuses to run as root.
fn transcoded(sample: &Sample) -> Read {
    let place = sample.path.parent().map(PathBuf::from);
    written_by(sample, "setpriv", |vlc, file, out| {
        let folders = out.parent().into_iter().chain(place.as_deref());
        for folder in folders {
            let _ = Command::new("chmod").arg("777").arg(folder).status();
        }
        vlc.args(["--reuid=65534", "--regid=65534", "--clear-groups", "cvlc"]);
        vlc.args(["--no-media-library", "-I", "dummy", "--play-and-exit"])
            .arg(file);
        vlc.arg(format!(
            "--sout=#transcode{{vcodec=FFV1,acodec=s16l}}:std{{access=file,mux=avformat{{mux=matroska}},dst={}}}",
            out.display()
        ));
    })
}

/// What Shotcut and Kdenlive are made of.
fn mlt(sample: &Sample) -> Read {
    written_by(sample, "melt", |melt, file, out| {
        melt.arg(file)
            .arg("-consumer")
            .arg(format!("avformat:{}", out.display()));
        melt.args([
            "f=matroska",
            "vcodec=ffv1",
            "acodec=pcm_s16le",
            "real_time=-1",
        ]);
    })
}

/// What Pitivi is made of. The size is that of the project.
fn ges(sample: &Sample) -> Read {
    let read = written_by(sample, "ges-launch-1.0", |ges, file, out| {
        ges.arg("+clip").arg(file).arg("-o").arg(out);
        ges.args(["-f", "video/x-matroska:video/x-vp8:audio/x-opus"]);
        ges.arg("--video-caps=video/x-raw,width=320,height=180,framerate=15/1");
    });
    Read { size: None, ..read }
}

fn handbrake(sample: &Sample) -> Read {
    written_by(sample, "HandBrakeCLI", |handbrake, file, out| {
        handbrake.arg("-i").arg(file).arg("-o").arg(out);
        handbrake.args([
            "-f",
            "av_mkv",
            "-e",
            "x264",
            "-q",
            "12",
            "--encoder-preset",
            "ultrafast",
        ]);
        handbrake.args(["-E", "flac16", "--vfr", "--crop", "0:0:0:0"]);
    })
}

/// The size is that of the scene.
fn blender(sample: &Sample) -> Read {
    let read = written_by(sample, "blender", |blender, file, out| {
        blender.args([
            "--background",
            "--factory-startup",
            "--python-expr",
            BLENDER,
            "--",
        ]);
        blender.arg(file).arg(out);
    });
    Read { size: None, ..read }
}
