//! Image → the normalised pixels of the network's input.

use burn::tensor::{Device, Tensor, TensorData};
use mcdrl_image::Image;
use mcdrl_model::clip::{PIXEL_MEAN, PIXEL_STD};
use serde::{Deserialize, Serialize};

/// The preprocessing of an image: scale it into a square, divide by 255, normalise each channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocess {
    /// Side of the square, pixels.
    pub size: usize,
    /// How an image that is not square fits into the square. Old files do not have it: they stretch.
    #[serde(default)]
    pub fit: Fit,
    /// Channel means (RGB, 0..1).
    pub mean: [f32; 3],
    /// Channel deviations (RGB, 0..1).
    pub std: [f32; 3],
}

/// How an image fits into the network's square input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// It fills the square. The aspect ratio is not kept, as in the polyp benchmarks.
    #[default]
    Stretch,
    /// It keeps its aspect ratio. Black fills the rest of the square.
    Letterbox,
}

/// The part of the square that the image covers, in pixels or in cells of a grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Columns on its left.
    pub left: usize,
    /// Rows above it.
    pub top: usize,
    /// Its columns.
    pub width: usize,
    /// Its rows.
    pub height: usize,
}

impl Preprocess {
    /// CLIP's normalisation at a size.
    pub fn clip(size: usize) -> Self {
        Self { size, fit: Fit::Stretch, mean: PIXEL_MEAN, std: PIXEL_STD }
    }

    /// EfficientNet-Lite's normalisation at a size: values in -1..1, letterboxed.
    pub fn lite(size: usize) -> Self {
        Self { size, fit: Fit::Letterbox, mean: [0.5; 3], std: [0.5; 3] }
    }

    /// Where an image of `width × height` pixels lies in the square.
    pub fn placement(&self, width: usize, height: usize) -> Placement {
        let size = self.size;
        if self.fit == Fit::Stretch {
            return Placement { left: 0, top: 0, width: size, height: size };
        }
        let longer = width.max(height);
        let scaled = |side: usize| ((side * size + longer / 2) / longer).max(1);
        let (width, height) = (scaled(width), scaled(height));
        Placement { left: (size - width) / 2, top: (size - height) / 2, width, height }
    }

    /// A batch of images: `[batch, 3, size, size]`.
    pub fn batch<I: std::borrow::Borrow<Image>>(&self, images: &[I], device: &Device) -> Tensor<4> {
        let values: Vec<f32> =
            images.iter().flat_map(|image| self.values(image.borrow())).collect();
        let shape = [images.len(), 3, self.size, self.size];
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    /// The pixels of one image, channel by channel: `3 · size · size` values.
    pub fn values(&self, image: &Image) -> Vec<f32> {
        let Placement { left, top, width, height } = self.placement(image.width(), image.height());
        let values = self.normalize(&image.resize(width, height));
        let size = self.size;
        if [width, height] == [size, size] {
            return values;
        }
        let mut square = Vec::with_capacity(3 * size * size);
        for (channel, plane) in values.chunks_exact(width * height).enumerate() {
            let start = square.len();
            square.resize(start + size * size, -self.mean[channel] / self.std[channel]);
            for (row, values) in plane.chunks_exact(width).enumerate() {
                let at = start + (top + row) * size + left;
                square[at..at + width].copy_from_slice(values);
            }
        }
        square
    }

    /// An image at its own size: `[1, 3, height, width]`.
    pub fn unscaled(&self, image: &Image, device: &Device) -> Tensor<4> {
        let shape = [1, 3, image.height(), image.width()];
        Tensor::from_data(TensorData::new(self.normalize(image), shape), device)
    }

    /// The normalised pixels of an image, channel by channel.
    fn normalize(&self, image: &Image) -> Vec<f32> {
        let mut values = Vec::with_capacity(image.pixels().len());
        for channel in 0..3 {
            let scale = 1.0 / (255.0 * self.std[channel]);
            let shift = self.mean[channel] / self.std[channel];
            let pixels = image.pixels().iter().skip(channel).step_by(3);
            values.extend(pixels.map(|value| f32::from(*value) * scale - shift));
        }
        values
    }
}

impl Placement {
    /// The cells of a grid over the square of `size` pixels whose centres lie on the image, at least one row and one column.
    pub fn on_grid(&self, size: usize, [rows, columns]: [usize; 2]) -> Self {
        let cells = |before: usize, length: usize, cells: usize| {
            // The first cell whose centre is not before a pixel.
            let at = |pixel: usize| (2 * pixel * cells + size - 1) / (2 * size);
            let (first, end) = (at(before).min(cells - 1), at(before + length).min(cells));
            (first, end.saturating_sub(first).max(1))
        };
        let (top, height) = cells(self.top, self.height, rows);
        let (left, width) = cells(self.left, self.width, columns);
        Self { left, top, width, height }
    }

    /// The part of a row-major grid with this many columns.
    pub fn cut<T: Copy>(&self, values: &[T], columns: usize) -> Vec<T> {
        let rows = values.chunks_exact(columns).skip(self.top).take(self.height);
        rows.flat_map(|row| row[self.left..self.left + self.width].iter().copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letterboxed_image_keeps_its_shape_in_the_middle() {
        let white = |width, height| Image::from_rgb(width, height, vec![255; 3 * width * height]);
        for (width, height, expected) in [
            (640, 480, [0, 12, 96, 72]),
            (480, 640, [12, 0, 72, 96]),
            (50, 50, [0, 0, 96, 96]),
            (1000, 1, [0, 47, 96, 1]),
        ] {
            let preprocess = Preprocess::lite(96);
            let Placement { left, top, width: w, height: h } = preprocess.placement(width, height);
            assert_eq!([left, top, w, h], expected);
            let values = preprocess.values(&white(width, height).unwrap());
            assert_eq!(values.len(), 3 * 96 * 96);
            for (at, value) in values.iter().enumerate() {
                let (row, column) = (at / 96 % 96, at % 96);
                let inside = (top..top + h).contains(&row) && (left..left + w).contains(&column);
                assert_eq!(*value, if inside { 1.0 } else { -1.0 }, "{width}×{height} {at}");
            }
        }
    }

    #[test]
    fn a_stretched_image_fills_the_square() {
        let placement = Preprocess::clip(64).placement(640, 480);
        assert_eq!(placement, Placement { left: 0, top: 0, width: 64, height: 64 });
        assert_eq!(placement.on_grid(64, [4, 4]), Placement { width: 4, height: 4, ..placement });
    }

    #[test]
    fn grid_cells_belong_to_an_image_if_their_centres_do() {
        let preprocess = Preprocess::lite(224);
        // 224 × 168, 28 rows above: cells of 32 pixels, their centres at 16, 48, …
        let cells = preprocess.placement(640, 480).on_grid(224, [7, 7]);
        assert_eq!(cells, Placement { left: 0, top: 1, width: 7, height: 5 });
        let thin = preprocess.placement(4000, 10).on_grid(224, [7, 7]);
        assert_eq!((thin.height, thin.width), (1, 7));
        let grid: Vec<usize> = (0..49).collect();
        assert_eq!(cells.cut(&grid, 7), (7..42).collect::<Vec<_>>());
        let narrow = preprocess.placement(112, 224).on_grid(224, [7, 7]);
        assert_eq!(narrow.cut(&grid, 7)[..4], [2, 3, 4, 9]);
    }

    #[test]
    fn headers_of_old_files_stretch() {
        let old = r#"{"size": 128, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}"#;
        assert_eq!(serde_json::from_str::<Preprocess>(old).unwrap().fit, Fit::Stretch);
    }
}
