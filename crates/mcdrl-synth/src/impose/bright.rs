//! Over-exposure.

use super::picture::{Picture, lit};
use crate::random::Random;
use crate::vector::Vec3;

/// A high gain and a veil of light. Black corners stay black.
pub fn gain(picture: &mut Picture, strength: f32, _: &mut Random) -> Vec<f32> {
    picture.change(|_, colour| {
        colour * (1.0 + 1.1 * strength) + Vec3::splat(0.18 * strength * lit(colour))
    });
    picture.everywhere()
}

/// A low gamma, with light that blooms around the brightest places.
pub fn bloom(picture: &mut Picture, strength: f32, _: &mut Random) -> Vec<f32> {
    let mut highlights = picture.clone();
    highlights.change(|_, colour| colour.map(|value| (value - 0.5).max(0.0)));
    let halo = highlights.blurred((0.03 * picture.side()).max(0.5));
    let gamma = 1.0 / (1.0 + 1.3 * strength);
    picture.change(|at, colour| {
        colour.map(|value| value.max(0.0).powf(gamma)) + halo.pixels[at] * (1.5 * strength)
    });
    picture.everywhere()
}
