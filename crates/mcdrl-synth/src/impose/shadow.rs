//! Acoustic shadows: dark bands below what reflects or absorbs the sound.

use super::picture::Picture;
use crate::noise::fractal_noise;
use crate::random::Random;
use crate::vector::{smoothstep, vec3};

/// A band that begins at some depth and widens a little with it.
struct Band {
    /// Its middle, -1..1.
    centre: f32,
    /// Half its width at the top, and how much it grows on the way to the bottom, in the same units.
    half: f32,
    spread: f32,
    /// Where it begins, -1 (top) to 1.
    top: f32,
}

/// One broad shadow with soft sides.
pub fn broad(picture: &mut Picture, strength: f32, random: &mut Random) -> Vec<f32> {
    let band = Band {
        centre: random.range(-0.6, 0.6),
        half: random.range(0.12, 0.25),
        spread: random.range(0.0, 0.15),
        top: random.range(-0.7, 0.0),
    };
    let cover = bands(picture, &[band], 0.5);
    darken(picture, &cover, 0.92 * strength);
    cover
}

/// Several narrow shadows with ragged sides, as below ribs or bowel gas.
pub fn ribs(picture: &mut Picture, strength: f32, random: &mut Random) -> Vec<f32> {
    let count = 2 + random.below(3);
    let seed = random.bits();
    let ribs: Vec<Band> = (0..count)
        .map(|number| Band {
            centre: (2 * number + 1) as f32 / count as f32 - 1.0 + random.range(-0.15, 0.15),
            half: random.range(0.04, 0.09),
            spread: random.range(0.0, 0.05),
            top: random.range(-0.8, -0.3),
        })
        .collect();
    let mut cover = bands(picture, &ribs, 0.15);
    for (at, cover) in cover.iter_mut().enumerate() {
        let (x, y) = picture.position(at);
        let ragged = fractal_noise(vec3(6.0 * x, 14.0 * y, 0.5), 2, seed);
        *cover *= smoothstep(0.1, 0.5, ragged);
    }
    darken(picture, &cover, 0.85 * strength);
    cover
}

/// How much each pixel lies in a band.
///
/// - `softness`: the width of a side, as a share of the band's half width
fn bands(picture: &Picture, bands: &[Band], softness: f32) -> Vec<f32> {
    let cover = (0..picture.pixels.len()).map(|at| {
        let (x, y) = picture.position(at);
        let in_band = bands.iter().map(|band| {
            let below = smoothstep(band.top, band.top + 0.15, y);
            let half = band.half + band.spread * (y - band.top).max(0.0);
            below
                * smoothstep(
                    half * (1.0 + softness),
                    half * (1.0 - softness),
                    (x - band.centre).abs(),
                )
        });
        in_band.fold(0.0, f32::max)
    });
    cover.collect()
}

fn darken(picture: &mut Picture, cover: &[f32], opacity: f32) {
    picture.change(|at, pixel| pixel * (1.0 - opacity * cover[at]));
}
