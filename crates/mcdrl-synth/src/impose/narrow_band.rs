//! Narrow-band light: only blue and green, which haemoglobin absorbs.

use super::picture::{Picture, luma};
use crate::random::Random;
use crate::vector::{Vec3, vec3};

/// The green channel is shown as red and the blue one as green and blue, with more contrast.
pub fn mixed(picture: &mut Picture, strength: f32, _: &mut Random) -> Vec<f32> {
    let band = |c: Vec3| {
        vec3(
            0.15 * c.x + 0.65 * c.y + 0.10 * c.z,
            0.02 * c.x + 0.42 * c.y + 0.50 * c.z,
            0.42 * c.y + 0.48 * c.z,
        )
    };
    let count = picture.pixels.len().max(1) as f32;
    let sum = picture.pixels.iter().fold(Vec3::default(), |sum, colour| sum + band(*colour));
    let mean = sum * (1.0 / count);
    picture.change(|_, colour| {
        // Black corners stay black: the contrast grows only as far as there is light.
        let contrast = mean.lerp(band(colour), 1.25);
        colour.lerp(contrast, strength * super::picture::lit(colour))
    });
    picture.everywhere()
}

/// A picture toned by its brightness: dark brown, grey-green, pale cyan.
pub fn toned(picture: &mut Picture, strength: f32, _: &mut Random) -> Vec<f32> {
    let tones = [
        Vec3::default(),
        vec3(0.22, 0.17, 0.10),
        vec3(0.36, 0.44, 0.38),
        vec3(0.60, 0.78, 0.74),
        vec3(0.93, 1.0, 0.98),
    ];
    let last = tones.len() - 1;
    picture.change(|_, colour| {
        // Blood and vessels, which are red, become dark.
        let tone = (luma(colour) - 0.25 * (colour.x - colour.y).max(0.0)).clamp(0.0, 1.0);
        let place = tone * last as f32;
        let below = (place as usize).min(last - 1);
        let toned = tones[below].lerp(tones[below + 1], place - below as f32);
        colour.lerp(toned, strength)
    });
    picture.everywhere()
}
