//! The segmentation head H: deconfounded features → a logit for every pixel and class.
//!
//! A feature pyramid (Lin et al. 2017): the H×W map of F_ca gives the decision, the encoder's earlier maps give
//! the outline that a coarse grid cannot. The earlier maps do not pass through the intervention, because F_ca
//! exists for retained positions only; instead the mixture of confounders that the intervention found, Σ_z w(z) z,
//! is projected and subtracted from each of them, so that nothing reaches the classifier uncorrected.

use burn::config::Config;
use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Initializer, Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::{Device, Tensor};

use crate::kernels::{add_relu, convolve, normalize, normalize_relu, resize};

/// Builds a [`SegmentationHead`].
#[derive(Config, Debug)]
pub struct SegmentationHeadConfig {
    /// Width d of the joint space.
    pub embed_dim: usize,
    /// Channels of the earlier maps, fine to coarse.
    pub skip_channels: Vec<usize>,
    /// Number of classes K; there is one more output, the background.
    pub classes: usize,
    /// Channels inside the head.
    #[config(default = 64)]
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
    /// Projects the confounder mixture to what it adds to this level.
    confounded: Linear,
    lateral_norm: BatchNorm,
    merge: ConvNorm,
}

#[derive(Module, Debug)]
struct ConvNorm {
    conv: Conv2d,
    norm: BatchNorm,
}

impl SegmentationHeadConfig {
    /// A head with random weights.
    pub fn init(&self, device: &Device) -> SegmentationHead {
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
            confounded: LinearConfig::new(self.embed_dim, width)
                .with_bias(false)
                .with_initializer(Initializer::Zeros)
                .init(device),
            lateral_norm: norm(),
            merge: ConvNorm { conv: conv(width, 3), norm: norm() },
        };
        SegmentationHead {
            top: ConvNorm { conv: conv(self.embed_dim + 1, 3), norm: norm() },
            levels: self.skip_channels.iter().rev().map(level).collect(),
            classify: Conv2dConfig::new([width, self.classes + 1], [1, 1]).init(device),
        }
    }
}

impl SegmentationHead {
    /// Logits at the resolution of the finest earlier map.
    ///
    /// - `features`: the grid of (deconfounded) features, `[batch, d, H, W]`
    /// - `similarity`: Ŝ where regions were selected, else zeros, `[batch, 1, H, W]`
    /// - `skips`: fine to coarse, each `[batch, channels, rows, columns]`
    /// - `confounded`: the confounder mixture, `[batch, d]`, or `None` where nothing was intervened on
    /// - output: `[batch, K + 1, rows, columns]`, the background first
    pub fn forward(
        &self,
        features: Tensor<4>,
        similarity: Tensor<4>,
        skips: Vec<Tensor<4>>,
        confounded: Option<Tensor<2>>,
    ) -> Tensor<4> {
        let mut map = self.top.forward(Tensor::cat(vec![features, similarity], 1));
        for (level, skip) in self.levels.iter().zip(skips.into_iter().rev()) {
            map = level.forward(map, skip, confounded.clone());
        }
        convolve(&self.classify, map)
    }
}

impl Level {
    fn forward(&self, map: Tensor<4>, skip: Tensor<4>, confounded: Option<Tensor<2>>) -> Tensor<4> {
        let [_, _, rows, columns] = skip.dims();
        let mut lateral = convolve(&self.lateral, skip);
        if let Some(confounded) = confounded {
            let share = self.confounded.forward(confounded);
            lateral = lateral - share.unsqueeze_dims::<4>(&[2, 3]);
        }
        let lateral = normalize(&self.lateral_norm, lateral);
        self.merge.forward(add_relu(resize(map, [rows, columns]), lateral))
    }
}

impl ConvNorm {
    fn forward(&self, map: Tensor<4>) -> Tensor<4> {
        normalize_relu(&self.norm, convolve(&self.conv, map))
    }
}
