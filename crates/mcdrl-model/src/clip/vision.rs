//! The visual encoder: pixels → dense features in the joint image-text space.

use burn::config::Config;
use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::compact_resnet::{self, CompactResNet, CompactResNetConfig};
use super::efficientnet_lite::{self, EfficientNetLiteConfig, ProjectedLite};
use super::features::{DenseFeatures, VisionFeatures};
use super::modified_resnet::{self, ModifiedResNet, ModifiedResNetConfig};
use super::vit::{VisionTransformer, VisionTransformerConfig};
use super::{PIXEL_MEAN, PIXEL_STD};

/// The visual encoder to build.
#[derive(Config, Debug)]
pub enum ClipVisionEncoderConfig {
    /// A vision transformer.
    Vit(VisionTransformerConfig),
    /// CLIP's ResNet with attention pooling.
    ResNet(ModifiedResNetConfig),
    /// A compact ResNet for training from scratch.
    Compact(CompactResNetConfig),
    /// EfficientNet-Lite, with weights from ImageNet.
    Lite(EfficientNetLiteConfig),
}

/// CLIP's visual encoder.
#[derive(Module, Debug)]
// A program holds one encoder, so boxing gains nothing.
#[allow(clippy::large_enum_variant)]
pub enum ClipVisionEncoder {
    /// A vision transformer.
    Vit(VisionTransformer),
    /// CLIP's ResNet with attention pooling.
    ResNet(ModifiedResNet),
    /// A compact ResNet for training from scratch.
    Compact(CompactResNet),
    /// EfficientNet-Lite, with weights from ImageNet.
    Lite(ProjectedLite),
}

impl ClipVisionEncoderConfig {
    /// An encoder with random weights.
    pub fn init(&self, device: &Device) -> ClipVisionEncoder {
        match self {
            Self::Vit(config) => ClipVisionEncoder::Vit(config.init(device)),
            Self::ResNet(config) => ClipVisionEncoder::ResNet(config.init(device)),
            Self::Compact(config) => ClipVisionEncoder::Compact(config.init(device)),
            Self::Lite(config) => ClipVisionEncoder::Lite(config.init(device)),
        }
    }

    /// Side of the square input that the position embeddings belong to, pixels.
    pub fn image_size(&self) -> usize {
        match self {
            Self::Vit(config) => config.image_size,
            Self::ResNet(config) => config.image_size,
            Self::Compact(config) => config.image_size,
            Self::Lite(config) => config.image_size,
        }
    }

    /// Side of one position of the dense map, in input pixels.
    pub fn stride(&self) -> usize {
        match self {
            Self::Vit(config) => config.patch_size,
            Self::ResNet(_) => modified_resnet::STRIDE,
            Self::Compact(_) => compact_resnet::STRIDE,
            Self::Lite(_) => efficientnet_lite::STRIDE,
        }
    }

    /// Width d of the joint space.
    pub fn embed_dim(&self) -> usize {
        match self {
            Self::Vit(config) => config.embed_dim,
            Self::ResNet(config) => config.embed_dim,
            Self::Compact(config) => config.embed_dim,
            Self::Lite(config) => config.embed_dim,
        }
    }

    /// The faults of this configuration, one sentence each. Empty if it is valid.
    pub fn faults(&self) -> Vec<String> {
        let (heads, width, sizes) = match self {
            Self::Vit(c) => (c.heads, c.width, vec![c.patch_size, c.layers]),
            Self::ResNet(c) => (c.heads, 32 * c.width, [&[c.width / 2], &c.layers[..]].concat()),
            Self::Compact(c) => (c.heads, c.channels[3], [c.channels, c.layers].concat()),
            Self::Lite(_) => (1, 1, Vec::new()), // It has no heads.
        };
        let mut faults = Vec::new();
        if sizes.contains(&0) || self.embed_dim() == 0 || self.image_size() < self.stride() {
            faults.push("the visual encoder has a size of zero or too small an input".into());
        }
        if self.skip_channels().is_empty() {
            faults.push("a visual encoder needs at least two layers: the segmentation head also reads an earlier one".into());
        }
        if heads == 0 || width == 0 || !width.is_multiple_of(heads) {
            let text =
                format!("{heads} heads of the visual encoder do not divide its width {width}");
            faults.push(text);
        }
        faults
    }

    /// Channels of [`VisionFeatures::skips`].
    pub fn skip_channels(&self) -> Vec<usize> {
        match self {
            Self::Vit(config) => {
                let (third, two_thirds) = (config.layers / 3, 2 * config.layers / 3);
                let taps = (1..config.layers).filter(|l| *l == third || *l == two_thirds);
                taps.map(|_| config.width).collect()
            }
            Self::ResNet(config) => config.channels()[..3].to_vec(),
            Self::Compact(config) => config.channels[..3].to_vec(),
            Self::Lite(config) => config.version.tap_channels()[1..4].to_vec(),
        }
    }
}

impl ClipVisionEncoder {
    /// The pixels in -1..1 that were normalised for this encoder.
    ///
    /// - `pixels`, output: `[batch, 3, height, width]`
    pub fn plain_pixels(&self, pixels: Tensor<4>) -> Tensor<4> {
        if matches!(self, Self::Lite(_)) {
            return pixels;
        }
        let device = pixels.device();
        let row = |values: [f32; 3]| {
            Tensor::<1>::from_floats(values, &device).unsqueeze_dims::<4>(&[0, 2, 3])
        };
        (pixels * row(PIXEL_STD) + row(PIXEL_MEAN)) * 2.0 - 1.0
    }

    /// The features of normalised pixels.
    ///
    /// - `pixels`: `[batch, 3, height, width]`, sides multiples of the stride
    pub fn forward(&self, pixels: Tensor<4>, dense: DenseFeatures) -> VisionFeatures {
        match self {
            Self::Vit(encoder) => encoder.forward(pixels, dense),
            Self::ResNet(encoder) => encoder.forward(pixels),
            Self::Compact(encoder) => encoder.forward(pixels),
            Self::Lite(encoder) => encoder.forward(pixels),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoder_without_earlier_layers_is_refused() {
        let vit = |layers| {
            let config = VisionTransformerConfig::new().with_layers(layers);
            ClipVisionEncoderConfig::Vit(config).faults()
        };
        assert!(vit(1)[0].contains("two layers"), "{:?}", vit(1));
        assert_eq!(vit(2), Vec::<String>::new());
    }
}
