// SPDX-License-Identifier: MPL-2.0
//! The two elements, with the properties that were asked for.

use std::error::Error;

use clap::ValueEnum;
use gst::glib;
use gst::prelude::*;

use super::options::Options;

pub struct Elements {
    pub source: gst::Element,
    pub sink: gst::Element,
}

impl Elements {
    /// The inner error is a value that is refused.
    pub fn new(options: &Options) -> Result<Result<Self, String>, Box<dyn Error>> {
        let elements = Self {
            source: gst::ElementFactory::make("vdoroomsrc").build()?,
            sink: gst::ElementFactory::make("roomfilesink").build()?,
        };
        Ok(elements.set(options).map(|()| elements))
    }

    fn set(&self, options: &Options) -> Result<(), String> {
        self.set_source(options)?;
        self.set_sink(options)?;
        for (name, value) in &options.run.properties {
            let element = match self.sink.find_property(name) {
                Some(_) => &self.sink,
                None => &self.source,
            };
            set(element, name, value)?;
        }
        Ok(())
    }

    fn set_source(&self, options: &Options) -> Result<(), String> {
        let (room, media, network) = (&options.room, &options.media, &options.network);
        let source = &self.source;
        source.set_property("server", &room.server);
        let turn_password = network.turn_password_env.as_deref().map(environment);
        let values = [
            ("room", room.room.clone()),
            ("password-env", room.password_env.clone()),
            ("salt", room.salt.clone()),
            ("dialect", room.dialect.map(name)),
            ("label", room.label.clone()),
            ("max-streams", text(room.max_streams)),
            ("shard-index", text(room.shard_index)),
            ("shard-count", text(room.shard_count)),
            ("video-bitrate", text(media.video_bitrate)),
            ("audio-bitrate", text(media.audio_bitrate)),
            ("latency", text(media.latency)),
            ("stun-server", network.stun_server.clone()),
            ("turn-user", network.turn_user.clone()),
            ("turn-password", turn_password.transpose()?),
            (
                "ice-transport-policy",
                network.ice_transport_policy.map(name),
            ),
            ("min-rtp-port", text(network.min_rtp_port)),
            ("max-rtp-port", text(network.max_rtp_port)),
            ("cafile", text(network.cafile.as_ref().map(|f| f.display()))),
        ];
        set_all(source, values)?;
        for (property, items) in [
            ("streams", &room.streams),
            ("exclude-streams", &room.exclude_streams),
            ("video-codecs", &media.video_codecs),
            ("audio-codecs", &media.audio_codecs),
            ("turn-servers", &network.turn_servers),
        ] {
            if !items.is_empty() {
                source.set_property(property, gst::Array::new(items));
            }
        }
        for (property, value, is_asked_for) in [
            ("receive-audio", false, media.no_audio),
            ("receive-video", false, media.no_video),
            ("receive-screen", false, media.no_screen),
            ("insecure-tls", true, network.insecure_tls),
        ] {
            if is_asked_for {
                source.set_property(property, value);
            }
        }
        Ok(())
    }

    fn set_sink(&self, options: &Options) -> Result<(), String> {
        let files = &options.files;
        self.sink.set_property("location", &files.location);
        let values = [
            ("container", files.container.map(name)),
            (
                "max-size-time",
                text(files.max_file_time.map(|t| t.as_nanos())),
            ),
            (
                "max-size-bytes",
                text(files.max_file_size.map(|s| s.as_u64())),
            ),
            (
                "min-free-space",
                text(files.min_free_space.map(|s| s.as_u64())),
            ),
            ("checksum", files.checksum.then(|| "true".to_owned())),
            ("manifest", files.manifest.clone()),
        ];
        set_all(&self.sink, values)
    }
}

fn name(value: impl ValueEnum) -> String {
    let value = value.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().into())
}

fn text(value: Option<impl ToString>) -> Option<String> {
    value.map(|value| value.to_string())
}

fn environment(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|_| format!("there is no environment variable {name}"))
}

fn set_all<const N: usize>(
    element: &gst::Element,
    values: [(&str, Option<String>); N],
) -> Result<(), String> {
    for (name, value) in values {
        if let Some(value) = value {
            set(element, name, &value)?;
        }
    }
    Ok(())
}

/// Sets a property to what a person wrote; an error where GObject would panic.
fn set(element: &gst::Element, name: &str, text: &str) -> Result<(), String> {
    let property = element
        .find_property(name)
        .filter(|property| property.flags().contains(glib::ParamFlags::WRITABLE))
        .ok_or_else(|| format!("there is no property {name} that can be set"))?;
    // A string is taken as it is, not as it would be written in a pipeline.
    let value = match property.value_type() {
        glib::Type::STRING => text.to_value(),
        other => {
            glib::Value::deserialize(text, other).map_err(|_| format!("{name} cannot be {text}"))?
        }
    };
    if let Some(range) = range(&property)
        && !range.contains(&number(&value))
    {
        let (first, last) = (range.start(), range.end());
        return Err(format!(
            "{name} cannot be {text}: it is from {first} to {last}"
        ));
    }
    element.set_property_from_value(name, &value);
    Ok(())
}

fn range(property: &glib::ParamSpec) -> Option<std::ops::RangeInclusive<u64>> {
    let small = property.downcast_ref::<glib::ParamSpecUInt>();
    let large = property.downcast_ref::<glib::ParamSpecUInt64>();
    small
        .map(|p| p.minimum().into()..=p.maximum().into())
        .or_else(|| large.map(|p| p.minimum()..=p.maximum()))
}

fn number(value: &glib::Value) -> u64 {
    let small = value.get::<u32>().map(u64::from);
    small.or_else(|_| value.get::<u64>()).unwrap_or_default()
}
