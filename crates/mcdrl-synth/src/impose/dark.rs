//! Under-exposure.

use super::picture::Picture;
use crate::random::Random;
use crate::vector::Vec3;

/// A low gain.
pub fn gain(picture: &mut Picture, strength: f32, _: &mut Random) -> Vec<f32> {
    picture.change(|_, colour| colour * (1.0 - 0.82 * strength));
    picture.everywhere()
}

/// A high gamma, with the noise of a sensor in the dark.
pub fn gamma(picture: &mut Picture, strength: f32, random: &mut Random) -> Vec<f32> {
    for pixel in &mut picture.pixels {
        let dark = pixel.map(|value| value.max(0.0).powf(1.0 + 1.8 * strength));
        *pixel = dark + Vec3::splat(0.03 * strength * random.bell());
    }
    picture.everywhere()
}
