//! The operations as a backend has them; its own are the default.

use burn::backend::ops::{ConvOptions, InterpolateMode, InterpolateOptions};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, backend_extension};

/// The operations, for each backend. A backend's own are the default.
#[backend_extension(
    Flex,
    NdArray: cfg(feature = "ndarray"),
    Cube: cfg(feature = "gpu"),
    Fusion: cfg(feature = "gpu"),
    Autodiff: cfg(feature = "autodiff")
)]
pub trait Kernels: Backend {
    /// Convolution without bias.
    #[fusion(default)]
    fn convolve(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        stride: usize,
        padding: usize,
    ) -> FloatTensor<Self> {
        Self::conv2d(input, weight, None, options(stride, padding))
    }

    /// The gradient of [`Kernels::convolve`]'s input.
    #[fusion(default)]
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
    #[fusion(default)]
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
    #[fusion(default)]
    fn normalize(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        epsilon: f64,
        relu: bool,
    ) -> FloatTensor<Self> {
        let output = Self::batch_norm(input, gamma, beta, mean, variance, epsilon);
        if relu { Self::relu(output) } else { output }
    }

    /// As [`Kernels::normalize`] by the statistics of the batch itself: the output, their means, their variances.
    #[fusion(default)]
    fn normalize_batch(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        relu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let result = Self::batch_norm_train(input, gamma, beta, epsilon);
        let output = if relu { Self::relu(result.output) } else { result.output };
        (output, result.mean, result.variance)
    }

    /// The gradients of [`Kernels::normalize_batch`]'s input, γ and β.
    #[fusion(default)]
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
        let gradient = if relu {
            let output = Self::batch_norm(
                input.clone(),
                gamma.clone(),
                beta,
                mean.clone(),
                variance.clone(),
                epsilon,
            );
            Self::relu_backward(output, gradient)
        } else {
            gradient
        };
        let result =
            Self::batch_norm_train_backward(input, gamma, mean, variance, epsilon, gradient);
        (result.x_grad, result.gamma_grad, result.beta_grad)
    }

    /// Bilinear scaling to `rows × columns`, corners not aligned.
    #[fusion(default)]
    fn resize(input: FloatTensor<Self>, rows: usize, columns: usize) -> FloatTensor<Self> {
        Self::interpolate(input, [rows, columns], bilinear())
    }

    /// The gradient of [`Kernels::resize`]'s input.
    #[fusion(default)]
    fn resize_gradient(
        input: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        rows: usize,
        columns: usize,
    ) -> FloatTensor<Self> {
        Self::interpolate_backward(input, gradient, [rows, columns], bilinear())
    }

    /// max(a + b, 0), for tensors of one shape.
    #[fusion(default)]
    fn add_relu(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::relu(Self::float_add(a, b))
    }

    /// The gradient of either input of [`Kernels::add_relu`], which gave `output`.
    #[fusion(default)]
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
