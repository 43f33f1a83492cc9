// SPDX-License-Identifier: MPL-2.0
//! What lasts as long as a run of the element.

use std::collections::HashMap;

use crate::roomfilesink::files::Template;
use crate::roomfilesink::parts::Anchor;
use crate::roomfilesink::settings::Settings;

pub(crate) struct Run {
    pub settings: Settings,
    pub template: Template,
    pub anchor: Option<Anchor>,
    /// Parts so far per room and stream: `%n`.
    pub counts: HashMap<(String, String), u32>,
    /// Marks so far.
    pub marks: u64,
    /// It was said that a disk has no space.
    pub is_short: bool,
}

impl Run {
    pub(crate) fn new(settings: Settings, template: Template) -> Self {
        Self {
            settings,
            template,
            anchor: None,
            counts: HashMap::new(),
            marks: 0,
            is_short: false,
        }
    }
}
