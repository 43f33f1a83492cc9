// SPDX-License-Identifier: MPL-2.0
//! What exported files are called. Names of people come from strangers.

use std::collections::HashSet;

use vdoroom_platform::name::is_reserved;

/// Characters of a name, so that there is space for what is appended.
const LONGEST: usize = 80;

/// Names that were given already, in lower case: some systems do not tell cases apart.
#[derive(Debug, Default)]
pub struct Names(HashSet<String>);

impl Names {
    /// A name that is like this one, valid everywhere, and that no other file has.
    pub fn file(&mut self, wanted: &str, extension: &str) -> String {
        let stem = plain(wanted);
        let numbered = (2..).map(|n| format!("{stem}_{n}"));
        let mut all = std::iter::once(stem.clone()).chain(numbered);
        let free = |stem: &String| self.0.insert(format!("{stem}.{extension}").to_lowercase());
        // The numbers do not end.
        let stem = all.find(free).unwrap_or(stem);
        format!("{stem}.{extension}")
    }
}

/// Letters of any script and digits stay.
fn plain(text: &str) -> String {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let letters = text.chars().map(|c| if fits(c) { c } else { '_' });
    let name: String = letters.take(LONGEST).collect();
    // No hidden file, and none that Windows shortens.
    let name = name.trim_matches('.');
    match name {
        "" => "unnamed".into(),
        name if is_reserved(name) => format!("_{name}"),
        name => name.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_in_its_folder_and_is_given_once() {
        let mut names = Names::default();
        assert_eq!(names.file("../Ålice b", "wav"), "_Ålice_b.wav");
        assert_eq!(names.file("alice", "wav"), "alice.wav");
        assert_eq!(names.file("Alice", "wav"), "Alice_2.wav");
        assert_eq!(names.file("alice", "mov"), "alice.mov");
        assert_eq!(names.file("..", "mov"), "unnamed.mov");
        assert_eq!(names.file("Con", "wav"), "_Con.wav");
    }
}
