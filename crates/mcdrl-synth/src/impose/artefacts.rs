//! Artefacts of storage and transmission.

use super::picture::{Picture, luma};
use crate::compression::compress;
use crate::random::Random;
use crate::vector::Vec3;

/// Compression blocks, and in half of the pictures rows that an interlaced grabber shifts.
pub fn blocks(picture: &mut Picture, strength: f32, random: &mut Random) -> Vec<f32> {
    let interlaced = random.chance(0.5);
    let shift = (0.018 * strength * picture.side()).round() as usize;
    if interlaced && shift > 0 {
        for row in picture.pixels.chunks_exact_mut(picture.width).skip(1).step_by(2) {
            row.rotate_right(shift.min(row.len() - 1));
        }
    }
    compress(&mut picture.pixels, [picture.width, picture.height], 0.12 + 0.6 * strength);
    picture.everywhere()
}

/// A worn tape: colours that bleed to the right, few shades, and torn lines.
pub fn tape(picture: &mut Picture, strength: f32, random: &mut Random) -> Vec<f32> {
    let reach = (0.05 * strength * picture.side()).ceil() as isize;
    let weight = 1.0 / (reach + 1) as f32;
    let behind: Vec<_> = (0..=reach).map(|step| (-step, 0, weight)).collect();
    let bled = picture.average(&behind);
    let shades = 32.0 - 24.0 * strength;
    picture.change(|at, colour| {
        let colour = bled.pixels[at] + Vec3::splat(luma(colour) - luma(bled.pixels[at]));
        colour.map(|value| (value * shades).round() / shades)
    });
    let torn = (strength * 0.05 * picture.height as f32).ceil() as usize;
    for _ in 0..torn {
        let (row, start) = (random.below(picture.height), random.below(picture.width));
        let length = (random.range(0.1, 0.5) * picture.width as f32) as usize;
        let shade = Vec3::splat(if random.chance(0.5) { 0.9 } else { 0.05 });
        let row = &mut picture.pixels[row * picture.width..][..picture.width];
        row.iter_mut().skip(start).take(length).for_each(|pixel| *pixel = pixel.lerp(shade, 0.8));
    }
    picture.everywhere()
}
