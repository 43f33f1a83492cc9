// SPDX-License-Identifier: MPL-2.0
//! The pages that a server shows to browsers. They load nothing from elsewhere.
//!
//! A connection has its requests answered here ([`answer`]), and the hub makes the status
//! ([`status`]), both on the server's thread.

pub mod status;

use http_body_util::Full;
use hyper::{
    Method, Response, StatusCode,
    body::Bytes,
    header::{
        ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, LOCATION,
        REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    },
};
use serde_json::{Value, json};
use smol::channel::{Sender, bounded};

use crate::{input::Input, rules::Dialect};

/// Which pages a server has; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pages {
    /// `/`: rooms, people and streams, to whoever opens it.
    pub status: bool,
    /// `/publish`: camera, microphone and screen into a room.
    pub publisher: bool,
    /// Name of the file by which clients trust this server's certificate, for the line that the
    /// publisher page shows.
    pub cafile: Option<String>,
}

impl Pages {
    /// What the pages want to know of the server.
    pub(crate) fn about(&self, dialect: Dialect) -> Value {
        json!({
            "dialect": if dialect == Dialect::Hosted { "hosted" } else { "relay" },
            "status": self.status,
            "publisher": self.publisher,
            "cafile": self.cafile,
        })
    }
}

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const ICON: &str = "image/svg+xml";
const TEXT: &str = "text/plain; charset=utf-8";

/// Scripts and connections of this server only; nobody may put the pages into theirs.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";
const PERMISSIONS: (HeaderName, &str) = (
    HeaderName::from_static("permissions-policy"),
    "camera=(self), microphone=(self), display-capture=(self)",
);

/// Which page a file belongs to.
#[derive(PartialEq)]
enum Of {
    Status,
    Publisher,
    Both,
}

macro_rules! file {
    ($path:literal, $kind:ident, $page:ident, $name:literal) => {
        ($path, $kind, Of::$page, include_str!($name))
    };
}

const FILES: [(&str, &str, Of, &str); 8] = [
    file!("/", HTML, Status, "status.html"),
    file!("/status.js", SCRIPT, Status, "status.js"),
    file!("/publish", HTML, Publisher, "publish.html"),
    file!("/publish.js", SCRIPT, Publisher, "publish.js"),
    file!("/sources.js", SCRIPT, Publisher, "sources.js"),
    file!("/publisher.js", SCRIPT, Publisher, "publisher.js"),
    file!("/pages.css", STYLE, Both, "pages.css"),
    file!("/icon.svg", ICON, Both, "icon.svg"),
];

pub async fn answer(
    method: &Method,
    path: &str,
    pages: &Pages,
    hub: &Sender<Input>,
) -> Response<Full<Bytes>> {
    if method != Method::GET && method != Method::HEAD {
        let mut refusal = refuse(StatusCode::METHOD_NOT_ALLOWED, "Pages are read only.");
        let allowed = const { hyper::header::HeaderValue::from_static("GET, HEAD") };
        refusal.headers_mut().insert(ALLOW, allowed);
        return refusal;
    }
    let shown = |page: &Of| {
        pages.status && *page != Of::Publisher || pages.publisher && *page != Of::Status
    };
    let mut files = FILES.iter();
    if let Some((_, kind, _, text)) = files.find(|(at, _, page, _)| *at == path && shown(page)) {
        return respond(StatusCode::OK, kind, *text);
    }
    match path {
        "/" if pages.publisher => {
            let mut moved = respond(StatusCode::FOUND, HTML, "");
            let to = const { hyper::header::HeaderValue::from_static("/publish") };
            moved.headers_mut().insert(LOCATION, to);
            moved
        }
        "/status.json" if pages.status => ask(hub, Input::Status).await,
        "/server.json" if pages.status || pages.publisher => ask(hub, Input::About).await,
        "/" => respond(
            StatusCode::OK,
            TEXT,
            "A room server is here, and no page: connect with a websocket.\n",
        ),
        _ => refuse(StatusCode::NOT_FOUND, "There is no such page."),
    }
}

/// Has the hub tell something.
async fn ask(hub: &Sender<Input>, question: fn(Sender<Bytes>) -> Input) -> Response<Full<Bytes>> {
    let (answer, answered) = bounded(1);
    // Fails only when the server stops; then there is no answer either.
    let _ = hub.send(question(answer)).await;
    match answered.recv().await {
        Ok(json) => respond(StatusCode::OK, "application/json", json),
        Err(_) => refuse(StatusCode::SERVICE_UNAVAILABLE, "The server is stopping."),
    }
}

pub fn refuse(status: StatusCode, why: &str) -> Response<Full<Bytes>> {
    respond(status, TEXT, format!("{why}\n"))
}

fn respond(
    status: StatusCode,
    kind: &'static str,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        PERMISSIONS,
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in headers {
        let value = hyper::header::HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}
