// SPDX-License-Identifier: MPL-2.0
//! Which of several names a new file takes.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

/// The `n`-th choice for a name that is taken: `alice.ts`, `alice_2.ts`, `alice_3.ts`.
pub(crate) fn alternative(path: &Path, n: u32) -> PathBuf {
    if n < 2 {
        return path.to_owned();
    }
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!("_{n}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

/// The first choice of names, and the others, that no other file of this process has in another
/// spelling: on a disk that does not tell cases apart the one would replace the other, at the
/// latest when both are copied there.
///
/// A name in the same spelling is left to the file system, which knows whether it is still taken.
pub(crate) fn is_free(path: &Path) -> bool {
    /// Hashes of names in lower case, and of their spelling. Guards itself only.
    static SPELLINGS: LazyLock<Mutex<HashMap<u64, u64>>> = LazyLock::new(Mutex::default);
    let text = path.to_string_lossy();
    let hash = |text: &str| {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        hasher.finish()
    };
    let (folded, spelling) = (hash(&text.to_lowercase()), hash(&text));
    let mut spellings = SPELLINGS.lock().unwrap_or_else(PoisonError::into_inner);
    *spellings.entry(folded).or_insert(spelling) == spelling
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_name_gets_a_number_before_its_extension() {
        let path = Path::new("d/alice.ts");
        assert_eq!(alternative(path, 1), path);
        assert_eq!(alternative(path, 2), Path::new("d/alice_2.ts"));
        assert_eq!(alternative(Path::new("d/a"), 3), Path::new("d/a_3"));
    }

    #[test]
    fn spellings_that_differ_only_in_case_are_not_both_free() {
        let free = |name: &str| is_free(&Path::new("/spellings").join(name));
        assert!(free("alice.ts"));
        assert!(!free("ALICE.ts"));
        assert!(free("ALICE_2.ts"));
        assert!(!free("alice_2.ts"));
        assert!(
            free("alice.ts"),
            "the file system knows whether it is there"
        );
    }
}
