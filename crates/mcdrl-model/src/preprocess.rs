//! Image → the normalised pixels that the network takes.

use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use crate::Image;
use crate::clip::{PIXEL_MEAN, PIXEL_STD};

/// How an image becomes pixels: scaled to a square (the aspect ratio is not kept, as in the polyp
/// benchmarks), divided by 255, normalised by channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
        Self { size, mean: PIXEL_MEAN, std: PIXEL_STD }
    }

    /// The pixels of one image, channel by channel: `3 · size · size` values.
    pub fn values(&self, image: &Image) -> Vec<f32> {
        let scaled = image.resize(self.size, self.size);
        let mut values = Vec::with_capacity(3 * self.size * self.size);
        for channel in 0..3 {
            let scale = 1.0 / (255.0 * self.std[channel]);
            let shift = self.mean[channel] / self.std[channel];
            let pixels = scaled.pixels().iter().skip(channel).step_by(3);
            values.extend(pixels.map(|value| f32::from(*value) * scale - shift));
        }
        values
    }

    /// A batch of images: `[batch, 3, size, size]`.
    pub fn batch(&self, images: &[&Image], device: &Device) -> Tensor<4> {
        let values: Vec<f32> = images.iter().flat_map(|image| self.values(image)).collect();
        let shape = [images.len(), 3, self.size, self.size];
        Tensor::from_data(TensorData::new(values, shape), device)
    }
}
