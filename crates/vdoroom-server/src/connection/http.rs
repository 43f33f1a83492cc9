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
    body::{Body as _, Bytes, Incoming},
    header::UPGRADE,
    server::conn::http1,
    service::{HttpService, service_fn},
    upgrade::OnUpgrade,
};
use smol::{
    Timer,
    channel::Sender,
    io::{AsyncRead, AsyncWrite},
};
use smol_hyper::rt::{FuturesIo, SmolTimer};

use crate::{
    input::Input,
    limits::{Allowance, MAX_MESSAGE, Traffic},
    pages::{self, Pages},
};

/// How long a client may take for TLS, and for each request; also for the next request on a
/// connection that stays open.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection that only fetches pages ends after this; browsers open another one unasked.
const PAGES_TIMEOUT: Duration = Duration::from_secs(60);
/// How much of a request is kept until its end is seen: browsers send one or two KiB.
const MAX_REQUEST: usize = 16 * 1024;
/// What a websocket reads at once; it has this for as long as it is open.
const READ_BUFFER: usize = 4 * 1024;

pub trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}
pub type Socket = WebSocketStream<Box<dyn Io>>;
type Body = Full<Bytes>;

/// What a connection is served with.
#[derive(Clone)]
pub struct Service {
    pub tls: Option<TlsAcceptor>,
    pub pages: Rc<Pages>,
    pub hub: Sender<Input>,
    pub allowance: Allowance,
}

/// Serves pages until the client wants a websocket; nothing if it leaves without.
pub async fn open(tcp: Traffic, service: Service) -> Option<Socket> {
    let io: Box<dyn Io> = match &service.tls {
        Some(tls) => Box::new(within(REQUEST_TIMEOUT, tls.accept(tcp)).await?.ok()?),
        None => Box::new(tcp),
    };
    let upgrade = Rc::new(Cell::new(None));
    let service = service_fn(|request| {
        let (service, upgrade) = (service.clone(), upgrade.clone());
        async move { Ok::<_, Infallible>(answer(request, &service, &upgrade).await) }
    });
    requests(io, service).await?;
    websocket(upgrade.take()?).await
}

/// Answers requests until the client leaves, wants a websocket, or has had enough time.
pub async fn requests<I, S>(io: I, service: S) -> Option<()>
where
    I: Io + 'static,
    S: HttpService<Incoming, ResBody = Body, Error = Infallible>,
{
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
    Some(())
}

async fn websocket(upgrade: OnUpgrade) -> Option<Socket> {
    let upgraded = upgrade.await.ok()?;
    let parts = upgraded.downcast::<FuturesIo<Box<dyn Io>>>().ok()?;
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE));
    // A client need not wait for the answer to its handshake.
    let early = parts.read_buf.to_vec();
    let io = parts.io.into_inner();
    Some(WebSocketStream::from_partially_read(io, early, Role::Server, Some(config)).await)
}

pub async fn within<F: Future + Unpin>(timeout: Duration, future: F) -> Option<F::Output> {
    match select(future, Timer::after(timeout)).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}

async fn answer(
    mut request: Request<Incoming>,
    service: &Service,
    upgrade: &Cell<Option<OnUpgrade>>,
) -> Response<Body> {
    let wants = request.headers().get(UPGRADE);
    if !wants.is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket")) {
        let (method, path) = (request.method(), request.uri().path());
        let response = pages::answer(method, path, &service.pages, &service.hub).await;
        let bytes = response.body().size_hint().lower();
        service.allowance.charge(1, bytes as usize);
        return response;
    }
    match create_response_with_body(&request, Body::default) {
        Ok(response) => {
            upgrade.set(Some(hyper::upgrade::on(&mut request)));
            response
        }
        Err(error) => pages::refuse(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}
