//! Colour profiles: pixels in another colour space become sRGB, as in a browser.

use image::{DynamicImage, RgbImage};
use qcms::{DataType, Intent, Profile, Transform};

/// The gamma of a PNG file that has no other statement about its colours, times 100 000.
const SRGB_GAMMA: u32 = 45_455;

/// Converts pixels to sRGB by the ICC profile of their file. A profile that cannot be used leaves them as they are, as in a
/// browser.
pub fn to_srgb(pixels: &mut RgbImage, icc: &[u8]) {
    // Where a profile states the space of its colours.
    let is_grey = match icc.get(16..20) {
        Some(b"RGB ") => false,
        Some(b"GRAY") => true,
        _ => return,
    };
    let Some(profile) = Profile::new_from_slice(icc, false) else { return };
    let mut srgb = Profile::new_sRGB();
    srgb.precache_output_transform();
    let from = if is_grey { DataType::Gray8 } else { DataType::RGB8 };
    let transform = Transform::new_to(&profile, &srgb, from, DataType::RGB8, Intent::Perceptual);
    let Some(transform) = transform else { return };
    if is_grey {
        let grey = DynamicImage::from(pixels.clone()).into_luma8();
        transform.convert(&grey, pixels);
    } else {
        transform.apply(pixels);
    }
}

/// Converts pixels to sRGB by the chunk gAMA of their PNG file, if the file has no better statement.
pub fn from_png_gamma(pixels: &mut RgbImage, file: &[u8]) {
    let Some(gamma) = png_gamma(file).filter(|gamma| gamma.abs_diff(SRGB_GAMMA) > 500) else {
        return;
    };
    let srgb = |byte: usize| {
        let light = (byte as f64 / 255.0).powf(100_000.0 / f64::from(gamma));
        let value = match light {
            ..0.003_130_8 => 12.92 * light,
            _ => 1.055 * light.powf(1.0 / 2.4) - 0.055,
        };
        (255.0 * value).round() as u8
    };
    let table: Vec<u8> = (0..256).map(srgb).collect();
    pixels.iter_mut().for_each(|value| *value = table[usize::from(*value)]);
}

/// The gamma in the chunk gAMA; `None` without it, or with a chunk sRGB, iCCP or cICP.
fn png_gamma(file: &[u8]) -> Option<u32> {
    let mut gamma = None;
    let mut rest = file.strip_prefix(b"\x89PNG\r\n\x1a\n")?;
    while let Some((head, body)) = rest.split_at_checked(8) {
        let (length, kind) = head.split_at(4);
        let length = u32::from_be_bytes(length.try_into().expect("four bytes")) as usize;
        match kind {
            b"sRGB" | b"iCCP" | b"cICP" => return None,
            b"gAMA" => gamma = Some(u32::from_be_bytes(*body.first_chunk()?)),
            b"IDAT" => break,
            _ => {}
        }
        rest = body.get(length.checked_add(4)?..)?;
    }
    gamma.filter(|gamma| *gamma > 0)
}
