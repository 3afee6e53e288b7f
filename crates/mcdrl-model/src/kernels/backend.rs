//! The operations as a backend has them; its own are the default.

use burn::backend::ops::{ConvOptions, InterpolateMode, InterpolateOptions};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata, backend_extension};
use burn::tensor::{Shape, TensorData};

use super::axis::Axis;

/// The operations, for each backend. A backend's own are the default.
#[backend_extension(
    Flex: cfg(feature = "flex"),
    NdArray: cfg(feature = "ndarray"),
    Cube: cfg(feature = "gpu"),
    Autodiff: cfg(feature = "autodiff")
)]
pub trait Kernels: Backend {
    /// Convolution without bias.
    fn convolve(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        stride: usize,
        padding: usize,
    ) -> FloatTensor<Self> {
        Self::conv2d(input, weight, None, options(stride, padding))
    }

    /// The gradient of [`Kernels::convolve`]'s input.
    fn convolve_input_gradient(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        stride: usize,
        padding: usize,
    ) -> FloatTensor<Self> {
        Self::conv2d_x_backward(input, weight, gradient, options(stride, padding))
    }

    /// The gradient of [`Kernels::convolve`]'s weight.
    fn convolve_weight_gradient(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        stride: usize,
        padding: usize,
    ) -> FloatTensor<Self> {
        Self::conv2d_weight_backward(input, weight, gradient, options(stride, padding))
    }

    /// Batch normalisation by given statistics, and a ReLU if `relu` is set.
    fn normalize(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        epsilon: f64,
        relu: bool,
    ) -> FloatTensor<Self> {
        own_normalize::<Self>(input, gamma, beta, mean, variance, epsilon, relu)
    }

    /// As [`Kernels::normalize`] by the statistics of the batch itself: the output, their means, their variances.
    fn normalize_batch(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        relu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        own_normalize_batch::<Self>(input, gamma, beta, epsilon, relu)
    }

    /// The gradients of [`Kernels::normalize_batch`]'s input, γ and β.
    #[allow(clippy::too_many_arguments)] // The operation has them.
    fn normalize_batch_gradients(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        epsilon: f64,
        relu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        own_normalize_batch_gradients::<Self>(
            input, gamma, beta, mean, variance, gradient, epsilon, relu,
        )
    }

    /// Bilinear scaling to `rows × columns`, corners not aligned.
    fn resize(input: FloatTensor<Self>, rows: usize, columns: usize) -> FloatTensor<Self> {
        Self::interpolate(input, [rows, columns], bilinear())
    }

    /// The gradient of [`Kernels::resize`]'s input.
    fn resize_gradient(
        input: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        rows: usize,
        columns: usize,
    ) -> FloatTensor<Self> {
        own_resize_gradient::<Self>(input, gradient, [rows, columns])
    }

    /// max(a + b, 0), for tensors of one shape.
    fn add_relu(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::relu(Self::float_add(a, b))
    }

    /// The gradient of either input of [`Kernels::add_relu`], which gave `output`.
    fn add_relu_gradient(
        output: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        Self::relu_backward(output, gradient)
    }
}

#[cfg(feature = "ndarray")]
impl Kernels for burn::backend::NdArray {}

#[cfg(feature = "gpu")]
impl Kernels for burn::backend::Cube {}

pub(super) fn bilinear() -> InterpolateOptions {
    InterpolateOptions::new(InterpolateMode::Bilinear).with_align_corners(false)
}

pub(super) fn options(stride: usize, padding: usize) -> ConvOptions<2> {
    ConvOptions::new([stride, stride], [padding, padding], [1, 1], 1)
}

/// [`Kernels::normalize`] out of a backend's own operations.
pub(super) fn own_normalize<B: Backend>(
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

/// [`Kernels::normalize_batch`] out of a backend's own operations.
pub(super) fn own_normalize_batch<B: Backend>(
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

/// [`Kernels::normalize_batch_gradients`] out of a backend's own operations.
#[allow(clippy::too_many_arguments)] // The operation has them.
pub(super) fn own_normalize_batch_gradients<B: Backend>(
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

/// [`Kernels::resize_gradient`] as products of matrices: CubeCL's backends have no gradient of a bilinear scaling.
pub(super) fn own_resize_gradient<B: Backend>(
    input: FloatTensor<B>,
    gradient: FloatTensor<B>,
    [rows, columns]: [usize; 2],
) -> FloatTensor<B> {
    let [batch, channels, height, width] = input.shape().dims();
    let (device, dtype) = (gradient.device(), gradient.dtype());
    // Scales the last axis back: `[.., to]` × `[to, from]`.
    let along = |map: FloatTensor<B>, from: usize, to: usize| {
        let length = map.shape().num_elements() / to;
        let matrix = TensorData::new(Axis::new(from, to).matrix(), [to, from]);
        let matrix = B::float_from_data(matrix.convert_dtype(dtype), &device);
        B::float_matmul(B::float_reshape(map, Shape::new([length, to])), matrix)
    };
    let across = along(gradient, width, columns);
    let across = B::float_reshape(across, Shape::new([batch, channels, rows, width]));
    let down = along(B::float_swap_dims(across, 2, 3), height, rows);
    let down = B::float_reshape(down, Shape::new([batch, channels, width, height]));
    B::float_swap_dims(down, 2, 3)
}
