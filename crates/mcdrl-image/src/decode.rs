//! Decoding of image files: size limits, EXIF orientation, files that are cut off.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use crate::{Error, MAX_MEGAPIXELS, Result};

/// Decodes an image file and turns it upright.
pub fn decode_upright(bytes: &[u8]) -> Result<DynamicImage> {
    let unreadable = |reason: &dyn std::fmt::Display| Error::Decode { reason: reason.to_string() };
    let reader =
        ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|e| unreadable(&e))?;
    if reader.format() == Some(ImageFormat::Jpeg) && !has_end_marker(bytes) {
        return Err(unreadable(&"the JPEG file is cut off"));
    }
    let mut decoder = reader.into_decoder().map_err(|e| unreadable(&e))?;
    let (width, height) = decoder.dimensions();
    check_size(width as usize, height as usize)?;
    decoder.set_limits(Limits::default()).map_err(|e| unreadable(&e))?;
    let orientation = decoder.orientation().map_err(|e| unreadable(&e))?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(|e| unreadable(&e))?;
    image.apply_orientation(orientation);
    Ok(image)
}

/// Checks that an image of this size is within [`MAX_MEGAPIXELS`].
pub fn check_size(width: usize, height: usize) -> Result<()> {
    let pixels = (width as u64).saturating_mul(height as u64);
    if pixels > u64::from(MAX_MEGAPIXELS) * 1_000_000 {
        let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
        let (width, height) = (side(width), side(height));
        return Err(Error::TooLarge { width, height, limit: MAX_MEGAPIXELS });
    }
    Ok(())
}

/// Checks that a buffer holds an image of this size.
pub fn check_length(width: usize, height: usize, channels: usize, found: usize) -> Result<()> {
    check_size(width, height)?;
    let expected = width * height * channels;
    if expected == 0 || expected != found {
        return Err(Error::BufferLength { width, height, expected, found });
    }
    Ok(())
}

/// Whether a JPEG has its end marker. The decoder fills the missing part of a file that is cut off with grey. Such an image
/// must not be segmented.
fn has_end_marker(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some(offset) = bytes.get(at..).and_then(|rest| rest.iter().position(|b| *b == 0xff)) {
        at += offset;
        match bytes.get(at + 1) {
            // The end of the image.
            Some(0xd9) => return true,
            // A fill byte.
            Some(0xff) => at += 1,
            // A stuffed byte or a restart inside the image data, or a marker without a segment.
            Some(0x00 | 0x01 | 0xd0..=0xd8) => at += 2,
            // A segment with its length.
            Some(_) => match bytes.get(at + 2..at + 4) {
                Some(length) => at += 2 + usize::from(u16::from_be_bytes([length[0], length[1]])),
                None => return false,
            },
            None => return false,
        }
    }
    false
}
