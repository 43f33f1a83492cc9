// SPDX-License-Identifier: MPL-2.0
use super::*;
use crate::vdoroomsrc::settings::Dialect;

fn set(uri: &str) -> Settings {
    gst::init().unwrap();
    let mut settings = Settings::default();
    RoomUri::parse(uri).unwrap().apply(uri, &mut settings);
    settings
}

fn error(uri: &str) -> glib::Error {
    gst::init().unwrap();
    RoomUri::parse(uri).unwrap_err().into()
}

#[test]
fn host_port_room_and_stream_are_where_and_what() {
    for (uri, server, room, stream) in [
        (
            "vdoroom://127.0.0.1:8443/studio",
            "ws://127.0.0.1:8443",
            "studio",
            None,
        ),
        (
            "vdorooms://rooms.example.org/studio/",
            "wss://rooms.example.org",
            "studio",
            None,
        ),
        (
            "vdoroom://[::1]:8443/studio/alice",
            "ws://[::1]:8443",
            "studio",
            Some("alice"),
        ),
        (
            "VDOROOM://h/My%20Room/a%2Fb%23c",
            "ws://h",
            "My Room",
            Some("a/b#c"),
        ),
    ] {
        let settings = set(uri);
        assert_eq!(settings.server, server, "{uri}");
        assert_eq!(settings.room.as_deref(), Some(room), "{uri}");
        assert_eq!(
            settings.streams.first().map(String::as_str),
            stream,
            "{uri}"
        );
        assert_eq!(settings.one_stream, stream.is_some(), "{uri}");
        assert_eq!(settings.uri.as_deref(), Some(uri));
    }
}

#[test]
fn properties_are_query_parameters() {
    let settings = set(
        "vdoroom://h/r?password-env=SECRET&latency=500&dialect=relay\
         &receive-video=false&streams=%3C%22al*%22,bob%3E&label=My%20Player",
    );
    assert_eq!(settings.password_env.as_deref(), Some("SECRET"));
    assert_eq!(settings.latency, 500);
    assert_eq!(settings.dialect, Dialect::Relay);
    assert!(!settings.receive_video);
    assert_eq!(settings.streams, ["al*", "bob"]);
    assert_eq!(settings.label, "My Player");
    assert!(!settings.one_stream);
}

#[test]
fn a_list_may_be_typed_as_it_is() {
    let settings = set("vdoroom://h/r?streams=<\"al*\", bob>");
    assert_eq!(settings.streams, ["al*", "bob"]);
}

#[test]
fn a_room_without_a_stream_is_all_of_it_again() {
    let mut settings = set("vdoroom://h/r/alice");
    let uri = "vdoroom://h/r";
    RoomUri::parse(uri).unwrap().apply(uri, &mut settings);
    assert!(settings.streams.is_empty() && !settings.one_stream);
}

#[test]
fn what_cannot_be_meant_is_one_clear_error() {
    for (uri, word) in [
        ("vdoroom://", "host"),
        ("vdoroom:///studio", "host"),
        ("vdoroom:studio", "host"),
        ("vdoroom://a%20b/studio", "read"),
        ("vdoroom://h:99999/studio", "port"),
        ("vdoroom://h", "room"),
        ("vdoroom://h/", "room"),
        ("vdoroom://h//alice", "room"),
        ("vdoroom://h/%20", "room"),
        ("vdoroom://h/r/a/b", "path"),
        ("vdoroom://h/r//", "path"),
        ("vdoroom://h/r/al*", "pattern"),
        ("vdoroom://h/r/al%3F", "pattern"),
        ("vdoroom://h/%FF", "UTF-8"),
        ("vdoroom://h/r#1", "%23"),
        ("vdoroom://h/r?room=q", "room"),
        ("vdoroom://h/r?server=ws%3A%2F%2Fi", "server"),
        ("vdoroom://h/r/alice?streams=bob", "stream"),
        ("vdoroom://h/r?colour=red", "colour"),
        ("vdoroom://h/r?stats=1", "stats"),
        ("vdoroom://h/r?latency=soon", "latency"),
        ("vdoroom://h/r?stream-timeout=5", "stream-timeout"),
        ("vdoroom://h/r?dialect=klingon", "dialect"),
    ] {
        let error = error(uri);
        assert!(error.matches(gst::URIError::BadUri), "{uri}: {error:?}");
        assert!(error.message().contains(word), "{uri}: {error}");
    }
    assert!(error("ws://h/r").matches(gst::URIError::UnsupportedProtocol));
}

#[test]
fn secrets_are_refused_and_not_repeated() {
    for uri in [
        "vdoroom://h/r?password=hunter2",
        "vdoroom://h/r?turn-password=hunter2",
        "vdoroom://h/r?turn-servers=%3C%22turn://me:hunter2@h:1%22%3E",
        "vdoroom://me:hunter2@h/r",
        "vdoroom://hunter2@h/r",
    ] {
        let error = error(uri);
        assert!(error.matches(gst::URIError::BadUri), "{error:?}");
        assert!(!error.message().contains("hunter2"), "{error}");
    }
}
