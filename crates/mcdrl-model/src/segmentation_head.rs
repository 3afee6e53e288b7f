//! The segmentation head H: the levels of the features, from coarse to fine, become class logits.
//!
//! A feature pyramid (Lin et al. 2017) whose merges are depthwise-separable convolutions.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Initializer, PaddingConfig2d};
use burn::tensor::{Device, Tensor};
use garde::Validate;
use mcdrl_kernels::{Activation, convolve, convolve_norm, resize};
use serde::{Deserialize, Serialize};

/// The sizes of a [`SegmentationHead`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct SegmentationHeadConfig {
    /// Channels of each level inside the head.
    #[garde(range(min = 1, max = 4096))]
    pub width: usize,
}

/// The segmentation head.
#[derive(Module, Debug)]
pub struct SegmentationHead {
    /// Fine to coarse.
    laterals: Vec<Conv2d>,
    /// From the second coarsest level to the finest.
    merges: Vec<Merge>,
    classify: Conv2d,
    /// Logits of the merges before the last one, for training.
    auxiliary: Vec<Conv2d>,
}

/// Two depthwise-separable convolutions.
#[derive(Module, Debug)]
struct Merge {
    first: Separable,
    second: Separable,
}

/// A convolution of each channel, one across channels, batch norm, ReLU6.
#[derive(Module, Debug)]
struct Separable {
    depthwise: Conv2d,
    pointwise: Conv2d,
    norm: BatchNorm,
}

/// The result of the head.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// `[batch, K + 1, rows, columns]` at the finest level; the background first.
    pub logits: Tensor<4>,
    /// The merged levels before the finest, coarse to fine, each `[batch, width, _, _]`.
    merged: Vec<Tensor<4>>,
}

impl Default for SegmentationHeadConfig {
    fn default() -> Self {
        Self { width: 64 }
    }
}

impl SegmentationHeadConfig {
    /// A head with random weights.
    ///
    /// - `channels`: of the levels, fine to coarse
    /// - `classes`: K; there is one more output, the background
    pub fn init(&self, channels: &[usize], classes: usize, device: &Device) -> SegmentationHead {
        let width = self.width;
        let to = |inputs, outputs| Conv2dConfig::new([inputs, outputs], [1, 1]).init(device);
        let merges = channels.len() - 1;
        SegmentationHead {
            laterals: channels.iter().map(|inputs| to(*inputs, width)).collect(),
            merges: (0..merges).map(|_| Merge::new(width, device)).collect(),
            classify: to(width, classes + 1),
            auxiliary: (1..merges).map(|_| to(width, classes + 1)).collect(),
        }
    }
}

impl SegmentationHead {
    /// The levels at the head's width, fine to coarse.
    ///
    /// - `maps`: fine to coarse, each `[batch, channels, rows, columns]`
    pub fn levels(&self, maps: Vec<Tensor<4>>) -> Vec<Tensor<4>> {
        self.laterals.iter().zip(maps).map(|(conv, map)| convolve(conv, map)).collect()
    }

    /// Logits from the levels.
    ///
    /// - `levels`: fine to coarse, each `[batch, width, rows, columns]`
    pub fn decode(&self, mut levels: Vec<Tensor<4>>) -> Decoded {
        let mut map = levels.pop().expect("there is a level");
        let mut merged = Vec::new();
        for (merge, level) in self.merges.iter().zip(levels.into_iter().rev()) {
            let [_, _, rows, columns] = level.dims();
            map = merge.forward(resize(map, [rows, columns]) + level);
            merged.push(map.clone());
        }
        merged.pop();
        Decoded { logits: convolve(&self.classify, map), merged }
    }

    /// The logits of the merges before the last one, for deep supervision (Lee et al. 2015): coarse to fine, each
    /// `[batch, K + 1, _, _]`.
    pub fn auxiliary_logits(&self, decoded: &Decoded) -> Vec<Tensor<4>> {
        let pairs = self.auxiliary.iter().zip(&decoded.merged);
        pairs.map(|(conv, map)| convolve(conv, map.clone())).collect()
    }
}

impl Merge {
    fn new(width: usize, device: &Device) -> Self {
        Self { first: Separable::new(width, device), second: Separable::new(width, device) }
    }

    /// `[batch, width, rows, columns]`, unchanged size.
    fn forward(&self, map: Tensor<4>) -> Tensor<4> {
        self.second.forward(self.first.forward(map))
    }
}

impl Separable {
    fn new(width: usize, device: &Device) -> Self {
        let initializer = Initializer::KaimingNormal { gain: 2.0f64.sqrt(), fan_out_only: false };
        let conv = |kernel, groups| {
            let side = kernel / 2;
            Conv2dConfig::new([width, width], [kernel, kernel])
                .with_padding(PaddingConfig2d::Explicit(side, side, side, side))
                .with_groups(groups)
                .with_bias(false)
                .with_initializer(initializer.clone())
                .init(device)
        };
        let norm = BatchNormConfig::new(width).init(device);
        Self { depthwise: conv(3, width), pointwise: conv(1, 1), norm }
    }

    /// `[batch, width, rows, columns]`, unchanged size.
    fn forward(&self, map: Tensor<4>) -> Tensor<4> {
        let map = convolve(&self.depthwise, map);
        convolve_norm(&self.pointwise, &self.norm, Activation::Relu6, map)
    }
}
