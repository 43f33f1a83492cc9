// SPDX-License-Identifier: MPL-2.0
//! The SHA-256 of a file, as the manifest has it.

use std::fmt::Write;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

/// Read at once.
const CHUNK: usize = 256 << 10;

/// In lower-case hexadecimal digits. Reads the whole file on the caller's thread.
pub fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut sha256 = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => sha256.update(chunk.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let mut text = String::new();
    for byte in sha256.finalize() {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}
