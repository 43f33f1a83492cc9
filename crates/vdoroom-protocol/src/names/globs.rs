// SPDX-License-Identifier: MPL-2.0
//! Which streams are wanted.

use wildmatch::WildMatch;

use super::hashes::typed_glob;
use crate::api::{Filter, StreamId};

#[derive(Debug)]
pub struct Globs {
    include: Vec<WildMatch>,
    exclude: Vec<WildMatch>,
}

impl Globs {
    /// `suffix` is what the password adds to stream IDs.
    pub fn new(filter: &Filter, suffix: &str) -> Self {
        let compile = |globs: &[String]| {
            let clean = globs.iter().map(|glob| typed_glob(glob, suffix));
            clean.map(|glob| WildMatch::new(&glob)).collect()
        };
        Self {
            include: compile(&filter.include),
            exclude: compile(&filter.exclude),
        }
    }

    pub fn wants(&self, stream: &StreamId) -> bool {
        let any = |globs: &[WildMatch]| globs.iter().any(|glob| glob.matches(&stream.0));
        (self.include.is_empty() || any(&self.include)) && !any(&self.exclude)
    }
}

/// Whether `name` names many streams.
pub fn is_glob(name: &str) -> bool {
    name.contains(['*', '?'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(include: &[&str], exclude: &[&str], stream: &str) -> bool {
        let owned = |globs: &[&str]| globs.iter().map(|glob| (*glob).to_owned()).collect();
        let filter = Filter {
            include: owned(include),
            exclude: owned(exclude),
        };
        Globs::new(&filter, "").wants(&StreamId(stream.to_owned()))
    }

    #[test]
    fn an_empty_filter_wants_everybody() {
        assert!(wanted(&[], &[], "alice"));
    }

    #[test]
    fn globs_include_and_exclude() {
        assert!(wanted(&["al*", "b?b"], &[], "alice"));
        assert!(wanted(&["al*", "b?b"], &[], "bob"));
        assert!(!wanted(&["al*", "b?b"], &[], "carol"));
        assert!(!wanted(&["*"], &["*_ss"], "alice_ss"));
        assert!(!wanted(&[], &["alice"], "alice"));
    }

    #[test]
    fn names_match_as_they_are_typed() {
        assert!(wanted(&["room-cam 1"], &[], "room_cam_1"));
        assert!(wanted(&["room-*"], &[], "room_cam_1"));
    }

    #[test]
    fn case_matters() {
        assert!(!wanted(&["Alice"], &[], "alice"));
    }
}
