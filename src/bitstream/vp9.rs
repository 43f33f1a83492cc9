// SPDX-License-Identifier: MPL-2.0
//! Frames of VP9, as far as those of several spatial layers have to be made one picture (VP9
//! bitstream specification, sections 6.2 and 7.2, and annex B).

#[cfg(test)]
mod tests;

/// More has no picture (RFC 9628 section 4.2: SID), and no superframe.
const MAX_FRAMES: usize = 8;

type Size = (u32, u32);

/// Sizes of the frames that later ones may refer to, by their slots.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct References([Option<Size>; 8]);

/// What the uncompressed header of a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub is_key: bool,
    pub size: Size,
    is_shown: bool,
    /// What is decoded may depend on whether the frame before it was shown.
    may_follow_shown: bool,
    /// The slots that have this frame from now on.
    refreshes: u8,
    /// Where `show_frame` stands.
    shown_at: usize,
    /// How long the header is, without what fills its last byte.
    bits: usize,
}

/// A picture out of the frames of its layers, from the lowest to the highest.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Superframe {
    pub data: Vec<u8>,
    /// Of what is shown, where it is known.
    pub size: Option<Size>,
    pub is_key: bool,
}

impl References {
    /// Takes in the frame that is decoded next. None if its header cannot be read, or refers to
    /// what is not known.
    pub(crate) fn frame(&mut self, frame: &[u8]) -> Option<Header> {
        let header = self.read(frame)?;
        for (slot, size) in self.0.iter_mut().enumerate() {
            if header.refreshes >> slot & 1 == 1 {
                *size = Some(header.size);
            }
        }
        Some(header)
    }

    fn read(&self, frame: &[u8]) -> Option<Header> {
        let mut bits = Bits { frame, at: 0 };
        let starts = bits.number(2)? == 2;
        let profile = bits.number(1)? | bits.number(1)? << 1;
        let is_reserved = profile == 3 && bits.flag()?;
        let shows_existing = bits.flag()?;
        if !starts || is_reserved || shows_existing {
            return None;
        }
        let is_key = !bits.flag()?;
        let shown_at = bits.at;
        let is_shown = bits.flag()?;
        let is_resilient = bits.flag()?;
        let is_intra = !is_key && !is_shown && bits.flag()?;
        if !is_key && !is_resilient {
            bits.number(2)?;
        }
        let (size, refreshes) = match is_key || is_intra {
            true => {
                bits.number(24)?;
                if is_key || profile > 0 {
                    skip_color(&mut bits, profile)?;
                }
                let refreshes = if is_key { 0xff } else { bits.number(8)? };
                let size = frame_size(&mut bits)?;
                skip_render_size(&mut bits)?;
                (size, refreshes)
            }
            false => {
                let refreshes = bits.number(8)?;
                let size = self.size_with_references(&mut bits)?;
                bits.flag()?;
                if !bits.flag()? {
                    bits.number(2)?;
                }
                (size, refreshes)
            }
        };
        if !is_resilient {
            bits.number(2)?;
        }
        bits.number(2)?;
        skip_loop_filter(&mut bits)?;
        skip_quantization(&mut bits)?;
        skip_segmentation(&mut bits)?;
        skip_tiles(&mut bits, size.0)?;
        // The length of the compressed header.
        bits.number(16)?;
        Some(Header {
            is_key,
            size,
            is_shown,
            may_follow_shown: !(is_key || is_intra || is_resilient),
            refreshes: u8::try_from(refreshes).ok()?,
            shown_at,
            bits: bits.at,
        })
    }

    /// `frame_size_with_refs`.
    fn size_with_references(&self, bits: &mut Bits<'_>) -> Option<Size> {
        let mut slots = [0; 3];
        for slot in &mut slots {
            *slot = bits.number(3)? as usize;
            bits.flag()?;
        }
        for slot in slots {
            if bits.flag()? {
                let size = *self.0.get(slot)?;
                skip_render_size(bits)?;
                return size;
            }
        }
        let size = frame_size(bits)?;
        skip_render_size(bits)?;
        Some(size)
    }

    /// Of the frames in `picture`, one of each layer and as long as `lengths` says, only the last
    /// is to be shown: an encoder says so of each, since a receiver may get fewer. None if these
    /// are not the frames.
    pub(crate) fn superframe(&mut self, picture: &[u8], lengths: &[usize]) -> Option<Superframe> {
        let mut rest = picture;
        let mut frames = Vec::with_capacity(lengths.len());
        for length in lengths {
            let (frame, behind) = rest.split_at_checked(*length)?;
            frames.push((frame, self.frame(frame)));
            rest = behind;
        }
        if !rest.is_empty() || !(1..=MAX_FRAMES).contains(&frames.len()) {
            return None;
        }
        let mut data = Vec::with_capacity(picture.len() + 5 * MAX_FRAMES);
        let mut written = Vec::with_capacity(frames.len());
        for (index, (frame, header)) in frames.iter().enumerate() {
            let begin = data.len();
            let next = frames.get(index + 1).map(|(_, next)| next);
            match (header, next) {
                (Some(header), Some(Some(next))) if header.can_be_hidden(next) => {
                    header.hide(frame, &mut data);
                }
                _ => data.extend_from_slice(frame),
            }
            written.push(data.len() - begin);
        }
        add_index(&mut data, &written);
        let header = |frame: Option<&(&[u8], Option<Header>)>| frame.and_then(|(_, h)| *h);
        Some(Superframe {
            data,
            size: header(frames.last()).map(|header| header.size),
            is_key: header(frames.first()).is_some_and(|header| header.is_key),
        })
    }
}

impl Header {
    /// Motion vectors are predicted from a frame before that was shown and had the same size
    /// (section 7.2, `UsePrevFrameMvs`): that frame has to stay as it is.
    fn can_be_hidden(&self, next: &Self) -> bool {
        self.is_shown && !(next.may_follow_shown && next.size == self.size)
    }

    /// Writes the frame with `show_frame` 0. One that is no keyframe has `intra_only` then, which
    /// makes the header a bit longer.
    fn hide(&self, frame: &[u8], out: &mut Vec<u8>) {
        let mut bits = Bits { frame, at: 0 };
        let (mut byte, mut count) = (0, 0);
        let mut write = |bit: bool| {
            byte = byte << 1 | u8::from(bit);
            count += 1;
            if count % 8 == 0 {
                out.push(byte);
            }
        };
        while bits.at < self.bits {
            let at = bits.at;
            let bit = bits.flag().unwrap_or_default();
            write(bit && at != self.shown_at);
            // Behind `error_resilient_mode`.
            if !self.is_key && at == self.shown_at + 1 {
                write(false);
            }
        }
        let length = self.bits + usize::from(!self.is_key);
        for _ in length..length.next_multiple_of(8) {
            write(false);
        }
        out.extend_from_slice(frame.get(self.bits.div_ceil(8)..).unwrap_or_default());
    }
}

/// Annex B: `superframe_index`.
fn add_index(data: &mut Vec<u8>, lengths: &[usize]) {
    let longest = lengths.iter().copied().max().unwrap_or_default();
    let bytes = (1..4)
        .find(|bytes| longest >> (8 * bytes) == 0)
        .unwrap_or(4);
    let marker = 0xc0 | (bytes - 1) << 3 | lengths.len().saturating_sub(1);
    let marker = marker as u8;
    data.push(marker);
    for length in lengths {
        data.extend((0..bytes).map(|byte| (length >> (8 * byte)) as u8));
    }
    data.push(marker);
}

/// `color_config`.
fn skip_color(bits: &mut Bits<'_>, profile: u32) -> Option<()> {
    if profile >= 2 {
        bits.flag()?;
    }
    const RGB: u32 = 7;
    match bits.number(3)? {
        RGB if profile & 1 == 1 => bits.number(1)?,
        RGB => 0,
        _ if profile & 1 == 1 => bits.number(4)?,
        _ => bits.number(1)?,
    };
    Some(())
}

fn frame_size(bits: &mut Bits<'_>) -> Option<Size> {
    Some((bits.number(16)? + 1, bits.number(16)? + 1))
}

fn skip_render_size(bits: &mut Bits<'_>) -> Option<()> {
    if bits.flag()? {
        bits.number(32)?;
    }
    Some(())
}

/// `loop_filter_params`.
fn skip_loop_filter(bits: &mut Bits<'_>) -> Option<()> {
    bits.number(9)?;
    let (has_deltas, updates) = match bits.flag()? {
        true => (true, bits.flag()?),
        false => (false, false),
    };
    if has_deltas && updates {
        for _ in 0..6 {
            if bits.flag()? {
                bits.number(7)?;
            }
        }
    }
    Some(())
}

/// `quantization_params`.
fn skip_quantization(bits: &mut Bits<'_>) -> Option<()> {
    bits.number(8)?;
    for _ in 0..3 {
        if bits.flag()? {
            bits.number(5)?;
        }
    }
    Some(())
}

/// `segmentation_params`.
fn skip_segmentation(bits: &mut Bits<'_>) -> Option<()> {
    if !bits.flag()? {
        return Some(());
    }
    let probabilities = |bits: &mut Bits<'_>, count: usize| {
        for _ in 0..count {
            if bits.flag()? {
                bits.number(8)?;
            }
        }
        Some(())
    };
    if bits.flag()? {
        probabilities(bits, 7)?;
        if bits.flag()? {
            probabilities(bits, 3)?;
        }
    }
    if bits.flag()? {
        bits.flag()?;
        // Eight segments with four features, of so many bits with their sign.
        for feature in [9, 7, 2, 0].into_iter().cycle().take(8 * 4) {
            if bits.flag()? {
                bits.number(feature)?;
            }
        }
    }
    Some(())
}

/// `tile_info`: superblocks have 64 pixels, tiles 4 to 64 superblocks.
fn skip_tiles(bits: &mut Bits<'_>, width: u32) -> Option<()> {
    let superblocks = width.div_ceil(64);
    let mut columns = (0..).find(|log| 64 << log >= superblocks)?;
    let most = (1..).find(|log| superblocks >> log < 4)? - 1;
    while columns < most && bits.flag()? {
        columns += 1;
    }
    if bits.flag()? {
        bits.flag()?;
    }
    Some(())
}

struct Bits<'a> {
    frame: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn flag(&mut self) -> Option<bool> {
        let byte = self.frame.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    /// Up to 32 bits.
    fn number(&mut self, bits: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..bits {
            value = value << 1 | u32::from(self.flag()?);
        }
        Some(value)
    }
}
