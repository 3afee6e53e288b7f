//! Another view of a picture: turned, scaled, shifted, mirrored. All that belongs to a picture moves in the same way.

use mcdrl_image::{Image, Mask};
use mcdrl_runtime::{Fit, Preprocess};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::{AugmentConfig, spread};

/// A view of pictures of one size, at the network's input size. Outside the picture it is black and has no lesion.
#[derive(Clone, Debug)]
pub struct View {
    /// The view's pixels → the picture's pixels.
    matrix: [[f32; 3]; 2],
    /// Width and height of the pictures.
    shown: [usize; 2],
    preprocess: Preprocess,
}

/// A place between four pixels of a picture.
struct Place {
    /// Of the upper left, the upper right, the lower left and the lower right.
    corners: [usize; 4],
    /// The share of the right, and of the lower ones.
    share: [f32; 2],
    nearest: usize,
}

impl View {
    pub(super) fn draw(
        config: &AugmentConfig,
        [width, height]: [usize; 2],
        preprocess: &Preprocess,
        rng: &mut ChaCha8Rng,
    ) -> Self {
        let rotated = rng.random::<f32>() < config.rotate;
        let angle = rng.random::<f32>() * std::f32::consts::TAU;
        let angle = if rotated { angle } else { 0.0 };
        let zoom = spread(config.zoom, rng).exp2();
        let aspect = (spread(config.aspect, rng) / 2.0).exp2();
        let shift = [spread(config.shift, rng), spread(config.shift, rng)];
        let mirror = if config.flip && rng.random::<bool>() { -1.0 } else { 1.0 };
        let (sin, cos) = angle.sin_cos();
        // Width and height of the part of the picture that the square shows.
        let square = match preprocess.fit {
            Fit::Stretch => [width, height],
            Fit::Letterbox => [width.max(height); 2],
        };
        // Output (-1..1) → picture (-1..1) → its pixels.
        let across = [mirror * cos * zoom * aspect, -sin * zoom * aspect, shift[0]];
        let down = [mirror * sin * zoom / aspect, cos * zoom / aspect, shift[1]];
        let to_pixels = |row: [f32; 3], side: usize, shown: usize| {
            let half = shown as f32 / 2.0;
            let step = 2.0 / preprocess.size as f32;
            let [x, y, t] = row;
            let origin = (x + y) * (0.5 * step - 1.0) + t;
            // As in a letterbox, an odd column or row of padding lies behind the picture.
            let before = ((shown - side) / 2) as f32;
            [x * step * half, y * step * half, origin * half + (shown as f32 - 1.0) / 2.0 - before]
        };
        let across = to_pixels(across, width, square[0]);
        let matrix = [across, to_pixels(down, height, square[1])];
        Self { matrix, shown: [width, height], preprocess: preprocess.clone() }
    }

    /// The normalised pixels, channel by channel, bilinear: `3 · size · size` values.
    pub fn pixels(&self, image: &Image) -> Vec<f32> {
        let plane = self.preprocess.size * self.preprocess.size;
        let Preprocess { mean, std, .. } = self.preprocess;
        let source = image.pixels();
        let mut pixels = vec![0.0; 3 * plane];
        for channel in 0..3 {
            pixels[channel * plane..][..plane].fill(-mean[channel] / std[channel]);
        }
        self.for_each(|at, place| {
            for channel in 0..3 {
                let value = place.mix(|corner| f32::from(source[corner * 3 + channel]));
                pixels[channel * plane + at] = (value / 255.0 - mean[channel]) / std[channel];
            }
        });
        pixels
    }

    /// The class of every pixel, of the nearest pixel of the picture: `size · size` values.
    pub fn classes(&self, mask: &Mask) -> Vec<u8> {
        let mut classes = vec![0; self.preprocess.size * self.preprocess.size];
        self.for_each(|at, place| classes[at] = mask.classes()[place.nearest]);
        classes
    }

    /// A map of the picture, 0 outside it: `size · size` values.
    ///
    /// - `map`: row-major
    pub fn map(&self, map: &[f32]) -> Vec<f32> {
        let mut values = vec![0.0; self.preprocess.size * self.preprocess.size];
        self.for_each(|at, place| values[at] = map[place.nearest]);
        values
    }

    /// Calls `visit` with each pixel of the view that shows the picture.
    fn for_each(&self, mut visit: impl FnMut(usize, Place)) {
        let (size, [width, height]) = (self.preprocess.size, self.shown);
        for at in 0..size * size {
            let (column, row) = ((at % size) as f32, (at / size) as f32);
            let [x, y] = self.matrix.map(|m| m[0] * column + m[1] * row + m[2]);
            let inside = x > -0.5 && y > -0.5 && x < width as f32 - 0.5 && y < height as f32 - 0.5;
            if !inside {
                continue;
            }
            let nearest = (y.round() as usize) * width + x.round() as usize;
            let (x, y) = (x.max(0.0), y.max(0.0));
            let (left, top) = (x as usize, y as usize);
            let (right, bottom) = ((left + 1).min(width - 1), (top + 1).min(height - 1));
            let corner = |x: usize, y: usize| y * width + x;
            let corners = [
                corner(left, top),
                corner(right, top),
                corner(left, bottom),
                corner(right, bottom),
            ];
            visit(at, Place { corners, share: [x - left as f32, y - top as f32], nearest });
        }
    }
}

impl Place {
    fn mix(&self, value: impl Fn(usize) -> f32) -> f32 {
        let [a, b, c, d] = self.corners.map(value);
        let [u, v] = self.share;
        (a * (1.0 - u) + b * u) * (1.0 - v) + (c * (1.0 - u) + d * u) * v
    }
}
