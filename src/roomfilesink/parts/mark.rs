// SPDX-License-Identifier: MPL-2.0
//! A moment of the recording that somebody wants to find again.

use super::field::{Field, utc_text};

/// The longest text, in bytes.
const MAX_TEXT: usize = 1000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Counts the marks of this run, from 1.
    number: u64,
    /// Running time.
    at: i64,
    utc_ns: i64,
    text: String,
}

impl Mark {
    /// One without a text is called by its number.
    pub(crate) fn new(number: u64, at: i64, utc_ns: i64, text: &str) -> Self {
        let text = match text.trim() {
            "" => format!("mark {number}"),
            text => text[..text.floor_char_boundary(MAX_TEXT)].to_owned(),
        };
        Self {
            number,
            at,
            utc_ns,
            text,
        }
    }

    pub(crate) fn fields(&self) -> Vec<(&'static str, Field)> {
        vec![
            ("mark", Field::Uint(self.number)),
            ("at", Field::Int(self.at)),
            ("at-utc", Field::Text(utc_text(self.utc_ns))),
            ("text", Field::Text(self.text.clone())),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(given: &str) -> String {
        Mark::new(3, 0, 0, given).text
    }

    #[test]
    fn a_mark_has_a_text_of_bounded_length() {
        assert_eq!(text(" The answer\n"), "The answer");
        assert_eq!(text(""), "mark 3");
        assert_eq!(text(" \n"), "mark 3");
        assert_eq!(text(&"a".repeat(2000)), "a".repeat(1000));
        assert_eq!(text(&"€".repeat(500)), "€".repeat(333));
    }
}
