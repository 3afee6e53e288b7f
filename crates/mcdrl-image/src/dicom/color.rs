//! Colours: RGB, luminance with two differences, and palettes.

use dicom_dictionary_std::tags;
use image::RgbImage;

use super::broken;
use super::dataset::Dataset;
use super::lookup_table::LookupTable;
use super::samples::Samples;
use crate::Result;

/// Converts three values a pixel to RGB.
pub fn to_rgb(dataset: &Dataset, samples: &Samples) -> Result<RgbImage> {
    let largest = ((1i64 << samples.bits) - 1) as f64;
    let byte = |value: &i64| match samples.bits {
        8 => *value as u8,
        _ => (*value as f64 / largest * 255.0).round() as u8,
    };
    let mut bytes: Vec<u8> = samples.values.iter().map(byte).collect();
    match dataset.photometric().as_str() {
        // The decoder of JPEG 2000 has undone the last two.
        "RGB" | "YBR_RCT" | "YBR_ICT" => {}
        "YBR_FULL" | "YBR_FULL_422" => bytes.chunks_exact_mut(3).for_each(full_to_rgb),
        "YBR_PARTIAL_420" | "YBR_PARTIAL_422" => bytes.chunks_exact_mut(3).for_each(partial_to_rgb),
        other => {
            return Err(broken(format!("has colours of the kind {other:?}, which are not read")));
        }
    }
    samples.picture(bytes)
}

/// Replaces indices by the colours of the file's palette.
pub fn from_palette(dataset: &Dataset, samples: &Samples) -> Result<RgbImage> {
    let tables = [
        (
            tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
            tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
        ),
        (
            tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
            tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
        ),
        (
            tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
            tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA,
        ),
    ];
    let mut palette = Vec::with_capacity(3);
    for (descriptor, data) in tables {
        let table = LookupTable::read(dataset.object(), descriptor, data)?;
        palette.push(
            table.ok_or_else(|| broken("has palette indices but no palette of a known kind"))?,
        );
    }
    let bytes =
        samples.values.iter().flat_map(|index| [0, 1, 2].map(|at| palette[at].byte(*index)));
    samples.picture(bytes.collect())
}

/// PS3.3, C.7.6.3.1.2: YBR_FULL
fn full_to_rgb(pixel: &mut [u8]) {
    let [y, b, r] = [0, 1, 2].map(|at| f32::from(pixel[at]));
    set(pixel, y, b - 128.0, r - 128.0);
}

/// The same for a luminance of 16..235 and differences of 16..240.
fn partial_to_rgb(pixel: &mut [u8]) {
    let [y, b, r] = [0, 1, 2].map(|at| f32::from(pixel[at]));
    let (luminance, difference) = (255.0 / 219.0, 255.0 / 224.0);
    set(pixel, (y - 16.0) * luminance, (b - 128.0) * difference, (r - 128.0) * difference);
}

fn set(pixel: &mut [u8], y: f32, b: f32, r: f32) {
    let rgb = [y + 1.402 * r, y - 0.344_136 * b - 0.714_136 * r, y + 1.772 * b];
    pixel.copy_from_slice(&rgb.map(|value| value.round().clamp(0.0, 255.0) as u8));
}
