//! Random shapes on a picture.

use super::picture::Picture;
use crate::noise::fractal_noise;
use crate::random::Random;
use crate::vector::{smoothstep, vec3};

/// Soft patches that cover about `share` of the picture: 0..1 for each pixel. With the same random numbers, a larger share only
/// grows the patches.
pub fn patches(picture: &Picture, share: f32, random: &mut Random) -> Vec<f32> {
    let (cells, seed) = (random.range(2.5, 5.0), random.bits());
    let field: Vec<f32> = (0..picture.pixels.len())
        .map(|at| {
            let (x, y) = picture.position(at);
            fractal_noise(vec3(cells * x, cells * y, 0.5), 3, seed)
        })
        .collect();
    // Some of the values are enough for the level that leaves the share above it.
    let mut sorted: Vec<f32> = field.iter().copied().step_by(7).collect();
    sorted.sort_by(f32::total_cmp);
    let at = ((1.0 - share) * sorted.len() as f32) as usize;
    let level = sorted.get(at).or(sorted.last()).copied().unwrap_or(1.0);
    field.into_iter().map(|value| smoothstep(level - 0.08, level + 0.12, value)).collect()
}

/// The largest coverage by ellipses: each has a centre, two half axes in pixels and a heading.
pub fn ellipses(picture: &Picture, ellipses: &[([f32; 2], [f32; 2], f32)]) -> Vec<f32> {
    let mut cover = vec![0.0f32; picture.pixels.len()];
    for ([column, row], [long, short], heading) in ellipses {
        let reach = 1.5 * long.max(*short) + 1.0;
        let range = |centre: f32, side: usize| {
            let first = (centre - reach).max(0.0) as usize;
            first..((centre + reach).max(0.0) as usize + 1).min(side)
        };
        let (sin, cos) = heading.sin_cos();
        for y in range(*row, picture.height) {
            for x in range(*column, picture.width) {
                let (right, down) = (x as f32 - column, y as f32 - row);
                let (u, v) =
                    ((right * cos + down * sin) / long, (down * cos - right * sin) / short);
                let inside = smoothstep(1.25, 0.75, (u * u + v * v).sqrt());
                let cover = &mut cover[y * picture.width + x];
                *cover = cover.max(inside);
            }
        }
    }
    cover
}
