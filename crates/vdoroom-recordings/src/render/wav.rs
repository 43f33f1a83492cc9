// SPDX-License-Identifier: MPL-2.0
//! Broadcast Wave files (EBU Tech 3285), which become RF64 (EBU Tech 3306) when they are larger than
//! 4 GiB. GStreamer's wavenc (1.22) writes neither a time reference nor more than 4 GiB.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

/// Where the chunk is that holds sizes of more than 32 bits, and its size without the header.
const DS64: u64 = 12;
const DS64_SIZE: u32 = 28;
const BEXT_SIZE: u32 = 602;
const FMT_SIZE: u32 = 16;
/// All before the samples.
const HEADER: u64 = 12 + 8 + DS64_SIZE as u64 + 8 + BEXT_SIZE as u64 + 8 + FMT_SIZE as u64 + 8;

#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// Hertz.
    pub rate: u32,
    pub channels: u16,
    /// Bytes of a sample, 2 or 3.
    pub bytes: u16,
}

/// What the file says of itself, in ASCII.
#[derive(Debug, Clone, Default)]
pub struct Broadcast {
    pub description: String,
    pub originator: String,
    /// `2026-11-21` and `09:00:00`.
    pub date: String,
    pub time: String,
    /// Samples from midnight to the first one.
    pub time_reference: u64,
}

pub struct Wav {
    file: BufWriter<File>,
    layout: Layout,
    /// Of samples so far.
    bytes: u64,
}

impl Wav {
    pub fn create(path: &Path, layout: Layout, broadcast: &Broadcast) -> io::Result<Self> {
        let mut file = BufWriter::new(File::create(path)?);
        file.write_all(&header(layout, broadcast))?;
        Ok(Self {
            file,
            layout,
            bytes: 0,
        })
    }

    /// Interleaved samples from -1 to 1.
    pub fn write(&mut self, samples: &[f32]) -> io::Result<()> {
        let bytes = usize::from(self.layout.bytes);
        let most = f64::from((1_i32 << (8 * self.layout.bytes - 1)) - 1);
        for sample in samples {
            let value = (f64::from(*sample).clamp(-1.0, 1.0) * most).round() as i32;
            self.file.write_all(&value.to_le_bytes()[..bytes])?;
        }
        self.bytes += (samples.len() * bytes) as u64;
        Ok(())
    }

    /// Fills in the sizes, and waits until all is on the disk.
    pub fn finish(mut self) -> io::Result<()> {
        let padding = self.bytes % 2;
        self.file.write_all(&[0][..padding as usize])?;
        let riff = HEADER - 8 + self.bytes + padding;
        let mut file = self.file.into_inner().map_err(|e| e.into_error())?;
        let mut put = |at: u64, bytes: &[u8]| {
            file.seek(SeekFrom::Start(at))?;
            file.write_all(bytes)
        };
        match (u32::try_from(riff), u32::try_from(self.bytes)) {
            (Ok(riff), Ok(data)) => {
                put(4, &riff.to_le_bytes())?;
                put(HEADER - 4, &data.to_le_bytes())?;
            }
            _ => {
                let frame = u64::from(self.layout.bytes * self.layout.channels);
                put(0, b"RF64")?;
                put(4, &u32::MAX.to_le_bytes())?;
                put(DS64, b"ds64")?;
                put(DS64 + 8, &riff.to_le_bytes())?;
                put(DS64 + 16, &self.bytes.to_le_bytes())?;
                put(DS64 + 24, &(self.bytes / frame.max(1)).to_le_bytes())?;
                put(HEADER - 4, &u32::MAX.to_le_bytes())?;
            }
        }
        file.sync_all()
    }
}

fn header(layout: Layout, broadcast: &Broadcast) -> Vec<u8> {
    let mut header = Vec::new();
    let mut put = |bytes: &[u8]| header.extend_from_slice(bytes);
    put(b"RIFF\0\0\0\0WAVE");
    // Space for ds64.
    put(b"JUNK");
    put(&DS64_SIZE.to_le_bytes());
    put(&[0; DS64_SIZE as usize]);
    put(b"bext");
    put(&BEXT_SIZE.to_le_bytes());
    put(&text::<256>(&broadcast.description));
    put(&text::<32>(&broadcast.originator));
    put(&text::<32>(""));
    put(&text::<10>(&broadcast.date));
    put(&text::<8>(&broadcast.time));
    put(&broadcast.time_reference.to_le_bytes());
    // Version 1, and no UMID.
    put(&1_u16.to_le_bytes());
    put(&[0; 64 + 190]);
    put(b"fmt ");
    put(&FMT_SIZE.to_le_bytes());
    put(&1_u16.to_le_bytes());
    put(&layout.channels.to_le_bytes());
    put(&layout.rate.to_le_bytes());
    let frame = layout.bytes * layout.channels;
    put(&(layout.rate * u32::from(frame)).to_le_bytes());
    put(&frame.to_le_bytes());
    put(&(layout.bytes * 8).to_le_bytes());
    put(b"data\0\0\0\0");
    header
}

/// ASCII, and zeros after it.
fn text<const SIZE: usize>(text: &str) -> [u8; SIZE] {
    let mut field = [0; SIZE];
    let plain = text.chars().map(|c| {
        if c.is_ascii_graphic() || c == ' ' {
            c as u8
        } else {
            b'?'
        }
    });
    field
        .iter_mut()
        .zip(plain)
        .for_each(|(to, from)| *to = from);
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: Layout = Layout {
        rate: 48_000,
        channels: 1,
        bytes: 3,
    };

    fn written(samples: &[f32], more: u64) -> Vec<u8> {
        let folder = std::env::temp_dir();
        let path = folder.join(format!("vdoroom-wav-{}-{more}", std::process::id()));
        let broadcast = Broadcast {
            description: "Ålice".into(),
            date: "2026-11-21".into(),
            time_reference: 0x0102_0304_0506,
            ..Broadcast::default()
        };
        let mut wav = Wav::create(&path, LAYOUT, &broadcast).unwrap();
        wav.write(samples).unwrap();
        wav.bytes += more;
        wav.finish().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        bytes
    }

    #[test]
    fn the_header_has_sizes_and_the_time_reference() {
        let bytes = written(&[0.0, 1.0, -1.0], 0);
        assert_eq!(bytes.len() as u64, HEADER + 10);
        assert_eq!(&bytes[..4], b"RIFF");
        assert_eq!(&bytes[4..8], &(bytes.len() as u32 - 8).to_le_bytes());
        let bext = 12 + 8 + 28 + 8;
        assert_eq!(&bytes[bext..bext + 6], b"?lice\0");
        assert_eq!(&bytes[bext + 320..bext + 330], b"2026-11-21");
        assert_eq!(&bytes[bext + 338..bext + 346], &[6, 5, 4, 3, 2, 1, 0, 0]);
        let data = HEADER as usize;
        assert_eq!(&bytes[data - 8..data], b"data\x09\0\0\0");
        let samples = [0, 0, 0, 0xff, 0xff, 0x7f, 1, 0, 0x80, 0];
        assert_eq!(&bytes[data..], &samples);
    }

    #[test]
    fn more_than_four_gigabytes_are_rf64() {
        let more = 3 << 31;
        let bytes = written(&[0.0], more);
        assert_eq!(&bytes[..8], b"RF64\xff\xff\xff\xff");
        assert_eq!(&bytes[12..16], b"ds64");
        assert_eq!(&bytes[28..36], &(more + 3).to_le_bytes());
        assert_eq!(&bytes[36..44], &(more / 3 + 1).to_le_bytes());
    }
}
