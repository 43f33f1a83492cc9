// SPDX-License-Identifier: MPL-2.0
//! File names made of names that strangers chose, with the rules that hold for every name. Only
//! fuzzers and tests use this.

use std::path::{Component, Path};

use super::naming::{Fields, Template};
use super::writer::alternative;

/// The longest name that Linux file systems take, in bytes.
const MAX_NAME: usize = 255;

/// A stream ID, a label and a template of the user's own, divided by zero bytes.
pub fn naming(input: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(input);
    let mut parts = text.splitn(3, '\0');
    let stream = parts.next().unwrap_or_default();
    let label = parts.next().unwrap_or_default();
    let fields = Fields {
        room: label,
        stream,
        label,
        unix_seconds: 1_600_000_000,
        part: 3,
        extension: "mkv",
    };
    if let Some(location) = parts.next()
        && let Ok(template) = Template::parse(location)
    {
        let path = template.expand(&fields);
        if alternative(&path, 2) == path {
            return Err(format!("{path:?} has no other name"));
        }
    }
    for location in [
        "folder/%s/%l.%e",
        "folder/%r/%s.%e",
        "folder/%l/%s_%l_%s_%r_%t-%n.%e",
    ] {
        let template = Template::parse(location).map_err(|error| error.to_string())?;
        for choice in 1..3 {
            stays_inside(&alternative(&template.expand(&fields), choice))?;
        }
    }
    Ok(())
}

fn stays_inside(path: &Path) -> Result<(), String> {
    let broken = |rule: &str| Err(format!("{path:?} {rule}"));
    let names: Vec<_> = path.components().collect();
    if names.len() != 3
        || names
            .iter()
            .any(|name| !matches!(name, Component::Normal(_)))
    {
        return broken("is no file in the folder of its person");
    }
    let names: Vec<_> = names
        .iter()
        .map(|name| name.as_os_str().to_string_lossy())
        .collect();
    if names.iter().any(|name| name.len() > MAX_NAME) {
        return broken("has a name that is too long");
    }
    if names
        .iter()
        .any(|name| name.contains(char::is_control) || name.starts_with(['-', '.']))
    {
        return broken("has a name that a shell or a person misreads");
    }
    Ok(())
}
