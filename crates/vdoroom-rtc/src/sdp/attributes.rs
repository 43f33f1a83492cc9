// SPDX-License-Identifier: MPL-2.0
//! Attributes of SDP by their names.

use sdp_types::Attribute;

pub(crate) fn values<'a>(all: &'a [Attribute], key: &'a str) -> impl Iterator<Item = &'a str> {
    let with = all
        .iter()
        .filter(move |attribute| attribute.attribute == key);
    with.filter_map(|attribute| attribute.value.as_deref())
}

pub(crate) fn value<'a>(all: &'a [Attribute], key: &'a str) -> Option<&'a str> {
    values(all, key).next()
}

/// Whether it is there, with or without a value.
pub(crate) fn flag(all: &[Attribute], key: &str) -> bool {
    all.iter().any(|attribute| attribute.attribute == key)
}
