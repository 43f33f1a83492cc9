// SPDX-License-Identifier: MPL-2.0
//! Random numbers from OpenSSL, for secrets.

use openssl::rand::rand_bytes;

/// None if the system has no randomness.
pub(crate) fn random() -> Option<u64> {
    let mut bytes = [0; 8];
    rand_bytes(&mut bytes).ok()?;
    Some(u64::from_be_bytes(bytes))
}
