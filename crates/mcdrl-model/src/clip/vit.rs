//! CLIP's vision transformer.

use burn::config::Config;
use burn::module::{Initializer, Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{LayerNorm, LayerNormConfig};
use burn::tensor::{Device, Tensor};
use mcdrl_kernels::convolve;

use super::features::{DenseFeatures, VisionFeatures};
use super::position_embedding::positions_for_grid;
use super::transformer::{Activation, Transformer};

/// Builds a [`VisionTransformer`]; the defaults are ViT-B/16's.
#[derive(Config, Debug)]
pub struct VisionTransformerConfig {
    /// Side of the square input that the position embeddings belong to, pixels.
    #[config(default = 224)]
    pub image_size: usize,
    /// Side of a patch, pixels.
    #[config(default = 16)]
    pub patch_size: usize,
    /// Width of the tokens.
    #[config(default = 768)]
    pub width: usize,
    /// Number of blocks.
    #[config(default = 12)]
    pub layers: usize,
    /// Attention heads.
    #[config(default = 12)]
    pub heads: usize,
    /// Width of the joint space.
    #[config(default = 512)]
    pub embed_dim: usize,
    /// Non-linearity.
    #[config(default = "Activation::QuickGelu")]
    pub activation: Activation,
}

/// CLIP's vision transformer.
#[derive(Module, Debug)]
pub struct VisionTransformer {
    conv1: Conv2d,
    class_embedding: Param<Tensor<1>>,
    positional_embedding: Param<Tensor<2>>,
    ln_pre: LayerNorm,
    transformer: Transformer,
    ln_post: LayerNorm,
    proj: Param<Tensor<2>>,
}

impl VisionTransformerConfig {
    /// An encoder with random weights.
    pub fn init(&self, device: &Device) -> VisionTransformer {
        let grid = self.image_size / self.patch_size;
        let scale = (self.width as f64).powf(-0.5);
        let normal = Initializer::Normal { mean: 0.0, std: scale };
        let patch = [self.patch_size, self.patch_size];
        VisionTransformer {
            conv1: Conv2dConfig::new([3, self.width], patch)
                .with_stride(patch)
                .with_bias(false)
                .init(device),
            class_embedding: normal.init([self.width], device),
            positional_embedding: normal.init([grid * grid + 1, self.width], device),
            ln_pre: LayerNormConfig::new(self.width).init(device),
            transformer: Transformer::new(
                self.width,
                self.layers,
                self.heads,
                self.activation,
                device,
            ),
            ln_post: LayerNormConfig::new(self.width).init(device),
            proj: normal.init([self.width, self.embed_dim], device),
        }
    }
}

impl VisionTransformer {
    /// The features of normalised pixels, whose sides are multiples of the patch. Position embeddings are interpolated if
    /// the grid is not their own.
    ///
    /// - `pixels`: `[batch, 3, height, width]`
    pub fn forward(&self, pixels: Tensor<4>, dense: DenseFeatures) -> VisionFeatures {
        let patches = convolve(&self.conv1, pixels);
        let [batch, width, rows, columns] = patches.dims();
        let tokens = patches.reshape([batch, width, rows * columns]).swap_dims(1, 2);
        let class = self.class_embedding.val().unsqueeze::<3>().expand([batch, 1, width]);
        let positions = positions_for_grid(self.positional_embedding.val(), [rows, columns]);
        let tokens =
            self.ln_pre.forward(Tensor::cat(vec![class, tokens], 1) + positions.unsqueeze());

        let blocks = &self.transformer.resblocks;
        let (last, earlier) = blocks.split_last().expect("a transformer has at least one block");
        let mut tokens = tokens;
        let mut skips = Vec::new();
        for (index, block) in earlier.iter().enumerate() {
            tokens = block.forward(tokens, None);
            // A third and two thirds of the depth: edges, then parts.
            if index + 1 == blocks.len() / 3 || index + 1 == 2 * blocks.len() / 3 {
                skips.push(to_map(without_class(tokens.clone()), rows, columns));
            }
        }
        let values = match dense {
            DenseFeatures::ValuePath => Some(last.value_path(tokens.clone())),
            DenseFeatures::Tokens => None,
        };
        let tokens = last.forward(tokens, None);
        let pooled = self.project(tokens.clone().narrow(1, 0, 1));
        let positions = self.project(without_class(values.unwrap_or(tokens)));
        VisionFeatures {
            skips,
            dense: positions,
            grid: [rows, columns],
            pooled: pooled.squeeze_dim(1),
        }
    }

    /// Tokens → the joint space: `[batch, positions, width]` → `[batch, positions, d]`.
    fn project(&self, tokens: Tensor<3>) -> Tensor<3> {
        self.ln_post.forward(tokens).matmul(self.proj.val().unsqueeze())
    }
}

/// `[batch, 1 + positions, width]` → `[batch, positions, width]`.
fn without_class(tokens: Tensor<3>) -> Tensor<3> {
    let positions = tokens.dims()[1];
    tokens.narrow(1, 1, positions - 1)
}

/// `[batch, positions, width]` → `[batch, width, rows, columns]`.
fn to_map(tokens: Tensor<3>, rows: usize, columns: usize) -> Tensor<4> {
    let [batch, _, width] = tokens.dims();
    tokens.swap_dims(1, 2).reshape([batch, width, rows, columns])
}
