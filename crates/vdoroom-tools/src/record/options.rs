// SPDX-License-Identifier: MPL-2.0
//! What `vdoroom record` can be asked for.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use clap::{Args, ValueEnum};

const AFTER_HELP: &str = "\
m on a terminal marks the moment: vdoroom list shows marks, and vdoroom timeline makes markers of them.

Ends with q, Ctrl+C, SIGTERM or SIGHUP: all files are closed, and a table of them is printed. Asked a second time, it does \
not wait for the files. Without a terminal, it prints a line for each change.

Exit status: 0: all files are whole. 1: the room could not be joined, or an error ended the recording. 2: the options \
are wrong, or a value was refused. 3: a file failed, or was not closed in time.";

/// Records a VDO.Ninja room, each person into a file of their own
///
/// Joins the room, receives everybody in it, and writes what they send as it is, audio and video together: H.264 and
/// H.265 into MPEG-TS, all else into Matroska.
#[derive(Args)]
#[command(after_long_help = AFTER_HELP)]
pub struct Options {
    #[command(flatten)]
    pub room: RoomOptions,
    #[command(flatten)]
    pub media: MediaOptions,
    #[command(flatten)]
    pub network: NetworkOptions,
    #[command(flatten)]
    pub files: FileOptions,
    #[command(flatten)]
    pub run: RunOptions,
}

#[derive(Args)]
#[command(next_help_heading = "Room")]
pub struct RoomOptions {
    /// Room to record; without one, --streams are received without a room
    #[arg(long, required_unless_present = "streams")]
    pub room: Option<String>,
    /// Room server, ws:// or wss://
    #[arg(long, value_name = "URL", default_value = "ws://127.0.0.1:8443")]
    pub server: String,
    /// Environment variable that holds the room's password
    #[arg(long, value_name = "NAME")]
    pub password_env: Option<String>,
    /// Host name of the page that the guests use, for passwords [default: vdo.ninja]
    #[arg(long, value_name = "HOST")]
    pub salt: Option<String>,
    /// Dialect of the room server [default: auto]
    #[arg(long)]
    pub dialect: Option<Dialect>,
    /// Name that people in the room see [default: Recorder]
    #[arg(long)]
    pub label: Option<String>,
    /// Only these stream IDs, with commas between them; * and ? are wildcards
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub streams: Vec<String>,
    /// All but these stream IDs
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub exclude_streams: Vec<String>,
    /// Maximum number of streams at a time; 0 is no limit
    #[arg(long, value_name = "N")]
    pub max_streams: Option<u32>,
    /// Index of this recorder among --shard-count recorders, from 0
    #[arg(long, value_name = "N", requires = "shard_count")]
    pub shard_index: Option<u32>,
    /// Number of recorders that share the room
    #[arg(long, value_name = "N")]
    pub shard_count: Option<NonZeroU32>,
}

#[derive(Args)]
#[command(next_help_heading = "Media")]
pub struct MediaOptions {
    /// Codecs by preference, of H264, H265, VP8, VP9 and AV1 [default: all]
    #[arg(long, value_name = "CODEC", value_delimiter = ',')]
    pub video_codecs: Vec<String>,
    /// Codecs by preference, of OPUS, G722, PCMU and PCMA [default: all]
    #[arg(long, value_name = "CODEC", value_delimiter = ',')]
    pub audio_codecs: Vec<String>,
    /// Video bitrate to request, kbit/s; 0: the guest decides
    #[arg(long, value_name = "KBIT")]
    pub video_bitrate: Option<u32>,
    /// Audio bitrate to request, kbit/s; 0: the guest decides
    #[arg(long, value_name = "KBIT")]
    pub audio_bitrate: Option<u32>,
    /// Record no audio
    #[arg(long)]
    pub no_audio: bool,
    /// Record no video
    #[arg(long)]
    pub no_video: bool,
    /// Record no screens that are shared beside a camera
    #[arg(long)]
    pub no_screen: bool,
    /// Time to wait for late packets, ms [default: 500]
    #[arg(long, value_name = "MS")]
    pub latency: Option<u32>,
}

#[derive(Args)]
#[command(next_help_heading = "Network")]
pub struct NetworkOptions {
    /// STUN server, stun://HOST:PORT [default: none]
    #[arg(long, value_name = "URL")]
    pub stun_server: Option<String>,
    /// TURN server, turn:HOST:PORT or turns:HOST:PORT; may be given several times [default: none]
    #[arg(long = "turn-server", value_name = "URL")]
    pub turn_servers: Vec<String>,
    /// User of the TURN servers
    #[arg(long, value_name = "NAME")]
    pub turn_user: Option<String>,
    /// Environment variable that holds the password of the TURN servers
    #[arg(long, value_name = "NAME")]
    pub turn_password_env: Option<String>,
    /// relay: use TURN servers only [default: all]
    #[arg(long, value_name = "POLICY")]
    pub ice_transport_policy: Option<IceTransportPolicy>,
    /// First local UDP port
    #[arg(long, value_name = "PORT")]
    pub min_rtp_port: Option<u16>,
    /// Last local UDP port
    #[arg(long, value_name = "PORT")]
    pub max_rtp_port: Option<u16>,
    /// PEM file of the certificate authorities to trust [default: the system's]
    #[arg(long, value_name = "FILE")]
    pub cafile: Option<PathBuf>,
    /// Accept any certificate of the servers
    #[arg(long)]
    pub insecure_tls: bool,
}

#[derive(Args)]
#[command(next_help_heading = "Files")]
pub struct FileOptions {
    /// Where the files go: a folder ending in /, a prefix, or a template with %r %s %l %t %d %n %e
    #[arg(long, default_value = "recording")]
    pub location: String,
    /// Format of the files [default: auto]
    #[arg(long)]
    pub container: Option<Container>,
    /// Begin a new file after this time, such as 30m or 1h
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub max_file_time: Option<Duration>,
    /// Begin a new file at this size, such as 500MB or 4GB
    #[arg(long, value_name = "SIZE")]
    pub max_file_size: Option<ByteSize>,
    /// Disk space to keep free [default: 256MiB]
    #[arg(long, value_name = "SIZE")]
    pub min_free_space: Option<ByteSize>,
    /// File for the list of parts; empty: none [default: beside the files]
    #[arg(long, value_name = "FILE")]
    pub manifest: Option<String>,
    /// Put the SHA-256 of each closed file into the manifest
    #[arg(long)]
    pub checksum: bool,
    /// Record into Matroska, and when all is recorded, write NAME.xges, NAME-mosaic.xges and NAME.otio for editors; the
    /// manifest is NAME.manifest.jsonl
    #[arg(long, value_name = "NAME", conflicts_with_all = ["container", "manifest"])]
    pub timeline: Option<PathBuf>,
}

#[derive(Args)]
#[command(next_help_heading = "Running")]
pub struct RunOptions {
    /// Stop after this many seconds; without it, record until q or Ctrl+C
    #[arg(long, value_name = "N")]
    pub seconds: Option<u64>,
    /// Print one JSON object per line, for scripts
    #[arg(long)]
    pub json: bool,
    /// How often --json prints a line of status
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = humantime::parse_duration)]
    pub interval: Duration,
    /// Serve metrics for Prometheus at http://ADDRESS:PORT/metrics
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub metrics: Option<SocketAddr>,
    /// Any other property of vdoroomsrc or roomfilesink, such as rejoin-window=60000
    #[arg(long = "set", value_name = "PROPERTY=VALUE", value_parser = assignment)]
    pub properties: Vec<(String, String)>,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Dialect {
    /// Detect
    Auto,
    /// The server knows rooms and lists their members
    Hosted,
    /// The server only relays messages
    Relay,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum IceTransportPolicy {
    All,
    Relay,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Container {
    /// MPEG-TS for H.264 and H.265, Matroska for all others
    Auto,
    /// Matroska for all
    Matroska,
    /// MPEG-TS for all that it holds; nothing else is recorded
    Mpegts,
    /// WebM for people who send nothing but VP8, VP9, AV1 and Opus; the others as auto
    Webm,
    /// MP4 for H.264, H.265, VP9 and AV1 with Opus or AAC, Matroska for all others
    Mp4,
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("it has no =")?;
    Ok((name.into(), value.into()))
}
