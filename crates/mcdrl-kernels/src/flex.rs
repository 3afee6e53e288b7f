//! The operations on Burn's CPU backend in single precision. Other precisions use the backend's own operations.

use burn::backend::flex::FlexTensor;
use burn::backend::ops::{ActivationOps, FloatTensorOps, ModuleOps};
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{DType, TensorData};

use crate::activation::Activation;
use crate::backend::Kernels;
use crate::cpu::batch_norm::Statistics;
use crate::cpu::finish::Finish;
use crate::cpu::{ConvShape, batch_norm, convolution, depthwise, interpolation, residual};
use crate::fallback::{self, bilinear, options};
use crate::padding::Padding;

impl Kernels for Flex {
    fn convolve(
        input: FlexTensor,
        weight: FlexTensor,
        stride: usize,
        padding: Padding,
    ) -> FlexTensor {
        let Some((shape, depthwise)) = shape(&input, &weight, stride, padding) else {
            let options = options::<Self>(&input, &weight, stride, padding);
            return Self::conv2d(input, weight, None, options);
        };
        let (input, weight) = (input.to_contiguous(), weight.to_contiguous());
        let run = if depthwise { depthwise::forward } else { convolution::forward };
        let output = run(&shape, values(&input), values(&weight));
        let [rows, columns] = shape.output();
        tensor(output, [shape.batch, shape.outputs, rows, columns])
    }

    fn convolve_norm(
        input: FlexTensor,
        weight: FlexTensor,
        stride: usize,
        padding: Padding,
        gamma: FlexTensor,
        beta: FlexTensor,
        mean: FlexTensor,
        variance: FlexTensor,
        epsilon: f64,
        activation: Activation,
    ) -> FlexTensor {
        let found = shape(&input, &weight, stride, padding);
        let Some((shape, depthwise)) = found.filter(|_| gamma.dtype() == DType::F32) else {
            let map = Self::convolve(input, weight, stride, padding);
            return fallback::batch_norm::<Self>(
                map, gamma, beta, mean, variance, epsilon, activation,
            );
        };
        let (input, weight) = (input.to_contiguous(), weight.to_contiguous());
        let finish = finish([gamma, beta, mean, variance], epsilon, activation);
        let run =
            if depthwise { depthwise::forward_finished } else { convolution::forward_finished };
        let output = run(&shape, values(&input), values(&weight), &finish);
        let [rows, columns] = shape.output();
        tensor(output, [shape.batch, shape.outputs, rows, columns])
    }

    fn convolve_input_gradient(
        input: FlexTensor,
        weight: FlexTensor,
        gradient: FlexTensor,
        stride: usize,
        padding: Padding,
    ) -> FlexTensor {
        let Some((shape, depthwise)) = shape(&input, &weight, stride, padding) else {
            let options = options::<Self>(&input, &weight, stride, padding);
            return Self::conv2d_x_backward(input, weight, gradient, options);
        };
        let (weight, gradient) = (weight.to_contiguous(), gradient.to_contiguous());
        let run = if depthwise { depthwise::input_gradient } else { convolution::input_gradient };
        let output = run(&shape, values(&weight), values(&gradient));
        tensor(output, [shape.batch, shape.inputs, shape.height, shape.width])
    }

    fn convolve_weight_gradient(
        input: FlexTensor,
        weight: FlexTensor,
        gradient: FlexTensor,
        stride: usize,
        padding: Padding,
    ) -> FlexTensor {
        let Some((shape, depthwise)) = shape(&input, &weight, stride, padding) else {
            let options = options::<Self>(&input, &weight, stride, padding);
            return Self::conv2d_weight_backward(input, weight, gradient, options);
        };
        let (input, gradient) = (input.to_contiguous(), gradient.to_contiguous());
        let run = if depthwise { depthwise::weight_gradient } else { convolution::weight_gradient };
        let output = run(&shape, values(&input), values(&gradient));
        tensor(output, weight.shape().dims::<4>())
    }

    fn fused_batch_norm(
        input: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        mean: FlexTensor,
        variance: FlexTensor,
        epsilon: f64,
        activation: Activation,
    ) -> FlexTensor {
        let Some(extent) = extent(&input, &gamma) else {
            return fallback::batch_norm::<Self>(
                input, gamma, beta, mean, variance, epsilon, activation,
            );
        };
        let input = input.to_contiguous();
        let finish = finish([gamma, beta, mean, variance], epsilon, activation);
        let output = batch_norm::forward(extent, values(&input), &finish);
        tensor(output, input.shape().dims::<4>())
    }

    fn fused_batch_norm_gradients(
        input: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        mean: FlexTensor,
        variance: FlexTensor,
        gradient: FlexTensor,
        epsilon: f64,
        activation: Activation,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        if extent(&input, &gamma).is_none() {
            return fallback::batch_norm_gradients::<Self>(
                input, gamma, beta, mean, variance, gradient, epsilon, activation,
            );
        }
        let tensors = [input, gamma, beta, mean, variance, gradient];
        gradients(tensors, Statistics::Given, epsilon, activation)
    }

    fn fused_batch_norm_train(
        input: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        epsilon: f64,
        activation: Activation,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let Some(extent) = extent(&input, &gamma) else {
            return fallback::batch_norm_train::<Self>(input, gamma, beta, epsilon, activation);
        };
        let [input, gamma, beta] = [input, gamma, beta].map(|tensor| tensor.to_contiguous());
        let (mean, variance) = batch_norm::statistics(extent, values(&input));
        let of_batch = (&mean[..], &variance[..]);
        let finish = Finish::of_norm(values(&gamma), values(&beta), of_batch, epsilon, activation);
        let output = batch_norm::forward(extent, values(&input), &finish);
        let channels = [extent.channels];
        let output = tensor(output, input.shape().dims::<4>());
        (output, tensor(mean, channels), tensor(variance, channels))
    }

    fn fused_batch_norm_train_gradients(
        input: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        mean: FlexTensor,
        variance: FlexTensor,
        gradient: FlexTensor,
        epsilon: f64,
        activation: Activation,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        if extent(&input, &gamma).is_none() {
            return fallback::batch_norm_train_gradients::<Self>(
                input, gamma, beta, mean, variance, gradient, epsilon, activation,
            );
        }
        let tensors = [input, gamma, beta, mean, variance, gradient];
        gradients(tensors, Statistics::OfBatch, epsilon, activation)
    }

    fn resize(input: FlexTensor, rows: usize, columns: usize) -> FlexTensor {
        if input.dtype() != DType::F32 {
            return Self::interpolate(input, [rows, columns], bilinear());
        }
        let [batch, channels, height, width] = input.shape().dims();
        let input = input.to_contiguous();
        let output = interpolation::resize(values(&input), [height, width], [rows, columns]);
        tensor(output, [batch, channels, rows, columns])
    }

    fn resize_gradient(
        input: FlexTensor,
        gradient: FlexTensor,
        rows: usize,
        columns: usize,
    ) -> FlexTensor {
        if gradient.dtype() != DType::F32 {
            return fallback::resize_gradient::<Self>(input, gradient, [rows, columns]);
        }
        let shape = input.shape().dims::<4>();
        let gradient = gradient.to_contiguous();
        let from = [shape[2], shape[3]];
        tensor(interpolation::resize_gradient(values(&gradient), from, [rows, columns]), shape)
    }

    fn add_relu(a: FlexTensor, b: FlexTensor) -> FlexTensor {
        if a.dtype() != DType::F32 || b.dtype() != DType::F32 {
            return <Self as ActivationOps<Self>>::relu(Self::float_add(a, b));
        }
        let (a, b) = (a.to_contiguous(), b.to_contiguous());
        tensor(residual::add_relu(values(&a), values(&b)), a.shape().dims::<4>())
    }

    fn add_relu_gradient(output: FlexTensor, gradient: FlexTensor) -> FlexTensor {
        if output.dtype() != DType::F32 || gradient.dtype() != DType::F32 {
            return <Self as ActivationOps<Self>>::relu_backward(output, gradient);
        }
        let (output, gradient) = (output.to_contiguous(), gradient.to_contiguous());
        let result = residual::add_relu_gradient(values(&output), values(&gradient));
        tensor(result, output.shape().dims::<4>())
    }
}

/// The gradients of the input, γ and β of a batch normalisation.
///
/// - `tensors`: input, γ, β, mean, variance, and the gradient of the output
fn gradients(
    tensors: [FlexTensor; 6],
    statistics: Statistics,
    epsilon: f64,
    activation: Activation,
) -> (FlexTensor, FlexTensor, FlexTensor) {
    let [input, gamma, beta, mean, variance, gradient] =
        tensors.map(|tensor| tensor.to_contiguous());
    let extent = extent(&input, &gamma).expect("the caller checked the precision");
    let gradients = batch_norm::backward(
        extent,
        values(&input),
        values(&gamma),
        values(&beta),
        (values(&mean), values(&variance)),
        statistics,
        epsilon,
        activation,
        values(&gradient),
    );
    let channels = [extent.channels];
    (
        tensor(gradients.input, input.shape().dims::<4>()),
        tensor(gradients.gamma, channels),
        tensor(gradients.beta, channels),
    )
}

/// What a normalisation does to each channel.
///
/// - `channels`: γ, β, mean and variance
fn finish(channels: [FlexTensor; 4], epsilon: f64, activation: Activation) -> Finish {
    let channels = channels.map(|channel| channel.to_contiguous());
    let [gamma, beta, mean, variance] = channels.each_ref().map(values);
    Finish::of_norm(gamma, beta, (mean, variance), epsilon, activation)
}

/// The extent of a batch normalisation; `None` for precisions other than `f32`.
fn extent(input: &FlexTensor, gamma: &FlexTensor) -> Option<batch_norm::Extent> {
    if input.dtype() != DType::F32 || gamma.dtype() != DType::F32 {
        return None;
    }
    let [batch, channels, height, width] = input.shape().dims();
    Some(batch_norm::Extent { batch, channels, plane: height * width })
}

/// The sizes of a convolution and whether it is depthwise; `None` for what these kernels lack: precisions other than `f32`,
/// and groups of several channels.
fn shape(
    input: &FlexTensor,
    weight: &FlexTensor,
    stride: usize,
    padding: Padding,
) -> Option<(ConvShape, bool)> {
    let [batch, inputs, height, width] = input.shape().dims();
    let [outputs, own, down, right] = weight.shape().dims();
    let depthwise = own == 1 && inputs == outputs && inputs > 1;
    if input.dtype() != DType::F32 || weight.dtype() != DType::F32 || !(depthwise || own == inputs)
    {
        return None;
    }
    let kernel = [down, right];
    let shape = ConvShape { batch, inputs, height, width, outputs, kernel, stride, padding };
    Some((shape, depthwise))
}

fn values(contiguous: &FlexTensor) -> &[f32] {
    contiguous.as_slice().expect("the tensor is contiguous and f32")
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}
