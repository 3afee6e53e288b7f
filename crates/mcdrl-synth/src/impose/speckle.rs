//! Speckle: the grain of waves that interfere.

use super::picture::Picture;
use crate::noise::fractal_noise;
use crate::random::Random;
use crate::vector::vec3;

/// Round grain that multiplies the light.
pub fn grain(picture: &mut Picture, strength: f32, random: &mut Random) -> Vec<f32> {
    let (cells, seed) = (picture.side() / random.range(2.0, 4.0), random.bits());
    let half = 0.5 * cells;
    multiply(picture, strength, |x, y| fractal_noise(vec3(half * x, half * y, 0.5), 1, seed));
    picture.everywhere()
}

/// Grain that is drawn out sideways, as far from the probe.
pub fn streaks(picture: &mut Picture, strength: f32, random: &mut Random) -> Vec<f32> {
    let (cells, seed) = (picture.side() / random.range(2.0, 3.0), random.bits());
    let (across, down) = (0.5 * cells / random.range(3.0, 5.0), 0.5 * cells);
    multiply(picture, 0.9 * strength, |x, y| {
        // Below the middle it is coarser.
        let far = 1.0 - 0.3 * (y + 1.0) / 2.0;
        let value = fractal_noise(vec3(across * far * x, down * y, 0.5), 1, seed);
        value * value * 1.6
    });
    picture.everywhere()
}

/// Multiplies each pixel by a grain around 1. The noise has a mean of about one half.
fn multiply(picture: &mut Picture, strength: f32, noise: impl Fn(f32, f32) -> f32) {
    let gains: Vec<f32> = (0..picture.pixels.len())
        .map(|at| {
            let (x, y) = picture.position(at);
            (1.0 + 3.2 * strength * (noise(x, y) - 0.5)).max(0.0)
        })
        .collect();
    picture.change(|at, pixel| pixel * gains[at]);
}
