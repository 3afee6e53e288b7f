//! The operations of this crate, built from a backend's own operations: for all backends except flex, and for all
//! precisions except `f32`.

use burn::backend::ops::{ConvOptions, InterpolateMode, InterpolateOptions};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::{Shape, TensorData};

use crate::activation::Activation;
use crate::bilinear::mixes;
use crate::padding::Padding;

pub(crate) fn bilinear() -> InterpolateOptions {
    InterpolateOptions::new(InterpolateMode::Bilinear).with_align_corners(false)
}

/// Burn's options of a convolution. The shapes tell the number of groups.
pub(crate) fn options<B: Backend>(
    input: &FloatTensor<B>,
    weight: &FloatTensor<B>,
    stride: usize,
    padding: Padding,
) -> ConvOptions<2> {
    let groups = input.shape()[1] / weight.shape()[1];
    let Padding { top, left, bottom, right } = padding;
    let padding = [(top, bottom), (left, right)];
    ConvOptions::new_with_padding([stride, stride], padding, [1, 1], groups)
}

fn activate<B: Backend>(tensor: FloatTensor<B>, activation: Activation) -> FloatTensor<B> {
    match activation {
        Activation::None => tensor,
        Activation::Relu => B::relu(tensor),
        Activation::Relu6 => B::float_clamp(tensor, 0.0.into(), 6.0.into()),
    }
}

/// The gradient before an activation. `result` is what was activated.
fn before_activation<B: Backend>(
    result: FloatTensor<B>,
    gradient: FloatTensor<B>,
    activation: Activation,
) -> FloatTensor<B> {
    match activation {
        Activation::None => gradient,
        Activation::Relu => B::relu_backward(result, gradient),
        Activation::Relu6 => {
            let below_six = B::float_add_scalar(B::float_neg(result.clone()), 6.0.into());
            B::relu_backward(below_six, B::relu_backward(result, gradient))
        }
    }
}

/// Batch normalisation with given statistics, then the activation.
///
/// - `input`, output: `[batch, channels, height, width]`, all others `[channels]`
pub fn batch_norm<B: Backend>(
    input: FloatTensor<B>,
    gamma: FloatTensor<B>,
    beta: FloatTensor<B>,
    mean: FloatTensor<B>,
    variance: FloatTensor<B>,
    epsilon: f64,
    activation: Activation,
) -> FloatTensor<B> {
    activate::<B>(B::batch_norm(input, gamma, beta, mean, variance, epsilon), activation)
}

/// The gradients of the input, γ and β of [`batch_norm`].
#[allow(clippy::too_many_arguments)] // The operation needs all of them.
pub fn batch_norm_gradients<B: Backend>(
    input: FloatTensor<B>,
    gamma: FloatTensor<B>,
    beta: FloatTensor<B>,
    mean: FloatTensor<B>,
    variance: FloatTensor<B>,
    gradient: FloatTensor<B>,
    epsilon: f64,
    activation: Activation,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let channels = gamma.shape()[0];
    let (of_channel, of_map) = (Shape::new([channels]), Shape::new([1, channels, 1, 1]));
    let spread = |channel| B::float_reshape(channel, of_map.clone());
    let total = |map| B::float_reshape(B::float_sum_dims(map, &[0, 2, 3]), of_channel.clone());
    let inverse = B::float_add_scalar(variance, epsilon.into());
    let inverse = spread(B::float_recip(B::float_sqrt(inverse)));
    let centred = B::float_sub(input, spread(mean));
    let normalized = B::float_mul(centred, inverse.clone());
    let scaled = B::float_mul(normalized.clone(), spread(gamma.clone()));
    let result = B::float_add(scaled, spread(beta));
    let gradient = before_activation::<B>(result, gradient, activation);
    let of_input = B::float_mul(gradient.clone(), B::float_mul(inverse, spread(gamma)));
    let of_gamma = total(B::float_mul(gradient.clone(), normalized));
    (of_input, of_gamma, total(gradient))
}

/// Batch normalisation with the batch's own statistics. Returns the output, the means and the variances.
///
/// - `input`, output: `[batch, channels, height, width]`, all others `[channels]`
pub fn batch_norm_train<B: Backend>(
    input: FloatTensor<B>,
    gamma: FloatTensor<B>,
    beta: FloatTensor<B>,
    epsilon: f64,
    activation: Activation,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let result = B::batch_norm_train(input, gamma, beta, epsilon);
    (activate::<B>(result.output, activation), result.mean, result.variance)
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
    activation: Activation,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let gradient = match activation {
        Activation::None => gradient,
        _ => {
            let statistics = (mean.clone(), variance.clone());
            let (input, gamma) = (input.clone(), gamma.clone());
            let result = B::batch_norm(input, gamma, beta, statistics.0, statistics.1, epsilon);
            before_activation::<B>(result, gradient, activation)
        }
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
