// SPDX-License-Identifier: MPL-2.0
//! The values of which the manifest's lines, the element messages and the signals are made.

use gst::glib;

/// A value that both JSON and GStreamer structures can hold.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Field {
    Text(String),
    Uint(u64),
    Int(i64),
    Bool(bool),
    List(Vec<Field>),
    Map(Vec<(&'static str, Field)>),
}

impl Field {
    fn json(&self) -> serde_json::Value {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Uint(value) => (*value).into(),
            Self::Int(value) => (*value).into(),
            Self::Bool(value) => (*value).into(),
            Self::List(list) => list.iter().map(Field::json).collect(),
            Self::Map(fields) => json(fields),
        }
    }

    fn send_value(&self) -> glib::SendValue {
        use glib::value::ToSendValue;
        match self {
            // A C string ends at a NUL, and glib-rs panics on one inside.
            Self::Text(text) => text.replace('\0', "\u{fffd}").to_send_value(),
            Self::Uint(value) => value.to_send_value(),
            Self::Int(value) => value.to_send_value(),
            Self::Bool(value) => value.to_send_value(),
            Self::List(list) => gst::Array::new(list.iter().map(Field::send_value)).to_send_value(),
            Self::Map(fields) => structure("track", fields).to_send_value(),
        }
    }
}

pub(crate) fn json(fields: &[(&'static str, Field)]) -> serde_json::Value {
    let map = fields.iter().map(|(k, v)| ((*k).to_owned(), v.json()));
    serde_json::Value::Object(map.collect())
}

pub(crate) fn structure(name: &str, fields: &[(&'static str, Field)]) -> gst::Structure {
    let mut structure = gst::Structure::new_empty(name);
    for (key, field) in fields {
        structure.set_value(*key, field.send_value());
    }
    structure
}

/// RFC 3339 in UTC, to the millisecond.
pub(crate) fn utc_text(unix_ns: i64) -> String {
    let seconds = unix_ns.div_euclid(1_000_000_000);
    let ms = unix_ns.rem_euclid(1_000_000_000) / 1_000_000;
    glib::DateTime::from_unix_utc(seconds)
        .and_then(|t| t.format("%Y-%m-%dT%H:%M:%S"))
        .map_or_else(|_| String::new(), |t| format!("{t}.{ms:03}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_fields_become_json_and_a_structure() {
        gst::init().unwrap();
        let track = vec![("codec", Field::Text("VP8\0".into()))];
        let fields = vec![
            ("part", Field::Uint(7)),
            ("start", Field::Int(-5)),
            ("tracks", Field::List(vec![Field::Map(track)])),
        ];
        let text = json(&fields).to_string();
        assert!(text.contains(r#""part":7"#), "{text}");
        assert!(text.contains(r#""start":-5"#), "{text}");
        let s = structure("x", &fields);
        assert_eq!(s.get::<u64>("part").unwrap(), 7);
        assert_eq!(s.get::<i64>("start").unwrap(), -5);
        let tracks = s.get::<gst::Array>("tracks").unwrap();
        let track = tracks.as_slice()[0].get::<gst::Structure>().unwrap();
        assert_eq!(track.get::<String>("codec").unwrap(), "VP8\u{fffd}");
    }
}
