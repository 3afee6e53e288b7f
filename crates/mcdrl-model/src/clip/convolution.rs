//! The convolutions of the residual encoders.

use burn::nn::Initializer;
use burn::nn::PaddingConfig2d;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::Device;

/// A square convolution without bias, padded by half its kernel.
pub fn convolution(
    inputs: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
    device: &Device,
) -> Conv2d {
    // He initialisation, because a ReLU follows every convolution except the last of a block.
    let initializer = Initializer::KaimingNormal { gain: 2.0f64.sqrt(), fan_out_only: false };
    Conv2dConfig::new([inputs, outputs], [kernel, kernel])
        .with_stride([stride, stride])
        .with_padding(PaddingConfig2d::Explicit(kernel / 2, kernel / 2, kernel / 2, kernel / 2))
        .with_bias(false)
        .with_initializer(initializer)
        .init(device)
}
