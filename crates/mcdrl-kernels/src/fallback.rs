//! The operations of this crate, built from a backend's own operations: for all backends except flex, and for all
//! precisions except `f32`.

use burn::backend::ops::{ConvOptions, InterpolateMode, InterpolateOptions};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::{Shape, TensorData};

use crate::bilinear::mixes;

pub(crate) fn bilinear() -> InterpolateOptions {
    InterpolateOptions::new(InterpolateMode::Bilinear).with_align_corners(false)
}

pub(crate) fn options(stride: usize, padding: usize) -> ConvOptions<2> {
    ConvOptions::new([stride, stride], [padding, padding], [1, 1], 1)
}

/// Batch normalisation with given statistics, then a ReLU if `relu` is set.
///
/// - `input`, output: `[batch, channels, height, width]`, all others `[channels]`
pub fn batch_norm<B: Backend>(
    input: FloatTensor<B>,
    gamma: FloatTensor<B>,
    beta: FloatTensor<B>,
    mean: FloatTensor<B>,
    variance: FloatTensor<B>,
    epsilon: f64,
    relu: bool,
) -> FloatTensor<B> {
    let output = B::batch_norm(input, gamma, beta, mean, variance, epsilon);
    if relu { B::relu(output) } else { output }
}

/// Batch normalisation with the batch's own statistics. Returns the output, the means and the variances.
///
/// - `input`, output: `[batch, channels, height, width]`, all others `[channels]`
pub fn batch_norm_train<B: Backend>(
    input: FloatTensor<B>,
    gamma: FloatTensor<B>,
    beta: FloatTensor<B>,
    epsilon: f64,
    relu: bool,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let result = B::batch_norm_train(input, gamma, beta, epsilon);
    let output = if relu { B::relu(result.output) } else { result.output };
    (output, result.mean, result.variance)
}

/// The gradients of the input, γ and β of [`batch_norm_train`].
#[allow(clippy::too_many_arguments)] // The operation needs all of them.
pub fn batch_norm_train_gradients<B: Backend>(
    input: FloatTensor<B>,
    gamma: FloatTensor<B>,
    beta: FloatTensor<B>,
    mean: FloatTensor<B>,
    variance: FloatTensor<B>,
    gradient: FloatTensor<B>,
    epsilon: f64,
    relu: bool,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let gradient = if relu {
        let statistics = (mean.clone(), variance.clone());
        let (input, gamma) = (input.clone(), gamma.clone());
        let output = B::batch_norm(input, gamma, beta, statistics.0, statistics.1, epsilon);
        B::relu_backward(output, gradient)
    } else {
        gradient
    };
    let result = B::batch_norm_train_backward(input, gamma, mean, variance, epsilon, gradient);
    (result.x_grad, result.gamma_grad, result.beta_grad)
}

/// The gradient of the input of a bilinear resizing, as matrix products, because CubeCL's backends lack it.
///
/// - `input`: `[batch, channels, _, _]`, `gradient` of the output: `[batch, channels, rows, columns]`
pub fn resize_gradient<B: Backend>(
    input: FloatTensor<B>,
    gradient: FloatTensor<B>,
    [rows, columns]: [usize; 2],
) -> FloatTensor<B> {
    let [batch, channels, height, width] = input.shape().dims();
    let (device, dtype) = (gradient.device(), gradient.dtype());
    // Maps the last axis back: `[.., to]` × `[to, from]`.
    let along = |map: FloatTensor<B>, from: usize, to: usize| {
        let length = map.shape().num_elements() / to;
        let matrix = TensorData::new(resizing(from, to), [to, from]);
        let matrix = B::float_from_data(matrix.convert_dtype(dtype), &device);
        B::float_matmul(B::float_reshape(map, Shape::new([length, to])), matrix)
    };
    let across = along(gradient, width, columns);
    let across = B::float_reshape(across, Shape::new([batch, channels, rows, width]));
    let down = along(B::float_swap_dims(across, 2, 3), height, rows);
    let down = B::float_reshape(down, Shape::new([batch, channels, width, height]));
    B::float_swap_dims(down, 2, 3)
}

/// Bilinear resizing along one axis as a row-major matrix: `[to, from]`.
fn resizing(from: usize, to: usize) -> Vec<f32> {
    let mut matrix = vec![0.0; to * from];
    for (row, (first, second, share)) in mixes(from, to).into_iter().enumerate() {
        matrix[row * from + first] += 1.0 - share;
        matrix[row * from + second] += share;
    }
    matrix
}
