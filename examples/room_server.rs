// SPDX-License-Identifier: MPL-2.0
//! A room server of one's own, for tests and for rooms on one's own network.
//!
//! ```sh
//! cargo run --example room_server -- --listen 0.0.0.0:8443 --self-signed --name 192.168.1.5
//! ```
//!
//! Without `--name` a certificate made by `--self-signed` is for this machine's own loopback names
//! and the address of `--listen`: other machines that reach the server by another name or address
//! refuse it.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode, sync::mpsc};

use clap::{CommandFactory, Parser, ValueEnum};
use clap_complete::Shell;
use vdoroom_test_support::server::{Certificate, Dialect, RoomEvent, RoomServer};

#[derive(Parser)]
#[command(name = "vdoroom-server", bin_name = "vdoroom-server")]
#[command(about = "A room server: lists rooms and carries handshakes, never media")]
struct Arguments {
    /// Address and port to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8443")]
    listen: SocketAddr,
    /// How clients are to talk to it
    #[arg(long, value_enum, default_value_t = DialectName::Hosted)]
    dialect: DialectName,
    /// Certificate chain for wss, PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Key of the certificate, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Serve wss with a certificate made now, and write it to this file for clients to trust
    #[arg(
        long,
        value_name = "FILE",
        num_args = 0..=1,
        default_missing_value = "room-server.pem",
        conflicts_with = "tls_cert"
    )]
    self_signed: Option<PathBuf>,
    /// Host name or address by which other machines reach this server, for the certificate that is
    /// made now; may be given several times
    #[arg(long = "name", value_name = "HOST", requires = "self_signed")]
    names: Vec<String>,
    /// Print the man page
    #[arg(long, hide = true)]
    man: bool,
    /// Print what completes the options in a shell
    #[arg(long, hide = true, value_name = "SHELL")]
    completion: Option<Shell>,
}

#[derive(Clone, Copy, ValueEnum)]
enum DialectName {
    /// Knows rooms and lists their members
    Hosted,
    /// Passes messages on to the members of a room
    Relay,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("room_server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let mut command = Arguments::command();
    if arguments.man {
        clap_mangen::Man::new(command)
            .render(&mut std::io::stdout())
            .map_err(|error| error.to_string())
    } else if let Some(shell) = arguments.completion {
        let name = command.get_name().to_owned();
        clap_complete::generate(shell, &mut command, name, &mut std::io::stdout());
        Ok(())
    } else {
        serve(arguments)
    }
}

fn serve(arguments: &Arguments) -> Result<(), String> {
    let dialect = match arguments.dialect {
        DialectName::Hosted => Dialect::Hosted,
        DialectName::Relay => Dialect::Relay,
    };
    let mut builder = RoomServer::builder()
        .listen(arguments.listen)
        .dialect(dialect)
        .on_event(print);
    if let Some(certificate) = certificate(arguments)? {
        builder = builder.certificate(certificate);
    }
    let (stop, stopped) = mpsc::channel();
    ctrlc::set_handler(move || {
        // A second signal while stopping changes nothing.
        let _ = stop.send(());
    })
    .map_err(|error| error.to_string())?;
    let server = builder
        .start()
        .map_err(|error| format!("{}: {error}", arguments.listen))?;
    println!("listening on {}", server.url());
    let _ = stopped.recv();
    server.stop();
    Ok(())
}

fn certificate(arguments: &Arguments) -> Result<Option<Certificate>, String> {
    let read = |path: &PathBuf| {
        std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
    };
    if let (Some(chain), Some(key)) = (&arguments.tls_cert, &arguments.tls_key) {
        return Ok(Some(Certificate {
            chain: read(chain)?,
            key: read(key)?,
        }));
    }
    let Some(file) = &arguments.self_signed else {
        return Ok(None);
    };
    let address = arguments.listen.ip().to_string();
    let mut names = vec!["localhost", "127.0.0.1", "::1", &address];
    names.extend(arguments.names.iter().map(String::as_str));
    let certificate = Certificate::self_signed(&names)?;
    std::fs::write(file, &certificate.chain)
        .map_err(|error| format!("{}: {error}", file.display()))?;
    println!("clients that trust {} accept this server", file.display());
    Ok(Some(certificate))
}

fn print(event: &RoomEvent) {
    let in_room = |room: &Option<String>| match room {
        Some(room) => format!("{room}: "),
        None => String::new(),
    };
    match event {
        RoomEvent::Joined { room, uuid } => println!("{room}: {uuid} joined"),
        RoomEvent::Seeded {
            room,
            uuid,
            stream_id,
        } => {
            println!("{}{uuid} publishes {stream_id}", in_room(room));
        }
        RoomEvent::Left {
            room,
            uuid,
            stream_id,
        } => {
            let what = stream_id
                .as_ref()
                .map(|id| format!(" ({id})"))
                .unwrap_or_default();
            println!("{}{uuid}{what} left", in_room(room));
        }
    }
}
