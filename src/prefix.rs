// SPDX-License-Identifier: MPL-2.0
//! The first bytes of a buffer.

/// The first `N` bytes; `None` if there are fewer. `copy_to_slice` alone panics then.
pub(crate) fn prefix<const N: usize>(buffer: &gst::BufferRef) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if buffer.size() < N {
        return None;
    }
    buffer.copy_to_slice(0, &mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_that_is_too_short_has_no_prefix() {
        gst::init().unwrap();
        assert_eq!(prefix::<1>(&gst::Buffer::new()), None);
        let mut buffer = gst::Buffer::from_slice([1, 2, 3]);
        assert_eq!(prefix(&buffer), Some([1, 2]));
        assert_eq!(prefix(&buffer), Some([1, 2, 3]));
        assert_eq!(prefix::<4>(&buffer), None);
        // What is behind its end is still in its memory.
        buffer.make_mut().set_size(2);
        assert_eq!(prefix::<3>(&buffer), None);
    }
}
