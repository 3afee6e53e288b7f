//! Reflections of the lamp.

use super::patches::ellipses;
use super::picture::{Picture, lit, luma};
use crate::noise::fractal_noise;
use crate::random::Random;
use crate::vector::{Vec3, smoothstep, vec3};

/// Small elongated highlights.
pub fn glints(picture: &mut Picture, strength: f32, random: &mut Random) -> Vec<f32> {
    let scale = picture.side() / 192.0;
    // All are drawn at any strength. The strength decides how many are shown.
    let shapes: Vec<_> = (0..29)
        .map(|_| {
            let centre =
                [random.range(0.0, picture.width as f32), random.range(0.0, picture.height as f32)];
            let long = random.range(1.0, 5.0) * scale;
            (centre, [long, long * random.range(0.4, 1.0)], random.angle())
        })
        .collect();
    let cover = ellipses(picture, &shapes[..3 + (26.0 * strength) as usize]);
    picture.change(|at, pixel| pixel.lerp(Vec3::splat(1.0), cover[at] * lit(pixel)));
    cover
}

/// A wet sheen: bright places with a fine pattern, as on a rough surface.
pub fn sheen(picture: &mut Picture, strength: f32, random: &mut Random) -> Vec<f32> {
    let (cells, seed) = (random.range(14.0, 22.0), random.bits());
    let mean = picture.mean_luma();
    let cover: Vec<f32> = (0..picture.pixels.len())
        .map(|at| {
            let (x, y) = picture.position(at);
            let fine = fractal_noise(vec3(cells * x, cells * y, 0.5), 2, seed);
            let coarse = fractal_noise(vec3(2.5 * x, 2.5 * y, 0.5), 2, seed ^ 0x5A);
            let bright = smoothstep(0.4 * mean, 1.3 * mean, luma(picture.pixels[at]));
            let level = 0.55 - 0.35 * strength - 0.3 * coarse;
            bright * smoothstep(level, level + 0.15, fine)
        })
        .collect();
    picture.change(|at, pixel| pixel.lerp(Vec3::splat(0.97), cover[at]));
    cover
}
