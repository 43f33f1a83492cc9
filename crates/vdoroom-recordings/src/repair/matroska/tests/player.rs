// SPDX-License-Identifier: MPL-2.0
//! What a player finds in a file: it believes sizes, ends a cluster of unknown size where something of
//! the segment begins, and looks for the next cluster where it finds nothing it knows.

const CLUSTER: [u8; 4] = [0x1f, 0x43, 0xb6, 0x75];

/// The payloads of all blocks, in order.
pub fn frames(file: &[u8]) -> Vec<Vec<u8>> {
    let mut player = Player {
        file,
        frames: Vec::new(),
    };
    // Behind the headers of EBML and of the segment.
    let segment = file.windows(4).position(|w| w == [0x18, 0x53, 0x80, 0x67]);
    let mut at = segment.map_or(file.len(), |at| at + 12);
    while at < file.len() {
        at = player.element(at).unwrap_or_else(|| player.resume(at + 1));
    }
    player.frames
}

struct Player<'a> {
    file: &'a [u8],
    frames: Vec<Vec<u8>>,
}

impl Player<'_> {
    /// Where it goes on behind an element of the segment.
    fn element(&mut self, at: usize) -> Option<usize> {
        let (id, size, body) = self.header(at)?;
        if id == u64::from(u32::from_be_bytes(CLUSTER)) {
            return self.cluster(body, size);
        }
        is_known(id).then_some(body.checked_add(size?)?)
    }

    fn cluster(&mut self, body: usize, size: Option<usize>) -> Option<usize> {
        let end = size.and_then(|size| body.checked_add(size));
        let end = end.unwrap_or(self.file.len()).min(self.file.len());
        let mut at = body;
        while at < end {
            let (id, child, body) = self.header(at)?;
            if id > 0xffff_ffff >> 4 && is_known(id) {
                return Some(at);
            }
            if !matches!(id, 0xe7 | 0xa3 | 0xa0 | 0xa7 | 0xab | 0xec | 0xbf) {
                return None;
            }
            let next = body.checked_add(child?)?;
            let payload = self.file.get(body..next)?;
            if id == 0xa3 {
                self.frames.push(payload.get(4..)?.to_vec());
            }
            at = next;
        }
        Some(end)
    }

    fn resume(&self, from: usize) -> usize {
        let rest = self.file.get(from..).unwrap_or_default();
        let found = rest.windows(4).position(|window| window == CLUSTER);
        found.map_or(self.file.len(), |offset| from + offset)
    }

    /// ID, size and where the payload begins.
    fn header(&self, at: usize) -> Option<(u64, Option<usize>, usize)> {
        let number = |at: usize, longest: usize| {
            let len = self.file.get(at)?.leading_zeros() as usize + 1;
            let bytes = self.file.get(at..at + len).filter(|_| len <= longest)?;
            let number = bytes
                .iter()
                .fold(0_u64, |n, byte| n << 8 | u64::from(*byte));
            Some((number, len))
        };
        let (id, id_len) = number(at, 4)?;
        let (marked, len) = number(at + id_len, 8)?;
        let mask = (1 << (7 * len)) - 1;
        let size = (marked & mask != mask).then_some((marked & mask) as usize);
        Some((id, size, at + id_len + len))
    }
}

fn is_known(id: u64) -> bool {
    matches!(
        id,
        0x114d_9b74 | 0x1549_a966 | 0x1654_ae6b | 0x1f43_b675 | 0x1c53_bb6b | 0xec | 0xbf
    )
}
