// SPDX-License-Identifier: MPL-2.0
//! A plain web server of one folder, with ranges, and the page on it that plays a file and tells how
//! that went.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// A browser starts, and plays some seconds.
const DEADLINE: Duration = Duration::from_secs(60);

const PAGE: &str = r#"<!doctype html><meta charset="utf-8"><title>player</title>
<video muted playsinline></video>
<script>
const video = document.querySelector('video');
const tell = (what) => fetch('/told?' + new URLSearchParams({
    what, time: video.currentTime, duration: video.duration,
    width: video.videoWidth, height: video.videoHeight,
    frames: video.getVideoPlaybackQuality().totalVideoFrames,
    audio: video.mozHasAudio ?? video.webkitAudioDecodedByteCount > 0,
    error: video.error?.message ?? '',
}));
video.addEventListener('error', () => tell('error'));
video.addEventListener('seeked', () => tell('seeked'));
video.addEventListener('ended', () => {
    tell('ended').then(() => { video.currentTime = 1; });
}, { once: true });
video.src = location.search.slice(1);
video.play().catch((error) => fetch('/told?' + new URLSearchParams({ what: 'error', error })));
</script>
"#;

/// What the page told.
pub type Told = BTreeMap<String, String>;

pub struct Server {
    /// Host and port.
    pub address: String,
    /// What pages tell.
    pub told: Receiver<Told>,
}

impl Server {
    pub fn start(folder: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (tell, told) = channel();
        let folder = folder.to_owned();
        // It ends with the test's process.
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (folder, tell) = (folder.clone(), tell.clone());
                // A browser that has enough closes its connection.
                thread::spawn(move || drop(serve(&connection, &folder, &tell)));
            }
        });
        Self { address, told }
    }

    /// The page that plays a file.
    pub fn page(&self, file: &str) -> String {
        format!("http://{}/?{file}", self.address)
    }

    /// Waits until the page tells this; an error of the player is one of the test.
    pub fn wait_for(&self, what: &str) -> Told {
        let until = Instant::now() + DEADLINE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let told = self.told.recv_timeout(left);
            let told = told.unwrap_or_else(|_| panic!("the page has not told {what}"));
            assert_ne!(told["what"], "error", "{told:?}");
            if told["what"] == what {
                return told;
            }
        }
    }
}

fn serve(mut connection: &TcpStream, folder: &Path, tell: &Sender<Told>) -> std::io::Result<()> {
    let mut lines = BufReader::new(connection).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    let mut range = None;
    for line in lines {
        let line = line?.to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(bytes) = line.strip_prefix("range: bytes=") {
            range = Some(bytes.to_owned());
        }
    }
    let target = request.split(' ').nth(1).unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    match path {
        "/" => answer(connection, "200 OK", "text/html", PAGE.as_bytes()),
        "/told" => {
            let fields = query.split('&').filter_map(|field| field.split_once('='));
            // The test may be over.
            let _ = tell.send(fields.map(|(k, v)| (k.into(), v.into())).collect());
            answer(connection, "204 No Content", "text/plain", b"")
        }
        name => match std::fs::File::open(folder.join(name.trim_start_matches('/'))) {
            Ok(file) => send_file(&mut connection, file, kind(name), range.as_deref()),
            Err(_) => answer(connection, "404 Not Found", "text/plain", b""),
        },
    }
}

fn answer(mut to: &TcpStream, status: &str, kind: &str, body: &[u8]) -> std::io::Result<()> {
    let length = body.len();
    write!(
        to,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    to.write_all(body)
}

fn kind(name: &str) -> &'static str {
    match name.rsplit_once('.') {
        Some((_, "html")) => "text/html",
        Some((_, "webm")) => "video/webm",
        Some((_, "mkv")) => "video/x-matroska",
        Some((_, "ts")) => "video/mp2t",
        Some((_, "mov")) => "video/quicktime",
        _ => "video/mp4",
    }
}

/// What the file has at this moment (RFC 9110 section 14).
fn send_file(
    to: &mut &TcpStream,
    mut file: std::fs::File,
    kind: &str,
    range: Option<&str>,
) -> std::io::Result<()> {
    let size = file.metadata()?.len();
    let (first, last) = range.and_then(|r| r.split_once('-')).unwrap_or(("0", ""));
    let first: u64 = first.parse().unwrap_or(0);
    let end = last.parse().map_or(size, |last: u64| last + 1).min(size);
    let length = end.saturating_sub(first);
    let status = match range {
        Some(_) => format!(
            "206 Partial Content\r\nContent-Range: bytes {first}-{}/{size}",
            end.saturating_sub(1)
        ),
        None => "200 OK".into(),
    };
    write!(
        to,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nAccept-Ranges: bytes\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    file.seek(SeekFrom::Start(first))?;
    std::io::copy(&mut file.take(length), to)?;
    Ok(())
}

/// The name under which the server has a file of its folder.
pub fn name(file: &Path) -> String {
    let name: PathBuf = file.file_name().unwrap().into();
    name.to_string_lossy().into_owned()
}
