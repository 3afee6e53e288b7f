//! Seeded augmentation. It adds the variation that a few hundred images lack.
//!
//! Geometric (rotation, scale, flips, shift, aspect ratio) and photometric (gamma, brightness, contrast, saturation, white
//! balance, uneven light, blur, noise). Image and mask share one warp: bilinear for the image, nearest neighbour for the mask.

use garde::Validate;
use mcdrl_runtime::{Fit, Preprocess};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::sample::LabelledImage;

/// The strength of augmentation. A range `r` means a factor in `1-r..1+r` or a term in `-r..r`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct AugmentConfig {
    /// Probability of a rotation. Its angle is uniform over the full circle.
    #[garde(range(min = 0.0, max = 1.0))]
    pub rotate: f32,
    /// Largest zoom in either direction, in octaves.
    #[garde(range(min = 0.0, max = 8.0))]
    pub zoom: f32,
    /// Largest shift, as a share of the side.
    #[garde(range(min = 0.0, max = 1.0))]
    pub shift: f32,
    /// Largest change of the aspect ratio, in octaves.
    #[garde(range(min = 0.0, max = 8.0))]
    pub aspect: f32,
    /// Whether half of the views are mirrored.
    #[garde(skip)]
    pub flip: bool,
    /// Largest exponent of gamma, in octaves.
    #[garde(range(min = 0.0, max = 8.0))]
    pub gamma: f32,
    /// Range of brightness.
    #[garde(range(min = 0.0, max = 1.0))]
    pub brightness: f32,
    /// Range of contrast.
    #[garde(range(min = 0.0, max = 1.0))]
    pub contrast: f32,
    /// Range of saturation.
    #[garde(range(min = 0.0, max = 1.0))]
    pub saturation: f32,
    /// Range of the gain of each colour channel: white balance.
    #[garde(range(min = 0.0, max = 1.0))]
    pub tint: f32,
    /// Range of a light gradient across the frame.
    #[garde(range(min = 0.0, max = 1.0))]
    pub uneven_light: f32,
    /// Probability of a blur.
    #[garde(range(min = 0.0, max = 1.0))]
    pub blur: f32,
    /// Largest standard deviation of the noise, for pixels in 0..1.
    #[garde(range(min = 0.0, max = 1.0))]
    pub noise: f32,
}

impl Default for AugmentConfig {
    fn default() -> Self {
        Self {
            rotate: 0.8,
            zoom: 0.5,
            shift: 0.15,
            aspect: 0.2,
            flip: true,
            gamma: 0.5,
            brightness: 0.2,
            contrast: 0.25,
            saturation: 0.35,
            tint: 0.12,
            uneven_light: 0.35,
            blur: 0.25,
            noise: 0.04,
        }
    }
}

impl AugmentConfig {
    /// No augmentation: a view is the unchanged image.
    pub fn none() -> Self {
        Self {
            rotate: 0.0,
            zoom: 0.0,
            shift: 0.0,
            aspect: 0.0,
            flip: false,
            gamma: 0.0,
            brightness: 0.0,
            contrast: 0.0,
            saturation: 0.0,
            tint: 0.0,
            uneven_light: 0.0,
            blur: 0.0,
            noise: 0.0,
        }
    }

    /// Only geometric augmentation, with half the zoom, because captions describe light and colours.
    pub fn geometric() -> Self {
        let Self { rotate, zoom, shift, aspect, flip, .. } = Self::default();
        Self { rotate, zoom: zoom / 2.0, shift, aspect, flip, ..Self::none() }
    }

    /// One augmented view at the network's input size: normalised pixels `3 · size · size` and the class of
    /// every pixel, `size · size`. The same seed gives the same view, also of another picture of the same size.
    ///
    /// The image should already have the size of its [placement](Preprocess::placement): the warp does not smooth.
    pub fn view(
        &self,
        sample: &LabelledImage,
        preprocess: &Preprocess,
        seed: u64,
    ) -> (Vec<f32>, Vec<u8>) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let size = preprocess.size;
        let warp = Warp::draw(self, sample, preprocess, &mut rng);
        let (mut pixels, classes) = warp.apply(sample, size);
        self.recolour(&mut pixels, size, &mut rng);
        if rng.random::<f32>() < self.blur {
            blur(&mut pixels, size, rng.random_range(1..=2));
        }
        let deviation = self.noise * rng.random::<f32>();
        for value in &mut pixels {
            // The sum of three uniform draws approximates a normal distribution.
            let draw: f32 = (0..3).map(|_| rng.random::<f32>() - 0.5).sum();
            *value = (*value + 2.0 * deviation * draw).clamp(0.0, 1.0);
        }
        for (channel, plane) in pixels.chunks_exact_mut(size * size).enumerate() {
            let (mean, std) = (preprocess.mean[channel], preprocess.std[channel]);
            plane.iter_mut().for_each(|value| *value = (*value - mean) / std);
        }
        (pixels, classes)
    }

    fn recolour(&self, pixels: &mut [f32], size: usize, rng: &mut ChaCha8Rng) {
        let mut spread = |range: f32| range * (2.0 * rng.random::<f32>() - 1.0);
        let gamma = spread(self.gamma).exp2();
        let gain = 1.0 + spread(self.brightness);
        let contrast = 1.0 + spread(self.contrast);
        let saturation = 1.0 + spread(self.saturation);
        let tint = [(); 3].map(|()| 1.0 + spread(self.tint));
        let slope = [spread(self.uneven_light), spread(self.uneven_light)];
        let plane = size * size;
        let mean = pixels.iter().sum::<f32>() / pixels.len() as f32;
        for index in 0..plane {
            let place = |at: usize| 2.0 * at as f32 / size as f32 - 1.0;
            let light = 1.0 + slope[0] * place(index % size) + slope[1] * place(index / size);
            let rgb = [0, 1, 2].map(|channel| {
                let value = pixels[channel * plane + index].powf(gamma) * tint[channel];
                ((value - mean) * contrast + mean) * gain * light
            });
            let grey = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
            for (channel, value) in rgb.into_iter().enumerate() {
                let value = grey + (value - grey) * saturation;
                pixels[channel * plane + index] = value.clamp(0.0, 1.0);
            }
        }
    }
}

/// An affine map from output pixels to source pixels.
struct Warp {
    matrix: [[f32; 3]; 2],
}

impl Warp {
    fn draw(
        config: &AugmentConfig,
        sample: &LabelledImage,
        preprocess: &Preprocess,
        rng: &mut ChaCha8Rng,
    ) -> Self {
        let rotated = rng.random::<f32>() < config.rotate;
        let angle = rng.random::<f32>() * std::f32::consts::TAU;
        let angle = if rotated { angle } else { 0.0 };
        let mut spread = |range: f32| range * (2.0 * rng.random::<f32>() - 1.0);
        let zoom = spread(config.zoom).exp2();
        let aspect = (spread(config.aspect) / 2.0).exp2();
        let shift = [spread(config.shift), spread(config.shift)];
        let mirror = if config.flip && rng.random::<bool>() { -1.0 } else { 1.0 };
        let (sin, cos) = angle.sin_cos();
        let (width, height) = (sample.image.width(), sample.image.height());
        // Width and height of the part of the source that the square shows.
        let shown = match preprocess.fit {
            Fit::Stretch => [width, height],
            Fit::Letterbox => [width.max(height); 2],
        };
        // Output (-1..1) → source (-1..1) → source pixels.
        let across = [mirror * cos * zoom * aspect, -sin * zoom * aspect, shift[0]];
        let down = [mirror * sin * zoom / aspect, cos * zoom / aspect, shift[1]];
        let to_pixels = |row: [f32; 3], side: usize, shown: usize| {
            let half = shown as f32 / 2.0;
            let step = 2.0 / preprocess.size as f32;
            let [x, y, t] = row;
            let origin = (x + y) * (0.5 * step - 1.0) + t;
            [x * step * half, y * step * half, origin * half + (side as f32 - 1.0) / 2.0]
        };
        let across = to_pixels(across, width, shown[0]);
        Self { matrix: [across, to_pixels(down, height, shown[1])] }
    }

    fn apply(&self, sample: &LabelledImage, size: usize) -> (Vec<f32>, Vec<u8>) {
        let (width, height) = (sample.image.width(), sample.image.height());
        let source = sample.image.pixels();
        let plane = size * size;
        // Outside the frame, an endoscope shows black and no lesion.
        let mut pixels = vec![0.0; 3 * plane];
        let mut classes = vec![0; plane];
        for index in 0..plane {
            let (column, row) = ((index % size) as f32, (index / size) as f32);
            let [x, y] = self.matrix.map(|m| m[0] * column + m[1] * row + m[2]);
            let inside = x > -0.5 && y > -0.5 && x < width as f32 - 0.5 && y < height as f32 - 0.5;
            if !inside {
                continue;
            }
            let nearest = (y.round() as usize) * width + x.round() as usize;
            classes[index] = sample.mask.classes()[nearest];
            let (x, y) = (x.max(0.0), y.max(0.0));
            let (left, top) = (x as usize, y as usize);
            let (right, bottom) = ((left + 1).min(width - 1), (top + 1).min(height - 1));
            let (u, v) = (x - left as f32, y - top as f32);
            for channel in 0..3 {
                let at = |x: usize, y: usize| f32::from(source[(y * width + x) * 3 + channel]);
                let upper = at(left, top) * (1.0 - u) + at(right, top) * u;
                let lower = at(left, bottom) * (1.0 - u) + at(right, bottom) * u;
                pixels[channel * plane + index] = (upper * (1.0 - v) + lower * v) / 255.0;
            }
        }
        (pixels, classes)
    }
}

/// Repeated 3×3 binomial blur of each channel.
fn blur(pixels: &mut [f32], size: usize, times: usize) {
    let mut line = vec![0.0; size];
    for plane in pixels.chunks_exact_mut(size * size) {
        for _ in 0..times {
            for start in (0..size * size).step_by(size) {
                smooth(plane, start, 1, &mut line);
            }
            for start in 0..size {
                smooth(plane, start, size, &mut line);
            }
        }
    }
}

fn smooth(plane: &mut [f32], start: usize, step: usize, line: &mut [f32]) {
    let last = line.len() - 1;
    for (index, value) in line.iter_mut().enumerate() {
        *value = plane[start + index * step];
    }
    for index in 0..=last {
        let (before, after) = (line[index.saturating_sub(1)], line[(index + 1).min(last)]);
        plane[start + index * step] = 0.25 * before + 0.5 * line[index] + 0.25 * after;
    }
}
