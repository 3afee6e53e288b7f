//! The visual encoder: pixels → dense features in the joint image-text space.

use burn::config::Config;
use burn::module::Module;
use burn::tensor::module::interpolate;
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};
use burn::tensor::{Device, Tensor};

use super::{
    CompactResNet, CompactResNetConfig, DenseFeatures, ModifiedResNet, ModifiedResNetConfig,
    VisionTransformer, VisionTransformerConfig, compact, resnet,
};

/// What a visual encoder gives for a batch of images.
#[derive(Clone, Debug)]
pub struct VisionFeatures {
    /// Maps of earlier layers, fine to coarse: each `[batch, channels, rows, columns]`.
    pub skips: Vec<Tensor<4>>,
    /// The dense map C in the joint space, not normalised: `[batch, H·W, d]`.
    pub dense: Tensor<3>,
    /// H and W.
    pub grid: [usize; 2],
    /// The image embedding, not normalised: `[batch, d]`.
    pub pooled: Tensor<2>,
}

/// Which visual encoder to build.
#[derive(Config, Debug)]
pub enum ClipVisionEncoderConfig {
    /// A vision transformer.
    Vit(VisionTransformerConfig),
    /// CLIP's ResNet with attention pooling.
    ResNet(ModifiedResNetConfig),
    /// A compact ResNet for training from scratch.
    Compact(CompactResNetConfig),
}

/// CLIP's visual encoder.
#[derive(Module, Debug)]
// The variants are one value in a whole program; boxing them buys nothing.
#[allow(clippy::large_enum_variant)]
pub enum ClipVisionEncoder {
    /// A vision transformer.
    Vit(VisionTransformer),
    /// CLIP's ResNet with attention pooling.
    ResNet(ModifiedResNet),
    /// A compact ResNet for training from scratch.
    Compact(CompactResNet),
}

impl ClipVisionEncoderConfig {
    /// An encoder with random weights.
    pub fn init(&self, device: &Device) -> ClipVisionEncoder {
        match self {
            Self::Vit(config) => ClipVisionEncoder::Vit(config.init(device)),
            Self::ResNet(config) => ClipVisionEncoder::ResNet(config.init(device)),
            Self::Compact(config) => ClipVisionEncoder::Compact(config.init(device)),
        }
    }

    /// Side of the square input that the position embeddings belong to, pixels.
    pub fn image_size(&self) -> usize {
        match self {
            Self::Vit(config) => config.image_size,
            Self::ResNet(config) => config.image_size,
            Self::Compact(config) => config.image_size,
        }
    }

    /// Input pixels a side of one position of the dense map.
    pub fn stride(&self) -> usize {
        match self {
            Self::Vit(config) => config.patch_size,
            Self::ResNet(_) => resnet::STRIDE,
            Self::Compact(_) => compact::STRIDE,
        }
    }

    /// Width d of the joint space.
    pub fn embed_dim(&self) -> usize {
        match self {
            Self::Vit(config) => config.embed_dim,
            Self::ResNet(config) => config.embed_dim,
            Self::Compact(config) => config.embed_dim,
        }
    }

    /// What makes these sizes no encoder, if anything does: building one would panic.
    pub(crate) fn problem(&self) -> Option<String> {
        let (heads, width, sizes) = match self {
            Self::Vit(c) => (c.heads, c.width, vec![c.patch_size, c.layers]),
            Self::ResNet(c) => (c.heads, 32 * c.width, [&[c.width / 2], &c.layers[..]].concat()),
            Self::Compact(c) => (c.heads, c.channels[3], [c.channels, c.layers].concat()),
        };
        if sizes.contains(&0) || self.embed_dim() == 0 || self.image_size() < self.stride() {
            return Some("its visual encoder has a size of zero".into());
        }
        (heads == 0 || width == 0 || !width.is_multiple_of(heads)).then(|| {
            format!("its visual encoder has {heads} heads, which do not divide its width {width}")
        })
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
        }
    }
}

impl ClipVisionEncoder {
    /// The features of normalised pixels.
    ///
    /// - `pixels`: `[batch, 3, height, width]`, sides multiples of the stride
    pub fn forward(&self, pixels: Tensor<4>, dense: DenseFeatures) -> VisionFeatures {
        match self {
            Self::Vit(encoder) => encoder.forward(pixels, dense),
            Self::ResNet(encoder) => encoder.forward(pixels),
            Self::Compact(encoder) => encoder.forward(pixels),
        }
    }
}

/// Position embeddings for a grid, interpolated (bicubic, as Hugging Face does) where it is not their own.
///
/// - `embedding`: `[1 + side², width]`, the class token or mean first
/// - output: `[1 + rows · columns, width]`
pub(super) fn positions_for_grid(embedding: Tensor<2>, [rows, columns]: [usize; 2]) -> Tensor<2> {
    let [positions, width] = embedding.dims();
    let side = (positions - 1).isqrt();
    if (side, side) == (rows, columns) {
        return embedding;
    }
    let first = embedding.clone().narrow(0, 0, 1);
    let grid = embedding.narrow(0, 1, side * side);
    let grid = grid.swap_dims(0, 1).reshape([1, width, side, side]);
    let options = InterpolateOptions::new(InterpolateMode::Bicubic)
        .with_output_size([rows, columns])
        .with_align_corners(false);
    let grid = interpolate(grid, options).reshape([width, rows * columns]).swap_dims(0, 1);
    Tensor::cat(vec![first, grid], 0)
}
