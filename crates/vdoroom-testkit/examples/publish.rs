// SPDX-License-Identifier: MPL-2.0
//! Test publishers: people who hold up a frame counter and beep once a second.
//!
//! ```sh
//! cargo run -p vdoroom-testkit --example publish -- --room demo alice:h264 bob:vp8 charlie:vp9
//! ```

use std::{path::PathBuf, process::ExitCode, str::FromStr, sync::mpsc, time::Duration};

use clap::{Parser, ValueEnum};
use vdoroom_testkit::{Codec, Dialect, Flavour, Password, Publisher};

#[derive(Parser)]
#[command(about = "Publishes test video and beeps into a room")]
struct Arguments {
    /// Room server
    #[arg(long, value_name = "URL", default_value = "ws://127.0.0.1:8443")]
    server: String,
    /// Room to join
    #[arg(long)]
    room: String,
    /// The room's password; "off" for none at all
    #[arg(long)]
    password: Option<String>,
    /// How the server wants to be talked to
    #[arg(long, value_enum, default_value_t = DialectName::Hosted)]
    dialect: DialectName,
    /// Certificates to trust for wss, PEM
    #[arg(long, value_name = "FILE")]
    cafile: Option<PathBuf>,
    /// Stop after this many seconds; without it, run until interrupted
    #[arg(long)]
    seconds: Option<u64>,
    /// Who publishes: NAME:CODEC[:KIND], CODEC one of h264, h265, vp8, vp9, av1, KIND one of
    /// browser, sdk, raspberry, obs
    #[arg(required = true, value_name = "PERSON")]
    people: Vec<Person>,
}

#[derive(Clone, Copy, ValueEnum)]
enum DialectName {
    Hosted,
    Relay,
}

#[derive(Clone)]
struct Person {
    name: String,
    codec: Codec,
    flavour: Flavour,
}

impl FromStr for Person {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(':');
        let name = parts
            .next()
            .filter(|name| !name.is_empty())
            .ok_or("a name is missing")?;
        let codec = match parts.next().unwrap_or("h264") {
            "h264" => Codec::H264,
            "vp8" => Codec::Vp8,
            "vp9" => Codec::Vp9,
            "h265" => Codec::H265,
            "av1" => Codec::Av1,
            other => return Err(format!("no codec {other}: h264, h265, vp8, vp9 or av1")),
        };
        let flavour = match parts.next().unwrap_or("browser") {
            "browser" => Flavour::Browser,
            "sdk" => Flavour::Sdk,
            "raspberry" => Flavour::Raspberry,
            "obs" => Flavour::Obs,
            other => return Err(format!("no kind {other}: browser, sdk, raspberry or obs")),
        };
        Ok(Self {
            name: name.into(),
            codec,
            flavour,
        })
    }
}

fn main() -> ExitCode {
    match publish(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("publish: {error}");
            ExitCode::FAILURE
        }
    }
}

fn publish(arguments: &Arguments) -> Result<(), String> {
    let (stop, stopped) = mpsc::channel();
    ctrlc::set_handler(move || {
        // A second signal while stopping changes nothing.
        let _ = stop.send(());
    })
    .map_err(|error| error.to_string())?;
    let publishers = arguments
        .people
        .iter()
        .map(|person| start(person, arguments))
        .collect::<Result<Vec<_>, _>>()?;
    match arguments.seconds {
        Some(seconds) => drop(stopped.recv_timeout(Duration::from_secs(seconds))),
        None => drop(stopped.recv()),
    }
    for (person, publisher) in arguments.people.iter().zip(publishers) {
        println!("{} sent {} frames", person.name, publisher.frames_sent());
        publisher.stop();
    }
    Ok(())
}

fn start(person: &Person, arguments: &Arguments) -> Result<Publisher, String> {
    let password = match arguments.password.as_deref() {
        None | Some("") => Password::Default,
        Some("false" | "0" | "off") => Password::Off,
        Some(text) => Password::own(text),
    };
    let dialect = match arguments.dialect {
        DialectName::Hosted => Dialect::Hosted,
        DialectName::Relay => Dialect::Relay,
    };
    let mut builder = Publisher::builder(&arguments.server, &arguments.room, &person.name)
        .codec(person.codec)
        .flavour(person.flavour)
        .password(password)
        .dialect(dialect);
    if let Some(file) = &arguments.cafile {
        let pem = std::fs::read_to_string(file)
            .map_err(|error| format!("{}: {error}", file.display()))?;
        builder = builder.ca(&pem);
    }
    builder
        .start()
        .map_err(|error| format!("{}: {error}", person.name))
}
