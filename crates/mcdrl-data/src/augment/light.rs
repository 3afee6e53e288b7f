//! The same scene under another light: exposure, colours, sharpness, noise.

use mcdrl_image::Image;
use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::{AugmentConfig, spread};

/// The mean light above which a pixel belongs to the scene, 0..255. Below it are the black corners of an endoscope's picture.
const LIT: f32 = 10.0;

/// The longer side at which one pass of [`smooth`] is the weakest blur.
const BLUR_SIDE: f32 = 192.0;

/// Mean and standard deviation of each channel over the lit pixels, 0..1.
struct Colours {
    mean: [f32; 3],
    deviation: [f32; 3],
}

impl AugmentConfig {
    /// - `other`: lends its colours
    pub(super) fn relight(&self, image: Image, other: &Image, rng: &mut ChaCha8Rng) -> Image {
        let tables = self.tables(&image, other, rng);
        let gain = 1.0 + spread(self.brightness, rng);
        let saturation = 1.0 + spread(self.saturation, rng);
        let slope = [spread(self.uneven_light, rng), spread(self.uneven_light, rng)];
        let mut donors = [0, 1, 2];
        donors.shuffle(rng);
        let mixed = rng.random::<f32>() < self.mix;
        let blurred = rng.random::<f32>() < self.blur;
        let strength = rng.random_range(1.0..4.0f32);
        let deviation = self.noise * rng.random::<f32>();
        let seed = rng.random::<u64>() | 1;
        if *self == (Self { paste: self.paste, ..self.without_light() }) {
            return image;
        }

        let (width, height) = (image.width(), image.height());
        let longer = width.max(height) as f32;
        let mut values = Vec::with_capacity(3 * width * height);
        for (at, pixel) in image.pixels().chunks_exact(3).enumerate() {
            let place = |at: usize, side: usize| (2 * at + 1) as f32 / side as f32 - 1.0;
            let across = slope[0] * place(at % width, width);
            let light = gain * (1.0 + across + slope[1] * place(at / width, height));
            let rgb = [0, 1, 2].map(|channel| tables[channel][usize::from(pixel[channel])]);
            let grey = (rgb[0] + rgb[1] + rgb[2]) / 3.0;
            let rgb = rgb.map(|value| (grey + (value - grey) * saturation) * light);
            values.extend(match mixed {
                true => [0, 1, 2].map(|channel| 0.5 * (rgb[channel] + rgb[donors[channel]])),
                false => rgb,
            });
        }
        if blurred {
            let passes = strength * (longer / BLUR_SIDE).powi(2);
            (0..(passes as usize).clamp(1, 16)).for_each(|_| smooth(&mut values, width));
        }
        let mut noise = Noise { state: seed };
        let bytes = values.into_iter().map(|value| {
            let value = if deviation > 0.0 { value + deviation * noise.next() } else { value };
            (value.clamp(0.0, 1.0) * 255.0 + 0.5) as u8
        });
        Image::from_rgb(width, height, bytes.collect()).expect("the size is unchanged")
    }

    /// For each channel, the new value of each byte, 0..1: other colours, gamma, contrast.
    fn tables(&self, image: &Image, other: &Image, rng: &mut ChaCha8Rng) -> [Vec<f32>; 3] {
        let exchanged = rng.random::<f32>() < self.colours;
        let share = if exchanged { rng.random::<f32>() } else { 0.0 };
        let gamma = spread(self.gamma, rng);
        let gammas = [(); 3].map(|()| (gamma + spread(self.tint, rng)).exp2());
        let contrast = 1.0 + spread(self.contrast, rng);
        let (from, to) = (Colours::of(image), Colours::of(other));
        [0, 1, 2].map(|channel| {
            let mean = from.mean[channel];
            let gain = 1.0 - share + share * to.deviation[channel] / from.deviation[channel];
            let goal = mean * (1.0 - share) + share * to.mean[channel];
            (0..256)
                .map(|byte| {
                    let value = byte as f32 / 255.0;
                    // Black stays black.
                    let lit = (byte as f32 / LIT).min(1.0);
                    let value = value + lit * (goal + (value - mean) * gain - value);
                    let value = value.clamp(0.0, 1.0).powf(gammas[channel]);
                    let middle = goal.clamp(0.0, 1.0).powf(gammas[channel]);
                    value + lit * (contrast - 1.0) * (value - middle)
                })
                .collect()
        })
    }

    /// This configuration without a change of light.
    fn without_light(&self) -> Self {
        let Self { rotate, zoom, shift, aspect, flip, .. } = *self;
        Self { rotate, zoom, shift, aspect, flip, ..Self::none() }
    }
}

impl Colours {
    fn of(image: &Image) -> Self {
        let (mut count, mut sum, mut squares) = (1e-3, [0.0f64; 3], [0.0f64; 3]);
        // Every fourth pixel is enough for a mean.
        for pixel in image.pixels().chunks_exact(3).step_by(4) {
            let rgb = [0, 1, 2].map(|channel| f64::from(pixel[channel]));
            if rgb.iter().sum::<f64>() < 3.0 * f64::from(LIT) {
                continue;
            }
            count += 1.0;
            for channel in 0..3 {
                sum[channel] += rgb[channel];
                squares[channel] += rgb[channel] * rgb[channel];
            }
        }
        let mean = sum.map(|sum| sum / count);
        let deviation = [0, 1, 2].map(|c| {
            ((squares[c] / count - mean[c] * mean[c]).max(0.0).sqrt() / 255.0).max(0.02) as f32
        });
        Self { mean: mean.map(|mean| (mean / 255.0) as f32), deviation }
    }
}

/// A 3×3 binomial blur of interleaved RGB values.
fn smooth(values: &mut [f32], width: usize) {
    let row = 3 * width;
    let rows = values.len() / row;
    let mut line = vec![0.0; row];
    for values in values.chunks_exact_mut(row) {
        line.copy_from_slice(values);
        for at in 0..row {
            let before = if at < 3 { at } else { at - 3 };
            let after = if at + 3 < row { at + 3 } else { at };
            values[at] = 0.25 * line[before] + 0.5 * line[at] + 0.25 * line[after];
        }
    }
    let mut above = values[..row].to_vec();
    for number in 0..rows {
        line.copy_from_slice(&values[number * row..][..row]);
        let below = (number + 1).min(rows - 1) * row;
        for at in 0..row {
            let lower = if number + 1 < rows { values[below + at] } else { line[at] };
            values[number * row + at] = 0.25 * above[at] + 0.5 * line[at] + 0.25 * lower;
        }
        above.copy_from_slice(&line);
    }
}

/// Fast noise of mean 0 and deviation 1. ChaCha would take longer than everything else here.
struct Noise {
    state: u64,
}

impl Noise {
    /// The sum of four uniform draws approximates a normal distribution. The draws come from one step of xorshift64.
    fn next(&mut self) -> f32 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        let sum: u64 = (0..4).map(|part| self.state >> (16 * part) & 0xffff).sum();
        // Each draw has the variance 1/12.
        (sum as f32 / 65536.0 - 2.0) * 3.0f32.sqrt()
    }
}
