//! The segmentation head H: deconfounded features → a logit for every pixel and class.
//!
//! A feature pyramid (Lin et al. 2017). The H×W map of F_ca gives the decision. The encoder's skip features give the
//! outline, because the grid is too coarse for it. Skip features do not pass through the intervention, because F_ca exists
//! for retained positions only. Instead, the mixture of confounders from the intervention, Σ_z w(z) z, is projected and
//! subtracted from each of them.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Initializer, Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::{Device, Tensor};
use garde::Validate;
use mcdrl_kernels::{add_relu, batch_norm, batch_norm_relu, convolve, resize};
use serde::{Deserialize, Serialize};

/// The sizes of a [`SegmentationHead`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct SegmentationHeadConfig {
    /// Channels inside the head.
    #[garde(range(min = 1, max = 4096))]
    pub width: usize,
}

/// The segmentation head.
#[derive(Module, Debug)]
pub struct SegmentationHead {
    top: ConvNorm,
    levels: Vec<Level>,
    classify: Conv2d,
}

#[derive(Module, Debug)]
struct Level {
    lateral: Conv2d,
    /// Projects the mixture of confounders to its contribution at this level.
    confounded: Linear,
    lateral_norm: BatchNorm,
    merge: ConvNorm,
}

#[derive(Module, Debug)]
struct ConvNorm {
    conv: Conv2d,
    norm: BatchNorm,
}

impl Default for SegmentationHeadConfig {
    fn default() -> Self {
        Self { width: 64 }
    }
}

impl SegmentationHeadConfig {
    /// A head with random weights.
    ///
    /// - `embed_dim`: d
    /// - `skip_channels`: of the skip features, fine to coarse
    /// - `classes`: K; there is one more output, the background
    pub fn init(
        &self,
        embed_dim: usize,
        skip_channels: &[usize],
        classes: usize,
        device: &Device,
    ) -> SegmentationHead {
        let width = self.width;
        let conv = |inputs, kernel| {
            let initializer =
                Initializer::KaimingNormal { gain: 2.0f64.sqrt(), fan_out_only: false };
            let side = kernel / 2;
            Conv2dConfig::new([inputs, width], [kernel, kernel])
                .with_padding(PaddingConfig2d::Explicit(side, side, side, side))
                .with_bias(false)
                .with_initializer(initializer)
                .init(device)
        };
        let norm = || BatchNormConfig::new(width).init(device);
        let level = |channels: &usize| Level {
            lateral: conv(*channels, 1),
            confounded: LinearConfig::new(embed_dim, width)
                .with_bias(false)
                .with_initializer(Initializer::Zeros)
                .init(device),
            lateral_norm: norm(),
            merge: ConvNorm { conv: conv(width, 3), norm: norm() },
        };
        SegmentationHead {
            top: ConvNorm { conv: conv(embed_dim + 1, 3), norm: norm() },
            levels: skip_channels.iter().rev().map(level).collect(),
            classify: Conv2dConfig::new([width, classes + 1], [1, 1]).init(device),
        }
    }
}

impl SegmentationHead {
    /// Logits at the resolution of the finest skip feature.
    ///
    /// - `features`: F_ca on the grid, `[batch, d, H, W]`
    /// - `similarity`: Ŝ, `[batch, 1, H, W]`
    /// - `skips`: fine to coarse, each `[batch, channels, rows, columns]`
    /// - `mixture`: of the confounders, `[batch, d]`; `None` without intervention
    /// - output: `[batch, K + 1, rows, columns]`, the background first
    pub fn forward(
        &self,
        features: Tensor<4>,
        similarity: Tensor<4>,
        skips: Vec<Tensor<4>>,
        mixture: Option<Tensor<2>>,
    ) -> Tensor<4> {
        let mut map = self.top.forward(Tensor::cat(vec![features, similarity], 1));
        for (level, skip) in self.levels.iter().zip(skips.into_iter().rev()) {
            map = level.forward(map, skip, mixture.clone());
        }
        convolve(&self.classify, map)
    }
}

impl Level {
    /// - `map`: of the level above, `[batch, width, _, _]`
    /// - `skip`: `[batch, channels, rows, columns]`, `mixture`: `[batch, d]`
    /// - output: `[batch, width, rows, columns]`
    fn forward(&self, map: Tensor<4>, skip: Tensor<4>, mixture: Option<Tensor<2>>) -> Tensor<4> {
        let [_, _, rows, columns] = skip.dims();
        let mut lateral = convolve(&self.lateral, skip);
        if let Some(mixture) = mixture {
            let share = self.confounded.forward(mixture);
            lateral = lateral - share.unsqueeze_dims::<4>(&[2, 3]);
        }
        let lateral = batch_norm(&self.lateral_norm, lateral);
        self.merge.forward(add_relu(resize(map, [rows, columns]), lateral))
    }
}

impl ConvNorm {
    /// Convolution, batch norm, ReLU: `[batch, channels, rows, columns]` → `[batch, width, rows, columns]`.
    fn forward(&self, map: Tensor<4>) -> Tensor<4> {
        batch_norm_relu(&self.norm, convolve(&self.conv, map))
    }
}
