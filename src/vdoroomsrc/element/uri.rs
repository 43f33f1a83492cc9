// SPDX-License-Identifier: MPL-2.0
//! `vdoroom://HOST[:PORT]/ROOM[/STREAM]?PROPERTY=VALUE&…`: a room, or one stream of it, as players
//! and `uridecodebin3` take it. `vdoroom` stands for `ws`, `vdorooms` for `wss`.
//!
//! A URI ends up in logs, playlists and lists of processes, so it carries no secrets, and no error
//! repeats more of it than names.

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use percent_encoding::percent_decode_str;
use url::Url;

use super::object::imp::VdoRoomSrc;
use crate::vdoroomsrc::settings::{PROPERTIES, Settings, is_secret};

/// Say where and what, as the URI itself does.
const SAID_BEFORE: [&str; 2] = ["server", "room"];

#[derive(Debug, thiserror::Error)]
enum UriError {
    #[error(
        "the scheme is {0}: a room is vdoroom://HOST[:PORT]/ROOM[/STREAM], or vdorooms:// for TLS"
    )]
    Scheme(String),
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] url::ParseError),
    #[error("it names no host: vdoroom://HOST[:PORT]/ROOM[/STREAM]")]
    NoHost,
    #[error("user names and passwords do not belong into a URI: set the property server instead")]
    Credentials,
    #[error("# begins a fragment, which means nothing here: # in a name is %23")]
    Fragment,
    #[error("it names no room: vdoroom://HOST[:PORT]/ROOM[/STREAM]")]
    NoRoom,
    #[error("there is more than ROOM/STREAM in its path: / in a name is %2F")]
    Path,
    #[error("a name in it is not UTF-8")]
    Encoding,
    #[error("STREAM is the ID of one stream, and not a pattern: for several use ?streams=")]
    Pattern,
    #[error("{0} is already given before the question mark")]
    SaidBefore(String),
    #[error(
        "everybody can read a URI, so {0} does not belong into it: use password-env, or set the property"
    )]
    Secret(String),
    #[error("vdoroomsrc has no property {0} that could be set")]
    NoProperty(String),
    #[error("the value of {0} cannot be read, or is out of range")]
    Value(String),
    #[error("it can only be set in NULL and READY")]
    State,
}

impl From<UriError> for glib::Error {
    fn from(error: UriError) -> Self {
        let kind = match error {
            UriError::Scheme(_) => gst::URIError::UnsupportedProtocol,
            UriError::State => gst::URIError::BadState,
            _ => gst::URIError::BadUri,
        };
        Self::new(kind, &error.to_string())
    }
}

/// What a URI says, read and found to be good.
#[derive(Debug)]
struct RoomUri {
    server: String,
    room: String,
    stream: Option<String>,
    properties: Vec<(&'static str, glib::Value)>,
}

impl URIHandlerImpl for VdoRoomSrc {
    const URI_TYPE: gst::URIType = gst::URIType::Src;

    fn protocols() -> &'static [&'static str] {
        &["vdoroom", "vdorooms"]
    }

    fn uri(&self) -> Option<String> {
        self.settings().uri.clone()
    }

    fn set_uri(&self, uri: &str) -> Result<(), glib::Error> {
        if self.obj().current_state() > gst::State::Ready {
            return Err(UriError::State.into());
        }
        let parsed = RoomUri::parse(uri)?;
        parsed.apply(uri, &mut self.settings());
        Ok(())
    }
}

impl Settings {
    /// A property says something else than the URI did.
    pub(super) fn forget_uri(&mut self, property: &str) {
        if matches!(property, "server" | "room" | "streams") {
            self.uri = None;
            self.one_stream = false;
        }
    }
}

impl RoomUri {
    fn parse(uri: &str) -> Result<Self, UriError> {
        let url = Url::parse(uri)?;
        let websocket = match url.scheme() {
            "vdoroom" => "ws",
            "vdorooms" => "wss",
            other => return Err(UriError::Scheme(other.to_owned())),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UriError::Credentials);
        }
        if url.fragment().is_some() {
            return Err(UriError::Fragment);
        }
        let server = server(&url, websocket)?;
        let (room, stream) = names(&url)?;
        let properties = properties(&url)?;
        if stream.is_some() && properties.iter().any(|(name, _)| *name == "streams") {
            return Err(UriError::SaidBefore("the stream".to_owned()));
        }
        Ok(Self {
            server,
            room,
            stream,
            properties,
        })
    }

    /// Sets what the URI says, and all streams where it names none.
    fn apply(self, uri: &str, settings: &mut Settings) {
        settings.server = self.server;
        settings.room = Some(self.room);
        settings.one_stream = self.stream.is_some();
        settings.streams = self.stream.into_iter().collect();
        for (name, value) in self.properties {
            settings.set(name, &value);
        }
        settings.uri = Some(uri.to_owned());
    }
}

fn server(url: &Url, websocket: &str) -> Result<String, UriError> {
    let host = url.host_str().filter(|host| !host.is_empty());
    let host = host.ok_or(UriError::NoHost)?;
    let port = url.port().map_or(String::new(), |port| format!(":{port}"));
    let server = format!("{websocket}://{host}{port}");
    // What is a host here need not be one for a websocket.
    Url::parse(&server)?;
    Ok(server)
}

fn names(url: &Url) -> Result<(String, Option<String>), UriError> {
    let decoded = |segment: &str| {
        let name = percent_decode_str(segment).decode_utf8();
        name.map(|name| name.trim().to_owned())
            .map_err(|_| UriError::Encoding)
    };
    let path = url.path_segments().into_iter().flatten();
    let mut names = path.map(decoded).collect::<Result<Vec<_>, _>>()?;
    // A slash at the end names nothing.
    if names.len() > 1 && names.last().is_some_and(String::is_empty) {
        names.pop();
    }
    let mut names = names.into_iter();
    let room = names.next().filter(|room| !room.is_empty());
    let room = room.ok_or(UriError::NoRoom)?;
    let stream = names.next();
    match &stream {
        _ if names.next().is_some() => Err(UriError::Path),
        Some(stream) if stream.is_empty() => Err(UriError::Path),
        Some(stream) if stream.contains(['*', '?']) => Err(UriError::Pattern),
        _ => Ok((room, stream)),
    }
}

fn properties(url: &Url) -> Result<Vec<(&'static str, glib::Value)>, UriError> {
    let pairs = url.query_pairs();
    pairs.map(|(name, value)| property(&name, &value)).collect()
}

fn property(name: &str, text: &str) -> Result<(&'static str, glib::Value), UriError> {
    if SAID_BEFORE.contains(&name) {
        return Err(UriError::SaidBefore(name.to_owned()));
    }
    if is_secret(name) {
        return Err(UriError::Secret(name.to_owned()));
    }
    let is_it = |pspec: &&glib::ParamSpec| {
        pspec.name() == name && pspec.flags().contains(glib::ParamFlags::WRITABLE)
    };
    let pspec = PROPERTIES.iter().find(is_it);
    let pspec = pspec.ok_or_else(|| UriError::NoProperty(name.to_owned()))?;
    let value = value(text, pspec).ok_or_else(|| UriError::Value(name.to_owned()))?;
    Ok((pspec.name(), value))
}

fn value(text: &str, pspec: &glib::ParamSpec) -> Option<glib::Value> {
    let value = glib::Value::deserialize_with_pspec(text, pspec).ok()?;
    let is_in_range = match pspec.downcast_ref::<glib::ParamSpecUInt>() {
        Some(range) => (range.minimum()..=range.maximum()).contains(&value.get::<u32>().ok()?),
        None => true,
    };
    is_in_range.then_some(value)
}

#[cfg(test)]
mod tests;
