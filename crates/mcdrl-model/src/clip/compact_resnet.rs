//! A compact residual encoder for a CLIP that is trained from scratch on few images.
//!
//! CLIP's own ModifiedResNet shrinks the image fourfold before its first block and spends its channels on 1×1
//! convolutions. At a small scale, plain blocks of two 3×3 convolutions (He et al. 2016) at half the resolution cost the
//! same and learn faster. The attention pooling is CLIP's.

use burn::config::Config;
use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::nn::{BatchNorm, BatchNormConfig};
use burn::tensor::{Device, Tensor};
use mcdrl_kernels::{Activation, add_relu, convolve_norm};

use super::attention_pool::AttentionPool;
use super::convolution::convolution;
use super::features::VisionFeatures;

/// Side of one position of the dense map, in input pixels.
pub const STRIDE: usize = 16;

/// Builds a [`CompactResNet`].
#[derive(Config, Debug)]
pub struct CompactResNetConfig {
    /// Side of the square input that the position embeddings belong to, pixels.
    #[config(default = 128)]
    pub image_size: usize,
    /// Channels of the four stages, at 1/2, 1/4, 1/8 and 1/16 of the resolution.
    #[config(default = "[24, 48, 96, 192]")]
    pub channels: [usize; 4],
    /// Blocks in each stage.
    #[config(default = "[1, 1, 2, 2]")]
    pub layers: [usize; 4],
    /// Heads of the attention pooling.
    #[config(default = 4)]
    pub heads: usize,
    /// Width of the joint space.
    #[config(default = 128)]
    pub embed_dim: usize,
}

/// A compact residual encoder.
#[derive(Module, Debug)]
pub struct CompactResNet {
    conv1: Conv2d,
    bn1: BatchNorm,
    layer1: Vec<BasicBlock>,
    layer2: Vec<BasicBlock>,
    layer3: Vec<BasicBlock>,
    layer4: Vec<BasicBlock>,
    attnpool: AttentionPool,
}

#[derive(Module, Debug)]
struct BasicBlock {
    conv1: Conv2d,
    bn1: BatchNorm,
    conv2: Conv2d,
    bn2: BatchNorm,
    downsample: Option<(Conv2d, BatchNorm)>,
}

impl CompactResNetConfig {
    /// An encoder with random weights.
    pub fn init(&self, device: &Device) -> CompactResNet {
        let mut inputs = self.channels[0];
        let mut stage = |index: usize, stride: usize| -> Vec<BasicBlock> {
            let outputs = self.channels[index];
            let block = |number: usize| {
                let first = number == 0;
                let (inputs, stride) = if first { (inputs, stride) } else { (outputs, 1) };
                BasicBlock::new(inputs, outputs, stride, device)
            };
            let blocks = (0..self.layers[index]).map(block).collect();
            inputs = outputs;
            blocks
        };
        let grid = self.image_size / STRIDE;
        CompactResNet {
            conv1: convolution(3, self.channels[0], 3, 2, device),
            bn1: BatchNormConfig::new(self.channels[0]).init(device),
            layer1: stage(0, 1),
            layer2: stage(1, 2),
            layer3: stage(2, 2),
            layer4: stage(3, 2),
            attnpool: AttentionPool::new(
                grid * grid,
                self.channels[3],
                self.heads,
                self.embed_dim,
                device,
            ),
        }
    }
}

impl CompactResNet {
    /// The features of normalised pixels, whose sides are multiples of 16.
    ///
    /// - `pixels`: `[batch, 3, height, width]`
    pub fn forward(&self, pixels: Tensor<4>) -> VisionFeatures {
        let stage = |blocks: &[BasicBlock], map: Tensor<4>| {
            blocks.iter().fold(map, |map, block| block.forward(map))
        };
        let stem = convolve_norm(&self.conv1, &self.bn1, Activation::Relu, pixels);
        let layer1 = stage(&self.layer1, stem);
        let layer2 = stage(&self.layer2, layer1.clone());
        let layer3 = stage(&self.layer3, layer2.clone());
        let layer4 = stage(&self.layer4, layer3.clone());
        self.attnpool.features(layer4, vec![layer1, layer2, layer3])
    }
}

impl BasicBlock {
    fn new(inputs: usize, outputs: usize, stride: usize, device: &Device) -> Self {
        let norm = || BatchNormConfig::new(outputs).init(device);
        Self {
            conv1: convolution(inputs, outputs, 3, stride, device),
            bn1: norm(),
            conv2: convolution(outputs, outputs, 3, 1, device),
            bn2: norm(),
            downsample: (stride > 1 || inputs != outputs)
                .then(|| (convolution(inputs, outputs, 1, stride, device), norm())),
        }
    }

    /// `[batch, inputs, rows, columns]` → `[batch, outputs, rows / stride, columns / stride]`.
    fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let map = convolve_norm(&self.conv1, &self.bn1, Activation::Relu, input.clone());
        let map = convolve_norm(&self.conv2, &self.bn2, Activation::None, map);
        let identity = match &self.downsample {
            Some((conv, norm)) => convolve_norm(conv, norm, Activation::None, input),
            None => input,
        };
        add_relu(map, identity)
    }
}
