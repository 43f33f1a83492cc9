// SPDX-License-Identifier: MPL-2.0
//! Valid streams, which `crates/vdoroom-testkit/examples/media_seeds.rs` made.

use std::path::Path;
use std::sync::LazyLock;

use super::harness;

/// The packets of a codec as one sender sends them.
pub(super) struct Seed {
    pub name: String,
    pub encoding_name: String,
    pub packets: Vec<Vec<u8>>,
}

static SEEDS: LazyLock<Result<Vec<Seed>, String>> = LazyLock::new(|| {
    harness::start()?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/media");
    let fault = |e: std::io::Error| format!("{}: {e}", folder.display());
    let mut seeds = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(fault)? {
        let path = entry.map_err(fault)?.path();
        let bytes = std::fs::read(&path).map_err(fault)?;
        let name = path.file_stem().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        let encoding_name = name.split('-').next().unwrap_or_default().to_owned();
        seeds.push(Seed {
            name,
            encoding_name,
            packets: unframe(&bytes),
        });
    }
    seeds.sort_by(|a, b| a.name.cmp(&b.name));
    match seeds.is_empty() {
        true => Err(format!("{} is empty", folder.display())),
        false => Ok(seeds),
    }
});

pub(super) fn all() -> Result<&'static [Seed], String> {
    SEEDS.as_deref().map_err(Clone::clone)
}

/// The names of the seeds, in the order of their numbers; they begin with the codec.
pub fn names() -> Result<Vec<&'static str>, String> {
    Ok(all()?.iter().map(|seed| seed.name.as_str()).collect())
}

/// RFC 4571.
fn unframe(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes(*length));
        let Some((packet, rest)) = rest.split_at_checked(length) else {
            break;
        };
        packets.push(packet.to_vec());
        bytes = rest;
    }
    packets
}
