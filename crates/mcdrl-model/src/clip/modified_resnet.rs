//! CLIP's ModifiedResNet: three-convolution stem, anti-aliased strides, attention pooling.

use burn::config::Config;
use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::nn::pool::{AvgPool2d, AvgPool2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig};
use burn::tensor::{Device, Tensor};
use mcdrl_kernels::{Activation, add_relu, convolve_norm};

use super::attention_pool::AttentionPool;
use super::convolution::convolution;
use super::features::VisionFeatures;

/// Side of one position of the dense map, in input pixels.
pub const STRIDE: usize = 32;

/// Builds a [`ModifiedResNet`]; the defaults are RN50's.
#[derive(Config, Debug)]
pub struct ModifiedResNetConfig {
    /// Side of the square input that the position embeddings belong to, pixels.
    #[config(default = 224)]
    pub image_size: usize,
    /// Channels of the stem; the last stage has 32 times as many.
    #[config(default = 64)]
    pub width: usize,
    /// Blocks in each of the four stages.
    #[config(default = "[3, 4, 6, 3]")]
    pub layers: [usize; 4],
    /// Heads of the attention pooling.
    #[config(default = 32)]
    pub heads: usize,
    /// Width of the joint space.
    #[config(default = 1024)]
    pub embed_dim: usize,
}

/// CLIP's ModifiedResNet.
#[derive(Module, Debug)]
pub struct ModifiedResNet {
    conv1: Conv2d,
    bn1: BatchNorm,
    conv2: Conv2d,
    bn2: BatchNorm,
    conv3: Conv2d,
    bn3: BatchNorm,
    pool: AvgPool2d,
    layer1: Vec<Bottleneck>,
    layer2: Vec<Bottleneck>,
    layer3: Vec<Bottleneck>,
    layer4: Vec<Bottleneck>,
    attnpool: AttentionPool,
}

#[derive(Module, Debug)]
struct Bottleneck {
    conv1: Conv2d,
    bn1: BatchNorm,
    conv2: Conv2d,
    bn2: BatchNorm,
    conv3: Conv2d,
    bn3: BatchNorm,
    /// Strides are average pools, so that no pixel is skipped.
    pool: Option<AvgPool2d>,
    downsample: Option<(Conv2d, BatchNorm)>,
}

impl ModifiedResNetConfig {
    /// An encoder with random weights.
    pub fn init(&self, device: &Device) -> ModifiedResNet {
        let half = self.width / 2;
        let mut channels = self.width;
        let mut stage = |index: usize, stride: usize| -> Vec<Bottleneck> {
            let planes = self.width << index;
            let outputs = 4 * planes;
            let block = |number: usize| {
                let (inputs, stride) = if number == 0 { (channels, stride) } else { (outputs, 1) };
                Bottleneck::new([inputs, planes, outputs], stride, device)
            };
            let blocks = (0..self.layers[index]).map(block).collect();
            channels = outputs;
            blocks
        };
        let grid = self.image_size / STRIDE;
        ModifiedResNet {
            conv1: convolution(3, half, 3, 2, device),
            bn1: BatchNormConfig::new(half).init(device),
            conv2: convolution(half, half, 3, 1, device),
            bn2: BatchNormConfig::new(half).init(device),
            conv3: convolution(half, self.width, 3, 1, device),
            bn3: BatchNormConfig::new(self.width).init(device),
            pool: average_pool(2),
            layer1: stage(0, 1),
            layer2: stage(1, 2),
            layer3: stage(2, 2),
            layer4: stage(3, 2),
            attnpool: AttentionPool::new(
                grid * grid,
                self.channels()[3],
                self.heads,
                self.embed_dim,
                device,
            ),
        }
    }
}

impl ModifiedResNetConfig {
    /// Channels of the four stages' outputs.
    pub fn channels(&self) -> [usize; 4] {
        [0, 1, 2, 3].map(|stage| 4 * (self.width << stage))
    }
}

impl ModifiedResNet {
    /// The features of normalised pixels, whose sides are multiples of 32. The dense features are the value path of the
    /// attention pooling: `c_proj(v_proj(layer4))` at each position.
    ///
    /// - `pixels`: `[batch, 3, height, width]`
    pub fn forward(&self, pixels: Tensor<4>) -> VisionFeatures {
        let stem = convolve_norm(&self.conv1, &self.bn1, Activation::Relu, pixels);
        let stem = convolve_norm(&self.conv2, &self.bn2, Activation::Relu, stem);
        let stem = convolve_norm(&self.conv3, &self.bn3, Activation::Relu, stem);
        let layer1 = stage(&self.layer1, self.pool.forward(stem));
        let layer2 = stage(&self.layer2, layer1.clone());
        let layer3 = stage(&self.layer3, layer2.clone());
        let layer4 = stage(&self.layer4, layer3.clone());

        self.attnpool.features(layer4, vec![layer1, layer2, layer3])
    }
}

/// `[batch, inputs, rows, columns]` → `[batch, outputs, rows / stride, columns / stride]`.
fn stage(blocks: &[Bottleneck], map: Tensor<4>) -> Tensor<4> {
    blocks.iter().fold(map, |map, block| block.forward(map))
}

impl Bottleneck {
    fn new([inputs, planes, outputs]: [usize; 3], stride: usize, device: &Device) -> Self {
        Self {
            conv1: convolution(inputs, planes, 1, 1, device),
            bn1: BatchNormConfig::new(planes).init(device),
            conv2: convolution(planes, planes, 3, 1, device),
            bn2: BatchNormConfig::new(planes).init(device),
            conv3: convolution(planes, outputs, 1, 1, device),
            bn3: BatchNormConfig::new(outputs).init(device),
            pool: (stride > 1).then(|| average_pool(stride)),
            downsample: (stride > 1 || inputs != outputs).then(|| {
                let norm = BatchNormConfig::new(outputs).init(device);
                (convolution(inputs, outputs, 1, 1, device), norm)
            }),
        }
    }

    /// `[batch, inputs, rows, columns]` → `[batch, outputs, rows / stride, columns / stride]`.
    fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let pooled = |map: Tensor<4>| match &self.pool {
            Some(pool) => pool.forward(map),
            None => map,
        };
        let map = convolve_norm(&self.conv1, &self.bn1, Activation::Relu, input.clone());
        let map = pooled(convolve_norm(&self.conv2, &self.bn2, Activation::Relu, map));
        let map = convolve_norm(&self.conv3, &self.bn3, Activation::None, map);
        let identity = match &self.downsample {
            Some((conv, norm)) => convolve_norm(conv, norm, Activation::None, pooled(input)),
            None => input,
        };
        add_relu(map, identity)
    }
}

fn average_pool(stride: usize) -> AvgPool2d {
    AvgPool2dConfig::new([stride, stride]).with_strides([stride, stride]).init()
}
