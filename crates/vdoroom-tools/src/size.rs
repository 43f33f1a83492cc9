// SPDX-License-Identifier: MPL-2.0
//! Frame sizes as options.

/// Width and height of `1280x720`.
pub fn parse(text: &str) -> Result<(u32, u32), String> {
    let sides = text.split_once('x').and_then(|(width, height)| {
        let sides: (u32, u32) = (width.parse().ok()?, height.parse().ok()?);
        let possible = 16..=16_384;
        (possible.contains(&sides.0) && possible.contains(&sides.1)).then_some(sides)
    });
    sides.ok_or_else(|| "it is not like 1280x720, from 16 to 16384 pixels".into())
}
