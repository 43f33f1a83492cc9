// SPDX-License-Identifier: MPL-2.0
//! What a man page has beside the options, as plain values.

pub struct Page {
    /// Titles and texts.
    pub sections: &'static [(&'static str, &'static str)],
    /// Exit statuses and their meanings.
    pub status: &'static [(&'static str, &'static str)],
    pub examples: &'static [&'static str],
}
