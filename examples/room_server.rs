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
//!
//! On the same port are two pages for browsers: who is in which room, and one that publishes camera,
//! microphone and screen.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
    sync::mpsc,
};

use clap::{CommandFactory, Parser, ValueEnum};
use clap_complete::Shell;
use vdoroom_test_support::server::{Certificate, Dialect, Pages, RoomEvent, RoomServer};

/// A room server: lists rooms and carries handshakes, never media.
#[derive(Parser)]
#[command(name = "vdoroom-server", version)]
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
    /// Do not show the page that says who is in which room
    #[arg(long)]
    no_status_page: bool,
    /// Do not show the page that publishes from a browser
    #[arg(long)]
    no_publisher_page: bool,
    /// Print the manual page
    #[arg(long, hide = true)]
    man: bool,
    /// Print the completion for a shell
    #[arg(long, value_name = "SHELL", hide = true)]
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
    let arguments = Arguments::parse();
    let outcome = if arguments.man {
        let page = clap_mangen::Man::new(Arguments::command());
        page.render(&mut io::stdout())
            .map_err(|error| error.to_string())
    } else if let Some(shell) = arguments.completion {
        let mut command = Arguments::command();
        clap_complete::generate(shell, &mut command, "vdoroom-server", &mut io::stdout());
        Ok(())
    } else {
        serve(&arguments)
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vdoroom-server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(arguments: &Arguments) -> Result<(), String> {
    let dialect = match arguments.dialect {
        DialectName::Hosted => Dialect::Hosted,
        DialectName::Relay => Dialect::Relay,
    };
    let pages = Pages {
        status: !arguments.no_status_page,
        publisher: !arguments.no_publisher_page,
        // Where it lies is nobody else's business.
        cafile: arguments
            .self_signed
            .as_ref()
            .and_then(|file| file.file_name())
            .map(|name| name.to_string_lossy().into_owned()),
    };
    let mut builder = RoomServer::builder()
        .listen(arguments.listen)
        .dialect(dialect)
        .pages(pages.clone())
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
    introduce(&server, &pages, arguments);
    let _ = stopped.recv();
    server.stop();
    Ok(())
}

/// Says where the pages are, and which line records what they publish.
fn introduce(server: &RoomServer, pages: &Pages, arguments: &Arguments) {
    let address = server.address();
    // Nobody can open the address that stands for all.
    let host = match (arguments.names.first(), address.ip()) {
        (Some(name), _) => name.clone(),
        (None, IpAddr::V6(ip)) if !ip.is_unspecified() => format!("[{ip}]"),
        (None, ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.to_string(),
        (None, ip) => ip.to_string(),
    };
    let reached = |url: &str| {
        url.replacen(
            &address.to_string(),
            &format!("{host}:{}", address.port()),
            1,
        )
    };
    let page = reached(&server.pages_url());
    if pages.status {
        println!("who is here: {page}/");
    }
    if pages.publisher {
        println!("publish from a browser: {page}/publish?room=studio");
    }
    let cafile = arguments.self_signed.as_ref();
    let cafile = cafile.map(|file| format!(" cafile={}", file.display()));
    println!(
        "record: gst-launch-1.0 -e vdoroomsrc server={}{} room=studio : roomfilesink location=rec",
        reached(server.url()),
        cafile.unwrap_or_default()
    );
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
