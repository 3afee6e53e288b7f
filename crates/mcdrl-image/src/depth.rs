//! From the values of a file to 8 bits: 10, 12 and 16 bits, floats, and colours under transparent pixels.

use image::{DynamicImage, GrayImage, Pixel, RgbImage};

use crate::tiff::Values;
use crate::{Error, Note, Result};

/// Converts an image to 8-bit RGB. Values of more than 8 bits are scaled by the bits that are used. What is transparent
/// becomes black.
///
/// # Errors
/// [`Error::Decode`] for floats outside of 0..1 and 0..255.
pub fn to_rgb8(image: DynamicImage, notes: &mut Vec<Note>) -> Result<RgbImage> {
    Ok(match image {
        DynamicImage::ImageLuma16(mut image) => {
            stretch(&mut image, notes);
            DynamicImage::from(image).into_rgb8()
        }
        DynamicImage::ImageRgb16(mut image) => {
            stretch(&mut image, notes);
            DynamicImage::from(image).into_rgb8()
        }
        DynamicImage::ImageLumaA16(mut image) => {
            stretch_opaque(image.as_mut(), 2, notes);
            flattened(DynamicImage::from(image))
        }
        DynamicImage::ImageRgba16(mut image) => {
            stretch_opaque(image.as_mut(), 4, notes);
            flattened(DynamicImage::from(image))
        }
        DynamicImage::ImageRgb32F(mut image) => {
            let scale = float_scale(image.iter().map(|value| f64::from(*value)))?;
            image.iter_mut().for_each(|value| *value /= scale as f32);
            DynamicImage::from(image).into_rgb8()
        }
        DynamicImage::ImageRgba32F(mut image) => {
            let colors = image.pixels().flat_map(|pixel| pixel.0[..3].to_vec());
            let scale = float_scale(colors.map(f64::from))?;
            for pixel in image.pixels_mut() {
                pixel.apply_without_alpha(|value| value / scale as f32);
            }
            flattened(DynamicImage::from(image))
        }
        image if image.color().has_alpha() => flattened(image),
        image => image.into_rgb8(),
    })
}

/// Converts grey values that are floats, signed or of 32 bits.
///
/// # Errors
/// [`Error::Decode`] for floats outside of 0..1 and 0..255, and for negative numbers.
pub fn to_grey8(page: &Values, notes: &mut Vec<Note>) -> Result<GrayImage> {
    let values = page.values.iter().copied();
    let scale = if page.is_float {
        float_scale(values)?
    } else {
        if values.clone().any(|value| value < 0.0) {
            return Err(unscaled(values));
        }
        let used = bits_of_detector(values.fold(0.0, f64::max) as u64).min(page.bits);
        if used < page.bits {
            notes.push(Note::SignificantBits { bits: page.bits, used });
        }
        ((1u64 << used) - 1) as f64
    };
    let byte = |value: &f64| (value / scale * 255.0).round() as u8;
    let bytes = page.values.iter().map(byte).collect();
    Ok(GrayImage::from_raw(page.width as u32, page.height as u32, bytes)
        .expect("a value for each pixel"))
}

/// The colour of a pixel, without what lies under a transparent one. A canvas, which stores colours times opacity, keeps as much.
pub fn visible(color: [u8; 3], alpha: u8) -> [u8; 3] {
    if alpha == 0 { [0; 3] } else { color }
}

fn flattened(image: DynamicImage) -> RgbImage {
    let image = image.into_rgba8();
    RgbImage::from_fn(image.width(), image.height(), |x, y| {
        let [r, g, b, alpha] = image.get_pixel(x, y).0;
        visible([r, g, b], alpha).into()
    })
}

/// Scales 16-bit values by the bits that are used.
fn stretch<P: Pixel<Subpixel = u16>>(
    image: &mut image::ImageBuffer<P, Vec<u16>>,
    notes: &mut Vec<Note>,
) {
    let values: &mut [u16] = image.as_mut();
    let bits = used_bits(values.iter().copied());
    scale_up(values.iter_mut(), bits, notes);
}

/// The same for pixels whose last channel is their opacity.
fn stretch_opaque(values: &mut [u16], channels: usize, notes: &mut Vec<Note>) {
    let is_color = |index: usize| index % channels != channels - 1;
    let colors = values.iter().enumerate().filter(|(index, _)| is_color(*index));
    let bits = used_bits(colors.map(|(_, value)| *value));
    let colors = values.iter_mut().enumerate().filter(|(index, _)| is_color(*index));
    scale_up(colors.map(|(_, value)| value), bits, notes);
}

fn scale_up<'a>(values: impl Iterator<Item = &'a mut u16>, used: u32, notes: &mut Vec<Note>) {
    if used < 16 {
        notes.push(Note::SignificantBits { bits: 16, used });
        let highest = (1u32 << used) - 1;
        values.for_each(|value| *value = (u32::from(*value) * 65_535 / highest) as u16);
    }
}

/// The bits that 16-bit values use. Bytes that were widened, and a black picture, use all.
fn used_bits(values: impl Iterator<Item = u16> + Clone) -> u32 {
    if values.clone().all(|value| value % 257 == 0) {
        return 16;
    }
    bits_of_detector(values.max().unwrap_or(0).into()).min(16)
}

/// The bits of a detector whose largest value this is: 8, 10, 12, …
pub fn bits_of_detector(largest: u64) -> u32 {
    (u64::BITS - largest.leading_zeros()).next_multiple_of(2).max(8)
}

/// What white is in an image of floats: 1 or 255.
fn float_scale(values: impl Iterator<Item = f64> + Clone) -> Result<f64> {
    // A resampled image can leave the range a little.
    const SLACK: f64 = 0.02;
    let within = |white: f64| {
        let mut values = values.clone();
        values.all(|value| (-SLACK * white..=(1.0 + SLACK) * white).contains(&value))
    };
    match [1.0, 255.0].into_iter().find(|white| within(*white)) {
        Some(white) => Ok(white),
        None => Err(unscaled(values)),
    }
}

fn unscaled(values: impl Iterator<Item = f64> + Clone) -> Error {
    let reason = if values.clone().all(f64::is_finite) {
        let least = values.clone().fold(f64::INFINITY, f64::min);
        let most = values.fold(f64::NEG_INFINITY, f64::max);
        format!("its values go from {least} to {most}; scale them to 0..1 first")
    } else {
        "some of its values are infinite or no numbers".into()
    };
    Error::Decode { reason }
}
