// SPDX-License-Identifier: MPL-2.0
//! What others wrote, for a terminal or a log.

/// Replaces what would move the cursor or turn the line around: control characters, and those of
/// Unicode that set the direction of text or end a line.
pub fn printable(text: &str) -> String {
    let shown = |c: char| match c {
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            char::REPLACEMENT_CHARACTER
        }
        _ if c.is_control() => char::REPLACEMENT_CHARACTER,
        _ => c,
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_move_no_cursor_and_turn_no_line() {
        assert_eq!(printable("Zoë 東京 👋"), "Zoë 東京 👋");
        let shown = printable("a\x1b[2J\r\nb\u{202e}c\u{9b}d\u{2028}e\u{200f}f");
        assert_eq!(shown, "a�[2J��b�c�d�e�f");
    }
}
