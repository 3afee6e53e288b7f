//! The lesions of an image as objects.

use mcdrl_image::{Components, Mask};
use serde::Serialize;

use crate::profile::Profile;

/// A connected lesion.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Lesion {
    /// The name of its class.
    pub class: String,
    /// The mean probability of its class over its pixels, 0..1.
    pub confidence: f32,
    /// Its share of the image, 0..1.
    pub fraction: f32,
    /// The number of its pixels.
    pub pixels: usize,
    /// Its area in mm², if the file states the size of its pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub area_mm2: Option<f32>,
    /// The smallest rectangle around it: left, top, width, height, in pixels.
    pub bounds: [u32; 4],
    /// The corners of its outline, clockwise, in pixels from the top left corner of the image. They lie on the edges of pixels.
    pub outline: Vec<[u32; 2]>,
}

/// The lesions of a mask, the largest first.
///
/// - `pixel_size`: the height and the width of a pixel in millimetres
/// - `certainties`: of every pixel that is no background, in order, the probability of its class
pub fn lesions(
    mask: &Mask,
    pixel_size: Option<[f32; 2]>,
    certainties: &[f32],
    profile: &Profile,
) -> Vec<Lesion> {
    if certainties.is_empty() {
        return Vec::new();
    }
    let components = Components::of(mask);
    let mut sums = vec![0.0f64; components.parts.len()];
    let parts = (0..mask.classes().len()).filter_map(|pixel| components.part_at(pixel));
    for (part, certainty) in parts.zip(certainties) {
        sums[part] += f64::from(*certainty);
    }
    let lesion = |(part, sum): (mcdrl_image::Component, f64)| Lesion {
        class: profile.classes[usize::from(part.class) - 1].clone(),
        confidence: (sum / part.pixels as f64) as f32,
        fraction: part.pixels as f32 / mask.classes().len() as f32,
        pixels: part.pixels,
        area_mm2: pixel_size.map(|[height, width]| part.pixels as f32 * height * width),
        bounds: [part.bounds.left, part.bounds.top, part.bounds.width, part.bounds.height],
        outline: part.outline,
    };
    components.parts.into_iter().zip(sums).map(lesion).collect()
}
