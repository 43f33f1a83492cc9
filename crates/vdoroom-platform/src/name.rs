// SPDX-License-Identifier: MPL-2.0
//! Names that a file cannot have everywhere.

/// Whether Windows has a device of this name, to which an extension makes no difference.
pub fn is_reserved(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    let upper = stem.to_ascii_uppercase();
    if matches!(
        upper.as_str(),
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$"
    ) {
        return true;
    }
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '¹' | '²' | '³');
    ["COM", "LPT"].iter().any(|device| {
        let mut number = upper.strip_prefix(device).into_iter().flat_map(str::chars);
        number.next().is_some_and(is_number) && number.next().is_none()
    })
}

#[cfg(test)]
mod tests {
    use super::is_reserved;

    #[test]
    fn devices_of_windows_are_reserved_with_any_extension() {
        for name in ["con", "NUL.wav", "aux .a.b", "Com1", "lpt³.mkv", "CONIN$"] {
            assert!(is_reserved(name), "{name}");
        }
        for name in ["", "console", "com", "com10", "_con", "a.con"] {
            assert!(!is_reserved(name), "{name}");
        }
    }
}
