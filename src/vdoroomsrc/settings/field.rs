// SPDX-License-Identifier: MPL-2.0
//! How a setting is declared, set and shown, by its type.

use std::ops::RangeInclusive;

use gst::glib;
use gst::prelude::*;
use gst_webrtc::WebRTCICETransportPolicy;

use super::ice::without_credentials;
use super::types;

/// Where the value of a property is.
type At<S, T> = fn(&mut S) -> &mut T;

/// Tells the texts that say nothing: they unset a property.
type SaysNothing = fn(&str) -> bool;

/// What a property sets among the settings `S`, whose default it has.
pub(super) enum Field<S> {
    /// The default, if it is unset.
    Text(At<S, String>),
    /// The same, shown without user and password.
    Address(At<S, String>),
    Optional(SaysNothing, At<S, Option<String>>),
    /// Shown as ***.
    Secret(SaysNothing, At<S, Option<types::Secret>>),
    Flag(At<S, bool>),
    Number(RangeInclusive<u32>, At<S, u32>),
    /// Of items that are called this.
    Texts(&'static str, At<S, Vec<String>>),
    /// The same, shown without users and passwords.
    Addresses(&'static str, At<S, Vec<types::Secret>>),
    Dialect(At<S, types::Dialect>),
    Engine(At<S, types::Engine>),
    Policy(At<S, WebRTCICETransportPolicy>),
}

impl<S: Default> Field<S> {
    pub(super) fn is_secret(&self) -> bool {
        matches!(self, Self::Secret(..) | Self::Addresses(..))
    }

    /// With name, nick and blurb. What is not mutable in PLAYING is so in READY.
    pub(super) fn spec(&self, (name, nick, blurb): Words, is_playing: bool) -> glib::ParamSpec {
        macro_rules! built {
            ($builder:expr) => {{
                let builder = $builder.nick(nick).blurb(blurb);
                match is_playing {
                    true => builder.mutable_playing().build(),
                    false => builder.mutable_ready().build(),
                }
            }};
        }
        let default = &mut S::default();
        match self {
            Self::Text(at) | Self::Address(at) => {
                let default = at(default).as_str();
                built!(glib::ParamSpecString::builder(name).default_value(Some(default)))
            }
            Self::Optional(..) | Self::Secret(..) => built!(glib::ParamSpecString::builder(name)),
            Self::Flag(at) => {
                built!(glib::ParamSpecBoolean::builder(name).default_value(*at(default)))
            }
            Self::Number(range, at) => built!(
                glib::ParamSpecUInt::builder(name)
                    .minimum(*range.start())
                    .maximum(*range.end())
                    .default_value(*at(default))
            ),
            Self::Texts(item, _) | Self::Addresses(item, _) => {
                let item = glib::ParamSpecString::builder("item")
                    .nick(item)
                    .blurb(item)
                    .build();
                built!(gst::ParamSpecArray::builder(name).element_spec(&item))
            }
            Self::Dialect(at) => {
                built!(glib::ParamSpecEnum::builder_with_default(
                    name,
                    *at(default)
                ))
            }
            Self::Engine(at) => {
                built!(glib::ParamSpecEnum::builder_with_default(
                    name,
                    *at(default)
                ))
            }
            Self::Policy(at) => {
                built!(glib::ParamSpecEnum::builder_with_default(
                    name,
                    *at(default)
                ))
            }
        }
    }

    pub(super) fn set(&self, to: &mut S, value: &glib::Value) {
        let text = || value.get::<Option<String>>().ok().flatten();
        let said = |says_nothing: &SaysNothing| text().filter(|text| !says_nothing(text));
        match self {
            Self::Text(at) | Self::Address(at) => {
                let default = || at(&mut S::default()).clone();
                *at(to) = text().unwrap_or_else(default);
            }
            Self::Optional(says_nothing, at) => *at(to) = said(says_nothing),
            Self::Secret(says_nothing, at) => *at(to) = said(says_nothing).map(types::Secret),
            Self::Flag(at) => *at(to) = value.get().unwrap_or_default(),
            Self::Number(_, at) => *at(to) = value.get().unwrap_or_default(),
            Self::Texts(_, at) => *at(to) = texts(value),
            Self::Addresses(_, at) => {
                *at(to) = texts(value).into_iter().map(types::Secret).collect();
            }
            Self::Dialect(at) => *at(to) = value.get().unwrap_or_default(),
            Self::Engine(at) => *at(to) = value.get().unwrap_or_default(),
            Self::Policy(at) => *at(to) = value.get().unwrap_or(WebRTCICETransportPolicy::All),
        }
    }

    /// Takes the settings as mutable only to find the value.
    pub(super) fn shown(&self, of: &mut S) -> glib::Value {
        match self {
            Self::Text(at) => at(of).to_value(),
            Self::Address(at) => without_credentials(at(of)).to_value(),
            Self::Optional(_, at) => at(of).to_value(),
            Self::Secret(_, at) => at(of).as_ref().map(|_| "***").to_value(),
            Self::Flag(at) => at(of).to_value(),
            Self::Number(_, at) => at(of).to_value(),
            Self::Texts(_, at) => array(at(of).iter().cloned()),
            Self::Addresses(_, at) => {
                array(at(of).iter().map(|server| without_credentials(&server.0)))
            }
            Self::Dialect(at) => at(of).to_value(),
            Self::Engine(at) => at(of).to_value(),
            Self::Policy(at) => at(of).to_value(),
        }
    }
}

/// Name, nick and blurb.
type Words = (&'static str, &'static str, &'static str);

fn texts(value: &glib::Value) -> Vec<String> {
    value
        .get::<gst::Array>()
        .map(|array| array.iter().filter_map(|item| item.get().ok()).collect())
        .unwrap_or_default()
}

fn array(items: impl Iterator<Item = String>) -> glib::Value {
    gst::Array::new(items.map(|item| item.to_send_value())).to_value()
}

pub(super) fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

pub(super) fn never(_: &str) -> bool {
    false
}
