//! The operations as a backend trait. By default a backend computes them with its own operations ([`fallback`]).

#![cfg_attr(feature = "ndarray", allow(deprecated))] // Burn deprecates the ndarray backend.
// Without a backend, nothing computes.
#![cfg_attr(
    not(any(feature = "flex", feature = "gpu", feature = "cuda", feature = "ndarray")),
    allow(unused_variables)
)]

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, backend_extension};

use crate::activation::Activation;
use crate::fallback::{self, bilinear, options};
use crate::padding::Padding;

/// The operations of this crate, for each backend.
#[cfg_attr(not(feature = "autodiff"), allow(dead_code))] // Only training needs the gradients.
#[backend_extension(
    Flex: cfg(feature = "flex"),
    NdArray: cfg(feature = "ndarray"),
    Cube: cfg(any(feature = "gpu", feature = "cuda")),
    Autodiff: cfg(feature = "autodiff")
)]
pub trait Kernels: Backend {
    /// Convolution without bias. A weight `[C, 1, kernel, kernel]` for an input of C channels is depthwise.
    fn convolve(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        stride: usize,
        padding: Padding,
    ) -> FloatTensor<Self> {
        let options = options::<Self>(&input, &weight, stride, padding);
        Self::conv2d(input, weight, None, options)
    }

    /// Convolution, batch normalisation with given statistics, and the activation.
    #[allow(clippy::too_many_arguments)] // The operation needs all of them.
    fn convolve_norm(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        stride: usize,
        padding: Padding,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        epsilon: f64,
        activation: Activation,
    ) -> FloatTensor<Self> {
        let map = Self::convolve(input, weight, stride, padding);
        Self::fused_batch_norm(map, gamma, beta, mean, variance, epsilon, activation)
    }

    /// The gradient of the input of [`Kernels::convolve`].
    fn convolve_input_gradient(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        stride: usize,
        padding: Padding,
    ) -> FloatTensor<Self> {
        let options = options::<Self>(&input, &weight, stride, padding);
        Self::conv2d_x_backward(input, weight, gradient, options)
    }

    /// The gradient of the weight of [`Kernels::convolve`].
    fn convolve_weight_gradient(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        stride: usize,
        padding: Padding,
    ) -> FloatTensor<Self> {
        let options = options::<Self>(&input, &weight, stride, padding);
        Self::conv2d_weight_backward(input, weight, gradient, options)
    }

    /// Batch normalisation with given statistics, then the activation.
    fn fused_batch_norm(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        epsilon: f64,
        activation: Activation,
    ) -> FloatTensor<Self> {
        fallback::batch_norm::<Self>(input, gamma, beta, mean, variance, epsilon, activation)
    }

    /// The gradients of the input, γ and β of [`Kernels::fused_batch_norm`].
    #[allow(clippy::too_many_arguments)] // The operation needs all of them.
    fn fused_batch_norm_gradients(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        epsilon: f64,
        activation: Activation,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        fallback::batch_norm_gradients::<Self>(
            input, gamma, beta, mean, variance, gradient, epsilon, activation,
        )
    }

    /// As [`Kernels::fused_batch_norm`] with the statistics of the batch. Returns the output, the means and the variances.
    fn fused_batch_norm_train(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        activation: Activation,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        fallback::batch_norm_train::<Self>(input, gamma, beta, epsilon, activation)
    }

    /// The gradients of the input, γ and β of [`Kernels::fused_batch_norm_train`].
    #[allow(clippy::too_many_arguments)] // The operation needs all of them.
    fn fused_batch_norm_train_gradients(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        epsilon: f64,
        activation: Activation,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        fallback::batch_norm_train_gradients::<Self>(
            input, gamma, beta, mean, variance, gradient, epsilon, activation,
        )
    }

    /// Bilinear resizing to `rows × columns`, corners not aligned.
    fn resize(input: FloatTensor<Self>, rows: usize, columns: usize) -> FloatTensor<Self> {
        Self::interpolate(input, [rows, columns], bilinear())
    }

    /// The gradient of the input of [`Kernels::resize`].
    fn resize_gradient(
        input: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        rows: usize,
        columns: usize,
    ) -> FloatTensor<Self> {
        fallback::resize_gradient::<Self>(input, gradient, [rows, columns])
    }

    /// max(a + b, 0), for tensors of the same shape.
    fn add_relu(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::relu(Self::float_add(a, b))
    }

    /// The gradient of either input of [`Kernels::add_relu`], whose result was `output`.
    fn add_relu_gradient(
        output: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        Self::relu_backward(output, gradient)
    }
}

#[cfg(feature = "ndarray")]
#[allow(deprecated)] // Burn deprecates this backend; it stays for parity tests.
impl Kernels for burn::backend::NdArray {}

#[cfg(any(feature = "gpu", feature = "cuda"))]
impl Kernels for burn::backend::Cube {}
