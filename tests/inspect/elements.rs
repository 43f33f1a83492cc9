// SPDX-License-Identifier: MPL-2.0
//! The elements as a whole: what `gst-inspect-1.0` tells of them, and their pads.

use std::collections::BTreeSet;
use std::process::Command;

use gst::prelude::*;
use gstvdoroom::vdoroomsrc::VdoRoomSrcPad;
use vdoroom_testkit::launch::plugin_folder;
use vdoroom_testkit::manual::{self, code};

use crate::{ELEMENTS, docs, element, own_properties};

/// What `gst-inspect-1.0 NAME` prints.
pub fn inspect(name: &str) -> String {
    let registry = std::env::temp_dir().join("vdoroom-test-registry.bin");
    let output = Command::new("gst-inspect-1.0")
        .arg(name)
        .env("GST_PLUGIN_PATH", plugin_folder())
        .env("GST_REGISTRY", registry)
        .env("G_DEBUG", "fatal-criticals")
        .output()
        .unwrap();
    assert!(output.status.success(), "{name}: {output:?}");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(!complaints.contains("CRITICAL"), "{name}: {complaints}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn gst_inspect_names_author_class_and_documentation() {
    for name in ELEMENTS {
        let text = inspect(name);
        for field in ["Long-name", "Klass", "Description", "Author", "Doc-uri"] {
            let line = text.lines().find(|l| l.trim().starts_with(field));
            let value = line.map(|l| l.trim().trim_start_matches(field).trim());
            assert!(value.is_some_and(|v| !v.is_empty()), "{name}: {field}");
        }
    }
}

#[test]
fn the_documentation_is_where_the_element_says() {
    for name in ELEMENTS {
        let factory = element(name).factory().unwrap();
        let uri = factory.metadata("doc-uri").unwrap();
        let path = uri.strip_prefix(concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/"));
        let (path, anchor) = path.expect(uri).split_once('#').unwrap();
        let anchors = manual::page(path).anchors();
        assert!(anchors.iter().any(|a| a == anchor), "{uri}");
    }
}

#[test]
fn every_element_has_docs_with_pipelines() {
    for name in ELEMENTS {
        let docs = docs(name);
        assert!(docs.contains(&format!(" * SECTION:element-{name}\n")));
        let lines = manual::shell_lines(&docs.replace("\n * ", "\n"));
        assert!(lines.len() >= 3, "{lines:#?}");
    }
}

#[test]
fn the_manual_names_the_pads_of_the_source() {
    let templates = element("vdoroomsrc").pad_template_list();
    let mut real: Vec<_> = templates.iter().map(|t| t.name_template()).collect();
    let rows = manual::table("Pads", "Pad");
    let mut listed: Vec<_> = rows.iter().flat_map(|row| code(&row[0])).collect();
    real.sort();
    listed.sort();
    assert_eq!(listed, real);
}

#[test]
fn the_manual_names_the_properties_of_a_pad() {
    element("vdoroomsrc");
    let section = manual::section("Pads").join("\n");
    for property in own_properties(VdoRoomSrcPad::static_type()) {
        assert!(code(&section).contains(&property.name()), "{property:?}");
        assert!(property.blurb().unwrap_or_default().contains(' '));
    }
}

#[test]
fn the_manual_names_the_caps_of_the_pads() {
    let rows = manual::table("Pads", "Codec");
    let listed: BTreeSet<_> = rows.iter().map(|row| code(&row[1])[0].to_owned()).collect();
    let templates = element("vdoroomsrc").pad_template_list();
    let caps = templates.iter().map(|template| template.caps().clone());
    let names = caps.flat_map(|caps| {
        let names: Vec<_> = caps.iter().map(|s| s.name().to_string()).collect();
        names
    });
    assert_eq!(listed, names.collect());
    for row in &rows {
        let words = code(&row[1]);
        let of_codec = templates.iter().flat_map(|template| {
            let caps = template.caps().clone();
            let own = caps.iter().filter(|s| s.name() == words[0]);
            own.map(|s| s.to_string()).collect::<Vec<_>>()
        });
        let caps = of_codec.collect::<String>();
        for word in &words[1..] {
            let value = word.rsplit('=').next().unwrap();
            assert!(caps.contains(value), "{word}: {caps}");
        }
    }
}

/// A template that takes anything would link with anything.
#[test]
fn templates_name_the_codecs_and_their_forms() {
    for name in ELEMENTS {
        for template in element(name).pad_template_list() {
            let caps = template.caps();
            assert!(!caps.is_any() && !caps.is_empty(), "{template:?}");
            for structure in caps.iter() {
                let has = |fields: &[&str]| fields.iter().all(|f| structure.has_field(*f));
                let is_narrow = match structure.name().as_str() {
                    "video/x-h264" | "video/x-h265" | "video/x-av1" => {
                        has(&["stream-format", "alignment"])
                    }
                    "audio/mpeg" => has(&["mpegversion", "stream-format"]),
                    "audio/x-mulaw" | "audio/x-alaw" | "audio/G722" => has(&["rate", "channels"]),
                    _ => true,
                };
                assert!(is_narrow, "{name}: {structure}");
            }
        }
    }
}
