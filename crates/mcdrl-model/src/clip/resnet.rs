//! CLIP's ModifiedResNet: three-convolution stem, anti-aliased strides, attention pooling.

use burn::config::Config;
use burn::module::{Initializer, Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{AvgPool2d, AvgPool2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};

use super::VisionFeatures;
use super::vision::positions_for_grid;
use crate::kernels::{add_relu, convolve, normalize, normalize_relu};

/// Input pixels a side of one position of the dense map.
pub(super) const STRIDE: usize = 32;

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
    /// Strides are average pools, so that nothing is skipped over.
    pool: Option<AvgPool2d>,
    downsample: Option<(Conv2d, BatchNorm)>,
}

/// Attention with the mean position as the only query.
#[derive(Module, Debug)]
pub(super) struct AttentionPool {
    positional_embedding: Param<Tensor<2>>,
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    c_proj: Linear,
    #[module(skip)]
    heads: usize,
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
    /// The encoder's features for normalised pixels, whose sides are multiples of 32. The
    /// dense features are the value path of the attention pooling: `c_proj(v_proj(layer4))` per position.
    ///
    /// - `pixels`: `[batch, 3, height, width]`
    pub fn forward(&self, pixels: Tensor<4>) -> VisionFeatures {
        let stem = normalize_relu(&self.bn1, convolve(&self.conv1, pixels));
        let stem = normalize_relu(&self.bn2, convolve(&self.conv2, stem));
        let stem = normalize_relu(&self.bn3, convolve(&self.conv3, stem));
        let layer1 = stage(&self.layer1, self.pool.forward(stem));
        let layer2 = stage(&self.layer2, layer1.clone());
        let layer3 = stage(&self.layer3, layer2.clone());
        let layer4 = stage(&self.layer4, layer3.clone());

        self.attnpool.features(layer4, vec![layer1, layer2, layer3])
    }
}

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

    fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let pooled = |map: Tensor<4>| match &self.pool {
            Some(pool) => pool.forward(map),
            None => map,
        };
        let map = normalize_relu(&self.bn1, convolve(&self.conv1, input.clone()));
        let map = pooled(normalize_relu(&self.bn2, convolve(&self.conv2, map)));
        let map = normalize(&self.bn3, convolve(&self.conv3, map));
        let identity = match &self.downsample {
            Some((conv, norm)) => normalize(norm, convolve(conv, pooled(input))),
            None => input,
        };
        add_relu(map, identity)
    }
}

impl AttentionPool {
    pub(super) fn new(
        positions: usize,
        width: usize,
        heads: usize,
        embed_dim: usize,
        device: &Device,
    ) -> Self {
        let std = (width as f64).powf(-0.5);
        let normal = Initializer::Normal { mean: 0.0, std };
        let linear =
            |to| LinearConfig::new(width, to).with_initializer(normal.clone()).init(device);
        Self {
            positional_embedding: normal.init([positions + 1, width], device),
            q_proj: linear(width),
            k_proj: linear(width),
            v_proj: linear(width),
            c_proj: linear(embed_dim),
            heads,
        }
    }

    /// The features of an encoder whose last map is `map`: its value path, position by position, and its pool.
    ///
    /// - `map`: `[batch, width, rows, columns]`
    pub(super) fn features(&self, map: Tensor<4>, skips: Vec<Tensor<4>>) -> VisionFeatures {
        let [batch, width, rows, columns] = map.dims();
        let positions = map.reshape([batch, width, rows * columns]).swap_dims(1, 2);
        VisionFeatures {
            skips,
            dense: self.c_proj.forward(self.v_proj.forward(positions.clone())),
            grid: [rows, columns],
            pooled: self.forward(positions, [rows, columns]),
        }
    }

    /// - `positions`: `[batch, rows · columns, width]`
    /// - output: `[batch, embed_dim]`
    fn forward(&self, positions: Tensor<3>, grid: [usize; 2]) -> Tensor<2> {
        let [batch, count, width] = positions.dims();
        let head_width = width / self.heads;
        let embedding = positions_for_grid(self.positional_embedding.val(), grid).unsqueeze::<3>();
        // The mean and the positions go through the projections apart, and with its one query attention is written
        // as sums over products: joined first, Burn 0.22 gave a wrong pool for a batch of one on a GPU with fusion, should
        // that ever be switched on again (seen on Mesa's software Vulkan).
        let mean = positions.clone().mean_dim(1) + embedding.clone().narrow(1, 0, 1);
        let positions = positions + embedding.narrow(1, 1, count);
        let heads = |projected: Tensor<3>, positions: usize| {
            projected.reshape([batch, positions, self.heads, head_width]).swap_dims(1, 2)
        };
        let both = |linear: &Linear| {
            let mean = heads(linear.forward(mean.clone()), 1);
            Tensor::cat(vec![mean, heads(linear.forward(positions.clone()), count)], 2)
        };
        let query = heads(self.q_proj.forward(mean.clone()), 1);
        let scores = (both(&self.k_proj) * query).sum_dim(3) * (head_width as f64).powf(-0.5);
        let attended = (softmax(scores, 2) * both(&self.v_proj)).sum_dim(2);
        self.c_proj.forward(attended.reshape([batch, width]))
    }
}

pub(super) fn convolution(
    inputs: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
    device: &Device,
) -> Conv2d {
    // He initialisation: every convolution but the last of a block is followed by a ReLU.
    let initializer = Initializer::KaimingNormal { gain: 2.0f64.sqrt(), fan_out_only: false };
    Conv2dConfig::new([inputs, outputs], [kernel, kernel])
        .with_stride([stride, stride])
        .with_padding(PaddingConfig2d::Explicit(kernel / 2, kernel / 2, kernel / 2, kernel / 2))
        .with_bias(false)
        .with_initializer(initializer)
        .init(device)
}

fn average_pool(stride: usize) -> AvgPool2d {
    AvgPool2dConfig::new([stride, stride]).with_strides([stride, stride]).init()
}
