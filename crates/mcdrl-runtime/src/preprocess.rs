//! Image → the normalised pixels of the network's input.

use burn::tensor::{Device, Tensor, TensorData};
use mcdrl_image::Image;
use serde::{Deserialize, Serialize};

/// Channel means that CLIP's pixels are normalised with (RGB, 0..1).
const CLIP_MEAN: [f32; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
/// Channel deviations that CLIP's pixels are normalised with (RGB, 0..1).
const CLIP_STD: [f32; 3] = [0.268_629_54, 0.261_302_6, 0.275_777_1];

/// The preprocessing of an image: scale it to a square, divide by 255, normalise each channel. The aspect ratio is not kept,
/// as in the polyp benchmarks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocess {
    /// Side of the square, pixels.
    pub size: usize,
    /// Channel means (RGB, 0..1).
    pub mean: [f32; 3],
    /// Channel deviations (RGB, 0..1).
    pub std: [f32; 3],
}

impl Preprocess {
    /// CLIP's normalisation at a size.
    pub fn clip(size: usize) -> Self {
        Self { size, mean: CLIP_MEAN, std: CLIP_STD }
    }

    /// EfficientNet-Lite's normalisation at a size: values in -1..1.
    pub fn lite(size: usize) -> Self {
        Self { size, mean: [0.5; 3], std: [0.5; 3] }
    }

    /// A batch of images: `[batch, 3, size, size]`.
    pub fn batch(&self, images: &[&Image], device: &Device) -> Tensor<4> {
        let values: Vec<f32> = images.iter().flat_map(|image| self.values(image)).collect();
        let shape = [images.len(), 3, self.size, self.size];
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    /// The pixels of one image, channel by channel: `3 · size · size` values.
    pub fn values(&self, image: &Image) -> Vec<f32> {
        self.normalize(&image.resize(self.size, self.size))
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
