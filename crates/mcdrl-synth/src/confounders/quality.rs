//! Field-of-view quality: blur, and the artefacts of transmission and storage.

use super::{Confounder, FrameFactors};
use crate::compression::compress;
use crate::random::Random;
use crate::vector::{Vec3, smoothstep};

/// Width of the widest blur, as a share of the image side.
const WIDEST_BLUR: f32 = 0.022;
/// Half width, in pixels, of the smallest blur: that of a sharp lens and its Bayer sensor.
const SHARPEST: f32 = 0.22;
/// Bitmaps of the burnt-in digits, then slash and colon. Each has five rows of three bits, from the top.
const GLYPHS: [[u8; 5]; 12] = [
    [7, 5, 5, 5, 7],
    [2, 6, 2, 2, 7],
    [7, 1, 7, 4, 7],
    [7, 1, 7, 1, 7],
    [5, 5, 7, 1, 1],
    [7, 4, 7, 1, 7],
    [7, 4, 7, 5, 7],
    [7, 1, 2, 2, 2],
    [7, 5, 7, 5, 7],
    [7, 5, 7, 1, 7],
    [1, 1, 2, 4, 4],
    [0, 2, 0, 2, 0],
];
const SLASH: usize = 10;
const COLON: usize = 11;

/// Blurs linear light, so that highlights bleed as in a lens. The blur is defocus or motion, chosen at random.
pub fn blur(light: &mut [Vec3], size: usize, random: &mut Random, factors: &FrameFactors) {
    let strength = factors.strength(Confounder::Blur);
    let moving = random.chance(0.4);
    let heading = random.angle();
    let width = strength * WIDEST_BLUR * size as f32;
    if width < SHARPEST {
        smear(light, size, (1.0, 0.0), SHARPEST);
        smear(light, size, (0.0, 1.0), SHARPEST);
    } else if moving {
        smear(light, size, (heading.cos(), heading.sin()), 2.6 * width);
    } else {
        // Two box filters in each direction give a blur between the disc of a lens and a Gaussian.
        for _ in 0..2 {
            smear(light, size, (1.0, 0.0), width);
            smear(light, size, (0.0, 1.0), width);
        }
    }
}

/// Averages along a line of this half length, in pixels.
fn smear(light: &mut [Vec3], size: usize, direction: (f32, f32), half_length: f32) {
    let source = light.to_vec();
    let reach = half_length.ceil() as i32;
    let last = size.saturating_sub(1) as i32;
    let weight = |step: i32| (half_length + 1.0 - step.abs() as f32).clamp(0.0, 1.0);
    let total: f32 = (-reach..=reach).map(weight).sum();
    let taps: Vec<(i32, i32, f32)> = (-reach..=reach)
        .map(|step| {
            let (x, y) = (direction.0 * step as f32, direction.1 * step as f32);
            (x.round() as i32, y.round() as i32, weight(step) / total)
        })
        .collect();
    for (at, pixel) in light.iter_mut().enumerate() {
        let (x, y) = ((at % size) as i32, (at / size) as i32);
        *pixel = taps.iter().fold(Vec3::default(), |sum, (dx, dy, weight)| {
            let (column, row) = ((x + dx).clamp(0, last), (y + dy).clamp(0, last));
            sum + source[row as usize * size + column as usize] * *weight
        });
    }
}

/// The artefacts of one frame: opaque overlays, interlacing and compression.
#[derive(Clone, Debug)]
pub struct Artefacts {
    strength: f32,
    /// Shift of the odd field, as a share of the image side.
    field_shift: f32,
    /// The corner that a black inset covers: its width and height as shares of the side.
    inset: Option<(f32, f32)>,
    lines: Vec<Vec<usize>>,
}

impl Artefacts {
    /// Draws the artefacts of one frame.
    pub fn new(random: &mut Random, factors: &FrameFactors) -> Self {
        let strength = factors.strength(Confounder::Artefacts);
        let interlaced = random.chance(0.7);
        let shift = random.range(0.4, 1.0) * if random.chance(0.5) { 1.0 } else { -1.0 };
        let inset = (random.range(0.22, 0.34), random.range(0.2, 0.3));
        let has_inset = random.chance(0.35);
        let lines = burnt_in_lines(random);
        Self {
            strength,
            field_shift: if interlaced { 0.018 * shift * strength } else { 0.0 },
            inset: (has_inset && strength > 0.3).then_some(inset),
            lines: if strength > 0.15 { lines } else { Vec::new() },
        }
    }

    /// Whether an opaque overlay hides a pixel's content.
    pub fn hides(&self, column: usize, row: usize, size: usize) -> bool {
        self.inset.is_some_and(|(width, height)| {
            let side = size as f32;
            (column as f32) < width * side && row as f32 > (1.0 - height) * side
        })
    }

    /// Applies the artefacts to a displayed image with values in `[0, 1]`.
    ///
    /// `compression` is the strength with which the site compresses every frame. The artefacts add to it.
    pub fn apply(&self, picture: &mut [Vec3], size: usize, compression: f32) {
        self.interlace(picture, size);
        self.burn_in(picture, size);
        compress(picture, [size, size], compression + 0.42 * self.strength);
    }

    fn interlace(&self, picture: &mut [Vec3], size: usize) {
        let shift = (self.field_shift * size as f32).round() as i32;
        if shift == 0 {
            return;
        }
        let last = size.saturating_sub(1) as i32;
        for row in picture.chunks_mut(size).skip(1).step_by(2) {
            let source = row.to_vec();
            for (column, pixel) in row.iter_mut().enumerate() {
                let from = (column as i32 - shift).clamp(0, last) as usize;
                *pixel = source[from];
            }
        }
    }

    fn burn_in(&self, picture: &mut [Vec3], size: usize) {
        for row in 0..size {
            for column in 0..size {
                if self.hides(column, row, size) {
                    picture[row * size + column] = Vec3::splat(0.01);
                }
            }
        }
        let scale = (size / 128).max(1);
        for (line, glyphs) in self.lines.iter().enumerate() {
            for (place, glyph) in glyphs.iter().enumerate() {
                for (dy, bits) in GLYPHS[*glyph % GLYPHS.len()].iter().enumerate() {
                    for dx in (0..3).filter(|dx| (bits >> (2 - dx)) & 1 == 1) {
                        let left = scale * (2 + 4 * place + dx);
                        let top = size / 8 + scale * (8 * line + dy);
                        fill(picture, size, (left, top), scale);
                    }
                }
            }
        }
    }
}

/// Fills a square of the image with light grey.
fn fill(picture: &mut [Vec3], size: usize, (left, top): (usize, usize), side: usize) {
    for row in top..(top + side).min(size) {
        for column in left..(left + side).min(size) {
            picture[row * size + column] = Vec3::splat(0.85);
        }
    }
}

/// A date, a time and a frame counter.
fn burnt_in_lines(random: &mut Random) -> Vec<Vec<usize>> {
    let mut digit = |limit: usize| random.below(limit);
    let date = vec![digit(3), digit(10), SLASH, digit(2), digit(3), SLASH, 1, digit(10)];
    let time = vec![digit(2), digit(10), COLON, digit(6), digit(10), COLON, digit(6), digit(10)];
    let counter = vec![digit(10), digit(10), digit(10)];
    vec![date, time, counter]
}

/// Adds the sensor's noise: grain that is weaker in the shadows, with a little colour.
pub fn sensor_noise(picture: &mut [Vec3], random: &mut Random, deviation: f32) {
    for pixel in picture {
        let luminance = pixel.luminance();
        let scale = deviation * (0.35 + 0.65 * smoothstep(0.0, 0.35, luminance));
        let grey = 0.7 * random.bell();
        *pixel = pixel.map(|v| v + scale * grey);
        pixel.x += 0.5 * scale * random.bell();
        pixel.z += 0.7 * scale * random.bell();
    }
}
