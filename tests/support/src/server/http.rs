// SPDX-License-Identifier: MPL-2.0
//! What comes in over HTTP: a websocket's handshake, or a request for a page.

use std::{cell::Cell, convert::Infallible, rc::Rc, time::Duration};

use async_tungstenite::{
    WebSocketStream,
    tungstenite::{
        handshake::server::create_response_with_body,
        protocol::{Role, WebSocketConfig},
    },
};
use futures_rustls::TlsAcceptor;
use futures_util::future::{Either, select};
use http_body_util::Full;
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::UPGRADE,
    server::conn::http1,
    service::service_fn,
    upgrade::OnUpgrade,
};
use smol::{
    Timer,
    channel::Sender,
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use smol_hyper::rt::{FuturesIo, SmolTimer};

use super::{
    hub::Input,
    pages::{self, Pages},
};

/// How long a client may take for TLS, and for each request; also for the next request on a
/// connection that stays open.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection that only fetches pages ends after this; browsers open another one unasked.
const PAGES_TIMEOUT: Duration = Duration::from_secs(60);
/// How much of a request is kept until its end is seen: browsers send one or two KiB.
const MAX_REQUEST: usize = 16 * 1024;
/// Well above what any client may send (protocol 1.1).
const MAX_MESSAGE: usize = 256 * 1024;

pub trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}
pub type Socket = WebSocketStream<Box<dyn Io>>;
type Body = Full<Bytes>;

/// Serves pages until the client wants a websocket; nothing if it leaves without.
pub async fn open(
    tcp: TcpStream,
    tls: Option<TlsAcceptor>,
    hub: &Sender<Input>,
    pages: Rc<Pages>,
) -> Option<Socket> {
    // Fails for a connection that is gone already.
    let _ = tcp.set_nodelay(true);
    let io: Box<dyn Io> = match tls {
        Some(tls) => Box::new(within(REQUEST_TIMEOUT, tls.accept(tcp)).await?.ok()?),
        None => Box::new(tcp),
    };
    let upgrade = Rc::new(Cell::new(None));
    let service = service_fn(|request| {
        let (hub, pages, upgrade) = (hub.clone(), pages.clone(), upgrade.clone());
        async move { Ok::<_, Infallible>(answer(request, &pages, &hub, &upgrade).await) }
    });
    let mut connection = http1::Builder::new()
        .timer(SmolTimer::new())
        .header_read_timeout(REQUEST_TIMEOUT)
        .max_buf_size(MAX_REQUEST)
        .serve_connection(FuturesIo::new(io), service)
        .with_upgrades();
    if within(PAGES_TIMEOUT, &mut connection).await.is_none() {
        std::pin::Pin::new(&mut connection).graceful_shutdown();
        within(REQUEST_TIMEOUT, connection).await?.ok()?;
    }
    websocket(upgrade.take()?).await
}

async fn websocket(upgrade: OnUpgrade) -> Option<Socket> {
    let upgraded = upgrade.await.ok()?;
    let parts = upgraded.downcast::<FuturesIo<Box<dyn Io>>>().ok()?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE));
    // A client need not wait for the answer to its handshake.
    let early = parts.read_buf.to_vec();
    let io = parts.io.into_inner();
    Some(WebSocketStream::from_partially_read(io, early, Role::Server, Some(config)).await)
}

async fn within<F: Future + Unpin>(timeout: Duration, future: F) -> Option<F::Output> {
    match select(future, Timer::after(timeout)).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}

async fn answer(
    mut request: Request<Incoming>,
    pages: &Pages,
    hub: &Sender<Input>,
    upgrade: &Cell<Option<OnUpgrade>>,
) -> Response<Body> {
    let wants = request.headers().get(UPGRADE);
    if !wants.is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket")) {
        return pages::answer(request.method(), request.uri().path(), pages, hub).await;
    }
    match create_response_with_body(&request, Body::default) {
        Ok(response) => {
            upgrade.set(Some(hyper::upgrade::on(&mut request)));
            response
        }
        Err(error) => pages::refuse(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}
