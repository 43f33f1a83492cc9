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

mod certificate;
mod lines;

use std::{
    io::{self, IsTerminal, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    process::ExitCode,
};

use async_signal::{Signal, Signals};
use clap::{Args, CommandFactory, Parser, ValueEnum};
use clap_complete::Shell;
use smol::{channel::Receiver, stream::StreamExt};
use vdoroom_test_support::{
    open_files,
    server::{Dialect, Limits, Pages, RoomServer},
};

use certificate::TlsArguments;
use lines::Lines;

/// Descriptors that are no connections.
const OTHER_FILES: u64 = 32;

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
    #[command(flatten)]
    tls: TlsArguments,
    /// Do not show the page that says who is in which room
    #[arg(long)]
    no_status_page: bool,
    /// Do not show the page that publishes from a browser
    #[arg(long)]
    no_publisher_page: bool,
    #[command(flatten)]
    limits: LimitArguments,
    /// Print the manual page
    #[arg(long, hide = true)]
    man: bool,
    /// Print the completion for a shell
    #[arg(long, value_name = "SHELL", hide = true)]
    completion: Option<Shell>,
}

#[derive(Args)]
#[command(next_help_heading = "Limits")]
struct LimitArguments {
    /// Connections at a time, those of browsers that look at the pages included
    #[arg(long, value_name = "N", default_value_t = Limits::default().connections)]
    max_connections: usize,
    /// Connections at a time of one IPv4 address or IPv6 network (/64); behind a reverse proxy all
    /// have one address
    #[arg(long, value_name = "N", default_value_t = Limits::default().connections_per_address)]
    max_connections_per_address: usize,
    /// Rooms at a time
    #[arg(long, value_name = "N", default_value_t = Limits::default().rooms)]
    max_rooms: usize,
    /// Rooms at a time that were opened from one address
    #[arg(long, value_name = "N", default_value_t = Limits::default().rooms_per_address)]
    max_rooms_per_address: usize,
    /// Members of a room
    #[arg(long, value_name = "N", default_value_t = Limits::default().members_per_room)]
    max_members: usize,
    /// Messages a second of one connection, and to others because of them
    #[arg(long, value_name = "N", default_value_t = Limits::default().messages)]
    max_messages: u32,
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
            complain(&error);
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
        cafile: arguments.tls.cafile(),
    };
    let limits = limits(&arguments.limits);
    let lines = Lines::start();
    let (end, ended) = smol::channel::bounded(1);
    let mut builder = RoomServer::builder()
        .listen(arguments.listen)
        .dialect(dialect)
        .limits(limits)
        .pages(pages.clone())
        .on_event(lines.watcher())
        // There is room for one, and there is one.
        .on_end(move || {
            let _ = end.try_send(());
        });
    if let Some(certificate) = arguments.tls.certificate(arguments.listen, &lines)? {
        builder = builder.certificate(certificate);
    }
    // Before anybody can be told to come: an early signal is not lost.
    let signals = Signals::new([Signal::Int, Signal::Term, Signal::Hup]);
    let signals = signals.map_err(|error| error.to_string())?;
    let server = builder
        .start()
        .map_err(|error| format!("{}: {error}", arguments.listen))?;
    lines.print(format!("listening on {}", server.url()));
    introduce(&server, &pages, arguments, &lines);
    let outcome = smol::block_on(wait(signals, &ended, &server, &arguments.tls));
    server.stop();
    outcome
}

/// Waits for a signal that ends the server, or for its end by itself, which is an error.
async fn wait(
    mut signals: Signals,
    ended: &Receiver<()>,
    server: &RoomServer,
    tls: &TlsArguments,
) -> Result<(), String> {
    // A terminal that is closed sends this signal too.
    let has_terminal = io::stdin().is_terminal();
    loop {
        let signal = async { signals.next().await.and_then(Result::ok) };
        let end = async {
            let _ = ended.recv().await;
            None
        };
        match smol::future::or(signal, end).await {
            Some(Signal::Hup) if !has_terminal || tls.has_files() => match tls.reload(server) {
                Ok(()) => {}
                Err(error) => complain(&format!("the certificate stays as it was: {error}")),
            },
            Some(_) => return Ok(()),
            None => return Err("the server has ended by itself".into()),
        }
    }
}

fn limits(arguments: &LimitArguments) -> Limits {
    let mut limits = Limits {
        connections: arguments.max_connections,
        connections_per_address: arguments.max_connections_per_address,
        rooms: arguments.max_rooms,
        rooms_per_address: arguments.max_rooms_per_address,
        members_per_room: arguments.max_members,
        messages: arguments.max_messages,
    };
    let files = open_files::allow(limits.connections as u64 + OTHER_FILES);
    let possible = usize::try_from(files.saturating_sub(OTHER_FILES)).unwrap_or(usize::MAX);
    if possible < limits.connections {
        complain(&format!(
            "no more than {possible} connections: the limit of open files is {files} (ulimit -n)"
        ));
        limits.connections = possible;
    }
    limits
}

/// Standard error may be closed.
fn complain(what: &str) {
    let _ = writeln!(io::stderr(), "vdoroom-server: {what}");
}

/// Says where the pages are, and which line records what they publish.
fn introduce(server: &RoomServer, pages: &Pages, arguments: &Arguments, lines: &Lines) {
    let address = server.address();
    // The address that stands for all cannot be opened.
    let host = match (arguments.tls.names.first(), address.ip()) {
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
        lines.print(format!("who is here: {page}/"));
    }
    if pages.publisher {
        lines.print(format!(
            "publish from a browser: {page}/publish?room=studio"
        ));
    }
    let cafile = arguments.tls.self_signed.as_ref();
    let cafile = cafile.map(|file| format!(" cafile={}", file.display()));
    lines.print(format!(
        "record: gst-launch-1.0 -e vdoroomsrc server={}{} room=studio : roomfilesink location=rec",
        reached(server.url()),
        cafile.unwrap_or_default()
    ));
}
