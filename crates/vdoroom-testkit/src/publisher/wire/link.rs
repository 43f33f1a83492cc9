// SPDX-License-Identifier: MPL-2.0
//! A publisher's websocket.

use std::sync::Arc;

use async_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, http::Uri},
};
use futures_rustls::{
    TlsConnector,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
    rustls::{ClientConfig, RootCertStore, crypto::ring},
};
use futures_util::{FutureExt, StreamExt, select_biased};
use smol::{
    channel::{Receiver, Sender},
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

use crate::publisher::settings::Target;

use super::events::Event;

trait Io: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Io for T {}

/// Connects and carries messages until either side ends; `serial` tells this socket from a later
/// one. Ends silently when `outgoing` is closed.
pub async fn run(target: Target, serial: u64, events: Sender<Event>, outgoing: Receiver<String>) {
    let error = match connect(&target).await {
        Ok(socket) => {
            let _ = events.send(Event::SocketOpen(serial)).await;
            carry(socket, serial, &events, &outgoing).await
        }
        Err(error) => error,
    };
    let _ = events.send(Event::SocketClosed(serial, error)).await;
}

async fn connect(target: &Target) -> Result<WebSocketStream<Box<dyn Io>>, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let url: Uri = target.url.parse().map_err(|error| text(&error))?;
    let host = url.host().ok_or("the server URL has no host")?;
    let host = host.trim_matches(['[', ']']);
    let tls = url.scheme_str() == Some("wss");
    let port = url.port_u16().unwrap_or(if tls { 443 } else { 80 });
    let tcp = TcpStream::connect((host, port))
        .await
        .map_err(|error| text(&error))?;
    let io: Box<dyn Io> = if tls {
        let name = ServerName::try_from(host.to_owned()).map_err(|error| text(&error))?;
        let connector = connector(target.ca_pem.as_deref())?;
        Box::new(
            connector
                .connect(name, tcp)
                .await
                .map_err(|error| text(&error))?,
        )
    } else {
        Box::new(tcp)
    };
    let (socket, _) = client_async(&target.url, io)
        .await
        .map_err(|error| text(&error))?;
    Ok(socket)
}

fn connector(ca_pem: Option<&str>) -> Result<TlsConnector, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_pem.unwrap_or_default().as_bytes()) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

async fn carry(
    mut socket: WebSocketStream<Box<dyn Io>>,
    serial: u64,
    events: &Sender<Event>,
    outgoing: &Receiver<String>,
) -> String {
    loop {
        select_biased! {
            out = outgoing.recv().fuse() => match out {
                Ok(text) => {
                    if let Err(error) = socket.send(Message::text(text)).await {
                        return error.to_string();
                    }
                }
                Err(_) => {
                    let _ = socket.close(None).await;
                    return "closed".into();
                }
            },
            received = socket.next().fuse() => match received {
                Some(Ok(Message::Text(text))) => {
                    let text = text.as_str().to_owned();
                    let _ = events.send(Event::SocketText(serial, text)).await;
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return error.to_string(),
                None => return "closed by the server".into(),
            },
        }
    }
}
