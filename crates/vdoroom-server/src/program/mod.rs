// SPDX-License-Identifier: MPL-2.0
//! The program as an administrator runs it: from its options to the signal that ends it.
//!
//! `main` calls [`run`], on the main thread; the server has a thread of its own, and what is printed
//! another. From bottom to top: `lines`, `certificate`, `options`, and here the run.

mod certificate;
mod lines;
mod options;

use std::{
    io::{self, IsTerminal, Write},
    net::{IpAddr, Ipv4Addr},
    process::ExitCode,
};

use async_signal::{Signal, Signals};
use clap::{CommandFactory, Parser};
use smol::{channel::Receiver, stream::StreamExt};
use vdoroom_server::{Limits, Pages, RoomServer, open_files};

use certificate::TlsArguments;
use lines::Lines;
use options::Arguments;

/// Signals that end the server or renew its certificate. On Windows there is only Ctrl+C.
const SIGNALS: &[Signal] = match cfg!(windows) {
    true => &[Signal::Int],
    false => &[Signal::Int, Signal::Term, Signal::Hup],
};
/// Descriptors that are no connections.
const OTHER_FILES: u64 = 32;

pub fn run() -> ExitCode {
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
    let pages = Pages {
        status: !arguments.no_status_page,
        publisher: !arguments.no_publisher_page,
        cafile: arguments.tls.cafile(),
    };
    let limits = within_open_files(arguments.limits.limits());
    let lines = Lines::start();
    let (end, ended) = smol::channel::bounded(1);
    let mut builder = RoomServer::builder()
        .listen(arguments.listen)
        .dialect(arguments.dialect.into())
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
    let signals = Signals::new(SIGNALS);
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

/// As many connections as this process may have, besides its other files.
fn within_open_files(mut limits: Limits) -> Limits {
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
