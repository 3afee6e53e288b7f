//! Mucus: whitish films and strands.

use super::patches::{ellipses, patches};
use super::picture::{Picture, lit};
use crate::random::Random;
use crate::vector::vec3;

/// Translucent films.
pub fn film(picture: &mut Picture, strength: f32, random: &mut Random) -> Vec<f32> {
    let colour = vec3(0.86, 0.84, 0.70) * (picture.mean_luma() / 0.55).clamp(0.6, 1.3);
    let cover = patches(picture, 0.04 + 0.22 * strength, random);
    let opacity = 0.9 * strength.sqrt();
    picture.change(|at, pixel| pixel.lerp(colour, opacity * cover[at] * lit(pixel)));
    cover
}

/// Yellowish strands and bubbles.
pub fn strands(picture: &mut Picture, strength: f32, random: &mut Random) -> Vec<f32> {
    let colour = vec3(0.88, 0.80, 0.52) * (picture.mean_luma() / 0.5).clamp(0.6, 1.3);
    let side = picture.side();
    let mut shapes = Vec::new();
    for _ in 0..(2.0 + 8.0 * strength) as usize {
        // A strand is a chain of ellipses that slowly turns.
        let mut centre =
            [random.range(0.0, picture.width as f32), random.range(0.0, picture.height as f32)];
        let (mut heading, width) = (random.angle(), side * random.range(0.008, 0.02));
        for _ in 0..14 {
            shapes.push((centre, [2.5 * width, width], heading));
            heading += 0.35 * random.bell();
            centre[0] += 2.5 * width * heading.cos();
            centre[1] += 2.5 * width * heading.sin();
        }
    }
    let cover = ellipses(picture, &shapes);
    let opacity = 0.5 + 0.45 * strength;
    picture.change(|at, pixel| pixel.lerp(colour, opacity * cover[at] * lit(pixel)));
    cover
}
