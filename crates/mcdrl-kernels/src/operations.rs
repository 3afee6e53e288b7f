//! The operations on Burn's tensors. They give the same results as Burn's own modules, on every backend.

use burn::backend::{Dispatch, DispatchTensor};
use burn::module::RunningState;
use burn::nn::conv::Conv2d;
use burn::nn::{BatchNorm, PaddingConfig2d};
use burn::tensor::Tensor;

use crate::activation::Activation;
use crate::backend::Kernels;
use crate::padding::Padding;

/// Convolution: the result of `layer.forward(input)`. Burn computes layers with dilation, uneven strides, or groups of several
/// channels.
///
/// - `input`: `[batch, inputs, height, width]`
/// - output: `[batch, outputs, rows, columns]`
pub fn convolve(layer: &Conv2d, input: Tensor<4>) -> Tensor<4> {
    let Some((stride, padding)) = plain(layer, &input) else {
        return layer.forward(input);
    };
    let output = Tensor::from_dispatch(<Dispatch as Kernels>::convolve(
        input.into_dispatch(),
        layer.weight.val().into_dispatch(),
        stride,
        padding,
    ));
    match &layer.bias {
        Some(bias) => output + bias.val().unsqueeze_dims::<4>(&[0, 2, 3]),
        None => output,
    }
}

/// Each output channel is a sum of the input channels: a convolution of single pixels.
///
/// - `map`: `[batch, inputs, rows, columns]`, `weight`: `[outputs, inputs]`
/// - output: `[batch, outputs, rows, columns]`
pub fn mix_channels(map: Tensor<4>, weight: Tensor<2>) -> Tensor<4> {
    let weight = weight.unsqueeze_dims::<4>(&[2, 3]);
    let (map, weight) = (map.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Kernels>::convolve(map, weight, 1, Padding::even(0)))
}

/// Convolution, batch normalisation, and an activation: the result of `norm.forward(layer.forward(input))` after the
/// activation.
///
/// - `input`: `[batch, inputs, height, width]`
/// - output: `[batch, outputs, rows, columns]`
pub fn convolve_norm(
    layer: &Conv2d,
    norm: &BatchNorm,
    activation: Activation,
    input: Tensor<4>,
) -> Tensor<4> {
    let learns = input.device().is_autodiff() && norm.training.is_enabled();
    let suited = plain(layer, &input).filter(|_| !learns && layer.bias.is_none());
    let Some((stride, padding)) = suited else {
        return batch_norm(norm, activation, convolve(layer, input));
    };
    let [mean, variance] = statistics(norm, &input);
    Tensor::from_dispatch(<Dispatch as Kernels>::convolve_norm(
        input.into_dispatch(),
        layer.weight.val().into_dispatch(),
        stride,
        padding,
        norm.gamma.val().into_dispatch(),
        norm.beta.val().into_dispatch(),
        mean,
        variance,
        norm.epsilon,
        activation,
    ))
}

/// The stride and the padding of a layer that [`Kernels::convolve`] can compute: without dilation, with equal strides, and with
/// one group or one for each channel.
fn plain(layer: &Conv2d, input: &Tensor<4>) -> Option<(usize, Padding)> {
    let [_, channels, height, width] = input.dims();
    let [stride, across] = layer.stride;
    let groups_suit = layer.groups == 1 || layer.weight.dims()[..2] == [channels, 1];
    if stride != across || layer.dilation != [1, 1] || !groups_suit {
        return None;
    }
    let padding = match layer.padding {
        PaddingConfig2d::Valid => Padding::even(0),
        PaddingConfig2d::Explicit(top, left, bottom, right) => Padding { top, left, bottom, right },
        PaddingConfig2d::Same => Padding::same(layer.kernel_size, stride, [height, width]),
    };
    Some((stride, padding))
}

/// Batch normalisation and an activation: the result of `layer.forward(input)` after the activation.
///
/// - `input`, output: `[batch, channels, height, width]`
pub fn batch_norm(layer: &BatchNorm, activation: Activation, input: Tensor<4>) -> Tensor<4> {
    let gamma = layer.gamma.val().into_dispatch();
    let beta = layer.beta.val().into_dispatch();
    if input.device().is_autodiff() && layer.training.is_enabled() {
        let (output, mean, variance) = <Dispatch as Kernels>::fused_batch_norm_train(
            input.into_dispatch(),
            gamma,
            beta,
            layer.epsilon,
            activation,
        );
        let follow = |state: &RunningState<Tensor<1>>, current: DispatchTensor| {
            let current = Tensor::<1>::from_dispatch(current).detach();
            let kept = state.value_sync().to_device(&current.device()) * (1.0 - layer.momentum);
            state.update((kept + current * layer.momentum).detach());
        };
        follow(&layer.running_mean, mean);
        follow(&layer.running_var, variance);
        return Tensor::from_dispatch(output);
    }
    let [mean, variance] = statistics(layer, &input);
    Tensor::from_dispatch(<Dispatch as Kernels>::fused_batch_norm(
        input.into_dispatch(),
        gamma,
        beta,
        mean,
        variance,
        layer.epsilon,
        activation,
    ))
}

/// The running mean and variance, on the device of `input`.
fn statistics(layer: &BatchNorm, input: &Tensor<4>) -> [DispatchTensor; 2] {
    [&layer.running_mean, &layer.running_var]
        .map(|state| state.value().to_device(&input.device()).into_dispatch())
}

/// Resizes a map bilinearly, corners not aligned.
///
/// - `map`: `[batch, channels, _, _]`
/// - output: `[batch, channels, rows, columns]`
pub fn resize(map: Tensor<4>, [rows, columns]: [usize; 2]) -> Tensor<4> {
    let [_, _, height, width] = map.dims();
    if [height, width] == [rows, columns] {
        return map;
    }
    Tensor::from_dispatch(<Dispatch as Kernels>::resize(map.into_dispatch(), rows, columns))
}

/// The end of a residual block: the result of `relu(a + b)`.
///
/// - `a`, `b`, output: `[batch, channels, height, width]`, all of one shape
///
/// # Panics
/// If the shapes differ.
pub fn add_relu(a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
    assert_eq!(a.dims(), b.dims(), "the shapes differ");
    Tensor::from_dispatch(<Dispatch as Kernels>::add_relu(a.into_dispatch(), b.into_dispatch()))
}
