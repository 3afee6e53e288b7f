//! Blood: red films and drops.

use super::patches::{ellipses, patches};
use super::picture::{Picture, lit, luma};
use crate::random::Random;
use crate::vector::{Vec3, vec3};

/// Films that hide most of what is below.
pub fn film(picture: &mut Picture, strength: f32, random: &mut Random) -> Vec<f32> {
    let cover = patches(picture, 0.04 + 0.22 * strength, random);
    let opacity = 0.95 * strength.sqrt();
    picture.change(|at, pixel| {
        let blood = vec3(0.42, 0.03, 0.03) * (0.7 + 0.8 * luma(pixel));
        pixel.lerp(blood, opacity * cover[at] * lit(pixel))
    });
    cover
}

/// Drops and their trails, which filter the colour below.
pub fn drops(picture: &mut Picture, strength: f32, random: &mut Random) -> Vec<f32> {
    let (side, down) = (picture.side(), random.angle());
    let mut shapes = Vec::new();
    for _ in 0..(4.0 + 20.0 * strength) as usize {
        let radius = side * random.log_range(0.015, 0.08);
        let centre =
            [random.range(0.0, picture.width as f32), random.range(0.0, picture.height as f32)];
        shapes.push((centre, [radius, radius * random.range(0.7, 1.0)], random.angle()));
        let trail = radius * random.range(1.0, 3.0);
        let end = [centre[0] + trail * down.cos(), centre[1] + trail * down.sin()];
        shapes.push((end, [trail, 0.6 * radius], down));
    }
    let cover = ellipses(picture, &shapes);
    let depth = 0.6 + 0.4 * strength;
    picture.change(|at, pixel| {
        let filtered = pixel.scale(vec3(0.72, 0.10, 0.08)) + Vec3::splat(0.01);
        pixel.lerp(filtered, depth * cover[at])
    });
    cover
}
