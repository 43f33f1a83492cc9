// SPDX-License-Identifier: MPL-2.0
//! The names that a server gives its clients (RFC 9562, version 4).

use std::fmt::Write;

/// A name that nobody can guess; nothing if the system has no random numbers.
pub fn random() -> Option<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).ok()?;
    // Version 4, variant 10.
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut uuid = String::with_capacity(36);
    for (n, byte) in bytes.iter().enumerate() {
        if matches!(n, 4 | 6 | 8 | 10) {
            uuid.push('-');
        }
        // A String takes everything.
        let _ = write!(uuid, "{byte:02x}");
    }
    Some(uuid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_written_as_a_uuid_and_given_once() {
        let (one, other) = (random().unwrap(), random().unwrap());
        assert_ne!(one, other);
        let parts: Vec<usize> = one.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12], "{one}");
        assert_eq!(one.as_bytes()[14], b'4', "{one}");
        assert!(b"89ab".contains(&one.as_bytes()[19]), "{one}");
        let is_plain = |c: char| c == '-' || matches!(c, '0'..='9' | 'a'..='f');
        assert!(one.chars().all(is_plain), "{one}");
    }
}
