//! Colour profiles: pixels in another colour space become sRGB, as in a browser.

use image::{GrayImage, RgbImage};
use moxcms::{ColorProfile, DataColorSpace, Layout, ToneReprCurve, TransformOptions};

/// The gamma of a PNG file that has no other statement about its colours, times 100 000.
const SRGB_GAMMA: u32 = 45_455;

/// Converts pixels to sRGB by the ICC profile of their file. A profile that cannot be used leaves them as they are, as in a
/// browser.
pub fn to_srgb(pixels: &mut RgbImage, icc: &[u8]) {
    if let Ok(profile) = ColorProfile::new_from_slice(icc) {
        convert(pixels, &profile);
    }
}

/// Converts pixels to sRGB by the chunk gAMA of their PNG file, if the file has no better statement.
pub fn from_png_gamma(pixels: &mut RgbImage, file: &[u8]) {
    let Some(gamma) = png_gamma(file).filter(|gamma| gamma.abs_diff(SRGB_GAMMA) > 500) else {
        return;
    };
    let mut profile = ColorProfile::new_srgb();
    let curve = Some(ToneReprCurve::Parametric(vec![100_000.0 / gamma as f32]));
    (profile.red_trc, profile.green_trc, profile.blue_trc) = (curve.clone(), curve.clone(), curve);
    profile.cicp = None;
    convert(pixels, &profile);
}

fn convert(pixels: &mut RgbImage, profile: &ColorProfile) -> Option<()> {
    let srgb = ColorProfile::new_srgb();
    let options = TransformOptions::default;
    let source = pixels.clone();
    match profile.color_space {
        DataColorSpace::Rgb => {
            let to = (&srgb, Layout::Rgb);
            let transform =
                profile.create_transform_8bit(Layout::Rgb, to.0, to.1, options()).ok()?;
            transform.transform(&source, pixels).ok()
        }
        DataColorSpace::Gray => {
            let grey: GrayImage = image::DynamicImage::from(source).into_luma8();
            let to = (&srgb, Layout::Rgb);
            let transform =
                profile.create_transform_8bit(Layout::Gray, to.0, to.1, options()).ok()?;
            transform.transform(&grey, pixels).ok()
        }
        _ => None,
    }
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
