//! Encoding of PNG files.

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

use crate::{Error, Result};

/// Encodes row-major pixels as a PNG file.
pub fn encode_png(
    pixels: &[u8],
    width: usize,
    height: usize,
    color: ExtendedColorType,
) -> Result<Vec<u8>> {
    let mut png = Vec::new();
    PngEncoder::new(&mut png)
        .write_image(pixels, width as u32, height as u32, color)
        .map_err(|e| Error::Encode { reason: e.to_string() })?;
    Ok(png)
}
