//! The operations on Burn's CPU backend, in single precision; in other precisions they are the backend's own.

mod convolution;
mod interpolation;
mod matrix;
mod normalization;
mod parallel;
mod rectifier;
mod winograd;

use burn::backend::flex::FlexTensor;
use burn::backend::ops::{ActivationOps, FloatTensorOps, ModuleOps};
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{DType, TensorData};

use super::backend::{
    Kernels, bilinear, options, own_normalize, own_normalize_batch, own_normalize_batch_gradients,
    own_resize_gradient,
};

impl Kernels for Flex {
    fn convolve(
        input: FlexTensor,
        weight: FlexTensor,
        stride: usize,
        padding: usize,
    ) -> FlexTensor {
        let Some(shape) = shape(&input, &weight, stride, padding) else {
            return Self::conv2d(input, weight, None, options(stride, padding));
        };
        let (input, weight) = (input.to_contiguous(), weight.to_contiguous());
        let output = convolution::forward(&shape, values(&input), values(&weight));
        let [rows, columns] = shape.output();
        tensor(output, [shape.batch, shape.outputs, rows, columns])
    }

    fn convolve_input_gradient(
        input: FlexTensor,
        weight: FlexTensor,
        gradient: FlexTensor,
        stride: usize,
        padding: usize,
    ) -> FlexTensor {
        let Some(shape) = shape(&input, &weight, stride, padding) else {
            return Self::conv2d_x_backward(input, weight, gradient, options(stride, padding));
        };
        let (weight, gradient) = (weight.to_contiguous(), gradient.to_contiguous());
        let output = convolution::input_gradient(&shape, values(&weight), values(&gradient));
        tensor(output, [shape.batch, shape.inputs, shape.height, shape.width])
    }

    fn convolve_weight_gradient(
        input: FlexTensor,
        weight: FlexTensor,
        gradient: FlexTensor,
        stride: usize,
        padding: usize,
    ) -> FlexTensor {
        let Some(shape) = shape(&input, &weight, stride, padding) else {
            return Self::conv2d_weight_backward(input, weight, gradient, options(stride, padding));
        };
        let (input, gradient) = (input.to_contiguous(), gradient.to_contiguous());
        let output = convolution::weight_gradient(&shape, values(&input), values(&gradient));
        let [down, right] = shape.kernel;
        tensor(output, [shape.outputs, shape.inputs, down, right])
    }

    fn normalize(
        input: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        mean: FlexTensor,
        variance: FlexTensor,
        epsilon: f64,
        relu: bool,
    ) -> FlexTensor {
        let Some(extent) = extent(&input, &gamma) else {
            return own_normalize::<Self>(input, gamma, beta, mean, variance, epsilon, relu);
        };
        let input = input.to_contiguous();
        let channels = [gamma, beta, mean, variance].map(|channel| channel.to_contiguous());
        let [gamma, beta, mean, variance] = channels.each_ref().map(values);
        let affine = normalization::Affine::new(gamma, beta, mean, variance, epsilon);
        tensor(affine.apply(extent, values(&input), relu), input.shape().dims::<4>())
    }

    fn normalize_batch(
        input: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        epsilon: f64,
        relu: bool,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let Some(extent) = extent(&input, &gamma) else {
            return own_normalize_batch::<Self>(input, gamma, beta, epsilon, relu);
        };
        let [input, gamma, beta] = [input, gamma, beta].map(|tensor| tensor.to_contiguous());
        let (mean, variance) = normalization::statistics(extent, values(&input));
        let affine =
            normalization::Affine::new(values(&gamma), values(&beta), &mean, &variance, epsilon);
        let output = affine.apply(extent, values(&input), relu);
        let channels = [extent.channels];
        let output = tensor(output, input.shape().dims::<4>());
        (output, tensor(mean, channels), tensor(variance, channels))
    }

    fn normalize_batch_gradients(
        input: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        mean: FlexTensor,
        variance: FlexTensor,
        gradient: FlexTensor,
        epsilon: f64,
        relu: bool,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let [input, gamma, beta, mean, variance, gradient] =
            [input, gamma, beta, mean, variance, gradient].map(|tensor| tensor.to_contiguous());
        let Some(extent) = extent(&input, &gamma) else {
            return own_normalize_batch_gradients::<Self>(
                input, gamma, beta, mean, variance, gradient, epsilon, relu,
            );
        };
        let gradients = normalization::backward(
            extent,
            values(&input),
            values(&gamma),
            values(&beta),
            (values(&mean), values(&variance)),
            epsilon,
            relu,
            values(&gradient),
        );
        let channels = [extent.channels];
        (
            tensor(gradients.input, input.shape().dims::<4>()),
            tensor(gradients.gamma, channels),
            tensor(gradients.beta, channels),
        )
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
            return own_resize_gradient::<Self>(input, gradient, [rows, columns]);
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
        tensor(rectifier::add_relu(values(&a), values(&b)), a.shape().dims::<4>())
    }

    fn add_relu_gradient(output: FlexTensor, gradient: FlexTensor) -> FlexTensor {
        if output.dtype() != DType::F32 || gradient.dtype() != DType::F32 {
            return <Self as ActivationOps<Self>>::relu_backward(output, gradient);
        }
        let (output, gradient) = (output.to_contiguous(), gradient.to_contiguous());
        let result = rectifier::add_relu_gradient(values(&output), values(&gradient));
        tensor(result, output.shape().dims::<4>())
    }
}

/// The extent of a normalisation in single precision; other precisions are the backend's.
fn extent(input: &FlexTensor, gamma: &FlexTensor) -> Option<normalization::Extent> {
    if input.dtype() != DType::F32 || gamma.dtype() != DType::F32 {
        return None;
    }
    let [batch, channels, height, width] = input.shape().dims();
    Some(normalization::Extent { batch, channels, plane: height * width })
}

/// The shape of a convolution in single precision; other precisions are the backend's.
fn shape(
    input: &FlexTensor,
    weight: &FlexTensor,
    stride: usize,
    padding: usize,
) -> Option<convolution::Shape> {
    if input.dtype() != DType::F32 || weight.dtype() != DType::F32 {
        return None;
    }
    let [batch, inputs, height, width] = input.shape().dims();
    let [outputs, _, down, right] = weight.shape().dims();
    let kernel = [down, right];
    Some(convolution::Shape { batch, inputs, height, width, outputs, kernel, stride, padding })
}

fn values(contiguous: &FlexTensor) -> &[f32] {
    contiguous.as_slice().expect("contiguous, of single precision")
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}
