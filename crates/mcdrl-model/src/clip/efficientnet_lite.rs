//! EfficientNet-Lite (Tan and Le 2019, in the variant for mobile CPUs): the visual encoder with weights from ImageNet.
//!
//! Follows `EfficientNet-Lite` of <https://github.com/tensorflow/tpu>: inverted residual blocks with ReLU6, without
//! squeeze-and-excitation. The classifier and the last 1×1 convolution are left out.

use burn::config::Config;
use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Initializer, Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::{Device, Tensor};
use mcdrl_kernels::{Activation, convolve_norm};
use serde::{Deserialize, Serialize};

use super::features::VisionFeatures;

/// Side of one position of the dense map, in input pixels.
pub const STRIDE: usize = 32;

/// Channels after the first convolution.
const STEM: usize = 32;

/// ε of the batch normalisations in TensorFlow.
const EPSILON: f64 = 1e-3;

/// The share of a batch in the running statistics in TensorFlow.
const MOMENTUM: f64 = 0.01;

/// The stages: blocks, kernel, stride, expansion of the channels inside a block, and output channels, of Lite0.
const STAGES: [(usize, usize, usize, usize, usize); 7] = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
];

/// The stages whose results are taken: the last ones at 1/2, 1/4, 1/8, 1/16 and 1/32 of the resolution.
const TAPS: [usize; 5] = [0, 1, 2, 4, 6];

/// The size of an [`EfficientNetLite`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LiteVersion {
    /// 3.0 M values.
    #[default]
    Lite0,
    /// Lite0 with more blocks.
    Lite1,
    /// Lite1 with wider and more blocks.
    Lite2,
}

/// Builds a [`ProjectedLite`].
#[derive(Config, Debug)]
pub struct EfficientNetLiteConfig {
    /// The size.
    #[config(default = "LiteVersion::Lite0")]
    pub version: LiteVersion,
    /// Side of the square input, pixels. Other sides work too.
    #[config(default = 224)]
    pub image_size: usize,
    /// Width of the joint space.
    #[config(default = 128)]
    pub embed_dim: usize,
}

/// EfficientNet-Lite without its classifier.
#[derive(Module, Debug)]
pub struct EfficientNetLite {
    stem: ConvNorm,
    blocks: Vec<MobileBlock>,
    #[module(skip)]
    taps: Vec<usize>,
}

/// [`EfficientNetLite`] as a part of CLIP: its last tap is projected to the joint space.
#[derive(Module, Debug)]
pub struct ProjectedLite {
    /// The pre-trained part.
    pub encoder: EfficientNetLite,
    /// The last tap → the joint space.
    pub(super) proj: Linear,
}

/// An inverted residual block (Sandler et al. 2018): expand the channels, convolve each of them, project.
#[derive(Module, Debug)]
struct MobileBlock {
    /// The first block has none.
    expand: Option<ConvNorm>,
    depthwise: ConvNorm,
    project: ConvNorm,
    #[module(skip)]
    is_residual: bool,
}

/// A convolution and its normalisation.
#[derive(Module, Debug)]
struct ConvNorm {
    conv: Conv2d,
    norm: BatchNorm,
}

impl LiteVersion {
    /// All sizes.
    pub const ALL: [Self; 3] = [Self::Lite0, Self::Lite1, Self::Lite2];

    /// The factors of the channels and of the number of blocks.
    fn scales(self) -> (f64, f64) {
        match self {
            Self::Lite0 => (1.0, 1.0),
            Self::Lite1 => (1.0, 1.1),
            Self::Lite2 => (1.1, 1.2),
        }
    }

    /// Scaled channels, a multiple of 8 and at least nine tenths of the wish.
    fn channels(self, channels: usize) -> usize {
        let wish = channels as f64 * self.scales().0;
        let rounded = ((wish + 4.0) as usize / 8 * 8).max(8);
        if (rounded as f64) < 0.9 * wish { rounded + 8 } else { rounded }
    }

    /// The number of blocks in a stage. The first and the last stage keep theirs.
    fn blocks(self, stage: usize) -> usize {
        let blocks = STAGES[stage].0;
        let is_scaled = stage != 0 && stage != STAGES.len() - 1;
        if is_scaled { (blocks as f64 * self.scales().1).ceil() as usize } else { blocks }
    }

    /// The number of blocks in all stages.
    pub fn total_blocks(self) -> usize {
        (0..STAGES.len()).map(|stage| self.blocks(stage)).sum()
    }

    /// Channels of the taps, at 1/2, 1/4, 1/8, 1/16 and 1/32 of the resolution.
    pub fn tap_channels(self) -> [usize; 5] {
        TAPS.map(|stage| self.channels(STAGES[stage].4))
    }

    /// An encoder with random weights.
    pub fn init(self, device: &Device) -> EfficientNetLite {
        let (mut blocks, mut taps, mut inputs) = (Vec::new(), Vec::new(), STEM);
        for (stage, (_, kernel, stride, expansion, channels)) in STAGES.into_iter().enumerate() {
            let outputs = self.channels(channels);
            for number in 0..self.blocks(stage) {
                let stride = if number == 0 { stride } else { 1 };
                let sizes = [inputs, outputs, kernel, stride, expansion];
                blocks.push(MobileBlock::new(sizes, device));
                inputs = outputs;
            }
            if TAPS.contains(&stage) {
                taps.push(blocks.len() - 1);
            }
        }
        EfficientNetLite { stem: ConvNorm::new([3, STEM, 3, 2, 1], device), blocks, taps }
    }
}

impl EfficientNetLiteConfig {
    /// An encoder with random weights.
    pub fn init(&self, device: &Device) -> ProjectedLite {
        let [.., last] = self.version.tap_channels();
        ProjectedLite {
            encoder: self.version.init(device),
            proj: LinearConfig::new(last, self.embed_dim).with_bias(false).init(device),
        }
    }
}

impl EfficientNetLite {
    /// The device that the weights are on.
    pub fn device(&self) -> Device {
        self.stem.conv.weight.val().device()
    }

    /// The five taps, at 1/2, 1/4, 1/8, 1/16 and 1/32 of the resolution, rounded up.
    ///
    /// - `pixels`: `[batch, 3, height, width]` in -1..1
    pub fn forward(&self, pixels: Tensor<4>) -> Vec<Tensor<4>> {
        let mut map = self.stem.forward(pixels);
        let mut taps = Vec::new();
        for (number, block) in self.blocks.iter().enumerate() {
            map = block.forward(map);
            if self.taps.contains(&number) {
                taps.push(map.clone());
            }
        }
        taps
    }

    /// The mean over the positions of the last tap: `[batch, channels]`.
    ///
    /// - `pixels`: `[batch, 3, height, width]` in -1..1
    pub fn pooled(&self, pixels: Tensor<4>) -> Tensor<2> {
        let last = self.forward(pixels).pop().expect("there are five taps");
        let [batch, channels, rows, columns] = last.dims();
        last.reshape([batch, channels, rows * columns]).mean_dim(2).squeeze_dim(2)
    }
}

impl ProjectedLite {
    /// The features of pixels in -1..1. The skip features are at 1/4, 1/8 and 1/16 of the resolution. The tap at 1/2 is left
    /// out: its 16 channels are only edges, and a head at this resolution is slow.
    ///
    /// - `pixels`: `[batch, 3, height, width]`
    pub fn forward(&self, pixels: Tensor<4>) -> VisionFeatures {
        let mut skips = self.encoder.forward(pixels).split_off(1);
        let last = skips.pop().expect("there are five taps");
        let [batch, width, rows, columns] = last.dims();
        let positions = last.reshape([batch, width, rows * columns]).swap_dims(1, 2);
        let dense = self.proj.forward(positions);
        // The projection is linear: the mean of the projected positions is the projected mean.
        let pooled = dense.clone().mean_dim(1).squeeze_dim(1);
        VisionFeatures { skips, dense, grid: [rows, columns], pooled }
    }
}

impl MobileBlock {
    fn new([inputs, outputs, kernel, stride, expansion]: [usize; 5], device: &Device) -> Self {
        let inside = inputs * expansion;
        Self {
            expand: (expansion > 1).then(|| ConvNorm::new([inputs, inside, 1, 1, 1], device)),
            depthwise: ConvNorm::new([inside, inside, kernel, stride, inside], device),
            project: ConvNorm::new([inside, outputs, 1, 1, 1], device),
            is_residual: stride == 1 && inputs == outputs,
        }
    }

    /// `[batch, inputs, rows, columns]` → `[batch, outputs, rows / stride, columns / stride]`, rounded up.
    fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let expanded = match &self.expand {
            Some(expand) => expand.forward(input.clone()),
            None => input.clone(),
        };
        let map = self.project.forward_linear(self.depthwise.forward(expanded));
        if self.is_residual { input + map } else { map }
    }
}

impl ConvNorm {
    /// A convolution without bias, with TensorFlow's "same" padding.
    fn new([inputs, outputs, kernel, stride, groups]: [usize; 5], device: &Device) -> Self {
        // For training from scratch: He initialisation by the outputs, as in the original code.
        let initializer = Initializer::KaimingNormal { gain: 2.0f64.sqrt(), fan_out_only: true };
        let conv = Conv2dConfig::new([inputs, outputs], [kernel, kernel])
            .with_stride([stride, stride])
            .with_padding(PaddingConfig2d::Same)
            .with_groups(groups)
            .with_bias(false)
            .with_initializer(initializer)
            .init(device);
        let norm = BatchNormConfig::new(outputs).with_epsilon(EPSILON).with_momentum(MOMENTUM);
        Self { conv, norm: norm.init(device) }
    }

    /// Convolution, normalisation, ReLU6.
    fn forward(&self, map: Tensor<4>) -> Tensor<4> {
        convolve_norm(&self.conv, &self.norm, Activation::Relu6, map)
    }

    /// Convolution and normalisation: the end of a block has no activation.
    fn forward_linear(&self, map: Tensor<4>) -> Tensor<4> {
        convolve_norm(&self.conv, &self.norm, Activation::None, map)
    }
}
