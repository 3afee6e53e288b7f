//! Operations that Burn's CPU backend does less well than it could: convolution, batch normalisation, scaling and the
//! end of a residual block, forward and backward.
//!
//! Flex computes the gradient of a convolution's weights as a convolution with kernels as large as the image, lays
//! out every input anew, and normalises by a dozen passes over memory on one thread. Here convolutions are products of
//! matrices and the rest is a pass or two, on all threads. Other backends keep their own.

mod convolution;
#[cfg(feature = "autodiff")]
mod gradients;
mod interpolation;
mod matrix;
mod normalization;
mod parallel;
mod rectifier;

use burn::backend::flex::FlexTensor;
use burn::backend::ops::{
    ActivationOps, ConvOptions, FloatTensorOps, InterpolateMode, InterpolateOptions, ModuleOps,
};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, DispatchTensor, Flex, TensorMetadata, backend_extension};
use burn::module::RunningState;
use burn::nn::conv::Conv2d;
use burn::nn::{BatchNorm, PaddingConfig2d};
use burn::tensor::{DType, Tensor, TensorData};

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

/// What `layer.forward(input)` gives.
///
/// - `input`: `[batch, inputs, height, width]`
/// - output: `[batch, outputs, rows, columns]`
pub fn convolve(layer: &Conv2d, input: Tensor<4>) -> Tensor<4> {
    let padding = match &layer.padding {
        PaddingConfig2d::Valid => Some(0),
        PaddingConfig2d::Explicit(top, left, bottom, right) => {
            [left, bottom, right].iter().all(|side| *side == top).then_some(*top)
        }
        PaddingConfig2d::Same => None,
    };
    let [stride, across] = layer.stride;
    let is_plain = stride == across && layer.dilation == [1, 1] && layer.groups == 1;
    let Some(padding) = padding.filter(|_| is_plain) else { return layer.forward(input) };
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

/// What `layer.forward(input)` gives.
///
/// - `input`, output: `[batch, channels, height, width]`
pub fn normalize(layer: &BatchNorm, input: Tensor<4>) -> Tensor<4> {
    batch_norm(layer, input, false)
}

/// What `relu(layer.forward(input))` gives.
///
/// - `input`, output: `[batch, channels, height, width]`
pub fn normalize_relu(layer: &BatchNorm, input: Tensor<4>) -> Tensor<4> {
    batch_norm(layer, input, true)
}

fn batch_norm(layer: &BatchNorm, input: Tensor<4>, relu: bool) -> Tensor<4> {
    let gamma = layer.gamma.val().into_dispatch();
    let beta = layer.beta.val().into_dispatch();
    if input.device().is_autodiff() && layer.training.is_enabled() {
        let (output, mean, variance) = <Dispatch as Kernels>::normalize_batch(
            input.into_dispatch(),
            gamma,
            beta,
            layer.epsilon,
            relu,
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
    let statistic =
        |state: &RunningState<Tensor<1>>| state.value().to_device(&input.device()).into_dispatch();
    let (mean, variance) = (statistic(&layer.running_mean), statistic(&layer.running_var));
    Tensor::from_dispatch(<Dispatch as Kernels>::normalize(
        input.into_dispatch(),
        gamma,
        beta,
        mean,
        variance,
        layer.epsilon,
        relu,
    ))
}

/// A map scaled bilinearly, corners not aligned.
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

/// What `relu(a + b)` gives, for tensors of one shape.
pub fn add_relu(a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
    assert_eq!(a.dims(), b.dims(), "both must have one shape");
    Tensor::from_dispatch(<Dispatch as Kernels>::add_relu(a.into_dispatch(), b.into_dispatch()))
}

fn bilinear() -> InterpolateOptions {
    InterpolateOptions::new(InterpolateMode::Bilinear).with_align_corners(false)
}

fn options(stride: usize, padding: usize) -> ConvOptions<2> {
    ConvOptions::new([stride, stride], [padding, padding], [1, 1], 1)
}

#[cfg(feature = "ndarray")]
impl Kernels for burn::backend::NdArray {}

#[cfg(feature = "gpu")]
impl Kernels for burn::backend::Cube {}

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
            let output = Self::batch_norm(input, gamma, beta, mean, variance, epsilon);
            return if relu { <Self as ActivationOps<Self>>::relu(output) } else { output };
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
            let result = Self::batch_norm_train(input, gamma, beta, epsilon);
            let output = result.output;
            let output = if relu { <Self as ActivationOps<Self>>::relu(output) } else { output };
            return (output, result.mean, result.variance);
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
            let output = Self::batch_norm(
                input.clone(),
                gamma.clone(),
                beta,
                mean.clone(),
                variance.clone(),
                epsilon,
            );
            let gradient = if relu {
                <Self as ActivationOps<Self>>::relu_backward(output, gradient)
            } else {
                gradient
            };
            let result =
                Self::batch_norm_train_backward(input, gamma, mean, variance, epsilon, gradient);
            return (result.x_grad, result.gamma_grad, result.beta_grad);
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
            return Self::interpolate_backward(input, gradient, [rows, columns], bilinear());
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

#[cfg(all(test, feature = "autodiff"))]
mod tests {
    use burn::module::{Module, Param};
    use burn::nn::BatchNormConfig;
    use burn::nn::conv::Conv2dConfig;
    use burn::tensor::activation::relu;
    use burn::tensor::ops::{InterpolateMode, InterpolateOptions};
    use burn::tensor::{Device, Distribution};

    use super::*;

    fn random<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
        Tensor::random(shape, Distribution::Normal(0.3, 1.0), device)
    }

    fn assert_same<const D: usize>(ours: Tensor<D>, burns: Tensor<D>, what: &str) {
        assert_eq!(ours.dims(), burns.dims(), "{what}");
        let scale: f32 = burns.clone().abs().max().into_scalar();
        let difference: f32 = (ours - burns).abs().max().into_scalar();
        assert!(difference <= 2e-5 * scale.max(1.0), "{what}: {difference} of {scale}");
    }

    /// Output, and gradients of input, weight and bias, for `run` on a fresh copy of the input.
    fn differentiate(
        layer: &Conv2d,
        input: &Tensor<4>,
        run: impl Fn(&Conv2d, Tensor<4>) -> Tensor<4>,
    ) -> (Tensor<4>, Tensor<4>, Tensor<4>, Option<Tensor<1>>) {
        let input = input.clone().require_grad();
        let output = run(layer, input.clone());
        // A different weight for every output, so that no gradient can hide in a sum.
        let ramp = Tensor::arange(0..output.shape().num_elements() as i64, &output.device());
        let ramp = (ramp.float() * 0.37).sin().reshape(output.dims());
        let gradients = (output.clone() * ramp).sum().backward();
        let bias = layer.bias.as_ref().and_then(|bias| bias.val().grad(&gradients));
        (
            output.inner(),
            input.grad(&gradients).expect("tracked"),
            layer.weight.val().grad(&gradients).expect("tracked"),
            bias,
        )
    }

    #[test]
    fn convolutions_and_their_gradients_are_burns() {
        let device = Device::flex().autodiff();
        // Batch, inputs, outputs, rows, columns, kernel, stride, padding, bias.
        let cases = [
            (1, 3, 8, 17, 13, 3, 1, 1, false),
            (5, 3, 8, 16, 16, 3, 2, 1, false),
            (3, 6, 4, 7, 9, 3, 1, 0, true),
            (2, 5, 7, 8, 8, 1, 1, 0, true),
            (2, 5, 7, 9, 8, 1, 2, 0, false),
            (4, 2, 3, 10, 11, 5, 3, 2, false),
            (2, 3, 4, 12, 12, 4, 4, 0, false),
            (1, 8, 16, 90, 130, 3, 1, 1, false),
            (2, 4, 6, 3, 2, 3, 1, 2, false),
            (1, 1, 1, 1, 1, 3, 1, 1, true),
        ];
        for case in cases {
            let (batch, inputs, outputs, rows, columns, kernel, stride, padding, bias) = case;
            let layer = Conv2dConfig::new([inputs, outputs], [kernel, kernel])
                .with_stride([stride, stride])
                .with_padding(PaddingConfig2d::Explicit(padding, padding, padding, padding))
                .with_bias(bias)
                .init(&device);
            let input = random([batch, inputs, rows, columns], &device);
            let ours = differentiate(&layer, &input, convolve);
            let burns = differentiate(&layer, &input, |layer, input| layer.forward(input));
            assert_same(ours.0, burns.0, &format!("{case:?} output"));
            assert_same(ours.1, burns.1, &format!("{case:?} input"));
            assert_same(ours.2, burns.2, &format!("{case:?} weight"));
            match (ours.3, burns.3) {
                (Some(ours), Some(burns)) => assert_same(ours, burns, &format!("{case:?} bias")),
                (ours, burns) => assert!(ours.is_none() && burns.is_none() && !bias),
            }
        }
    }

    #[test]
    fn what_the_kernels_leave_out_is_burns_own() {
        let device = Device::flex();
        let input = random([1, 4, 8, 8], &device);
        let layers = [
            Conv2dConfig::new([4, 4], [3, 3]).with_groups(2),
            Conv2dConfig::new([4, 4], [3, 3]).with_dilation([2, 2]),
            Conv2dConfig::new([4, 4], [3, 3]).with_padding(PaddingConfig2d::Same),
            Conv2dConfig::new([4, 4], [3, 3]).with_stride([1, 2]),
        ];
        for layer in layers {
            let layer = layer.init(&device);
            assert_same(convolve(&layer, input.clone()), layer.forward(input.clone()), "left out");
        }
    }

    #[test]
    fn scaling_and_its_gradient_are_burns() {
        let device = Device::flex().autodiff();
        for (from, to) in [([4, 5], [8, 10]), ([7, 3], [14, 9]), ([9, 8], [4, 3]), ([1, 1], [5, 2])]
        {
            let input = random([2, 3, from[0], from[1]], &device);
            let burns = |map| {
                let options = InterpolateOptions::new(InterpolateMode::Bilinear);
                let options = options.with_output_size(to).with_align_corners(false);
                burn::tensor::module::interpolate(map, options)
            };
            let run = |scale: &dyn Fn(Tensor<4>) -> Tensor<4>| {
                let input = input.clone().require_grad();
                let output = scale(input.clone());
                let ramp = Tensor::arange(0..output.shape().num_elements() as i64, &device);
                let ramp = (ramp.float() * 0.37).sin().reshape(output.dims());
                let gradients = (output.clone() * ramp).sum().backward();
                (output.inner(), input.grad(&gradients).expect("tracked"))
            };
            let (ours, burns) = (run(&|map| resize(map, to)), run(&burns));
            assert_same(ours.0, burns.0, &format!("{from:?} to {to:?}"));
            assert_same(ours.1, burns.1, &format!("gradient of {from:?} to {to:?}"));
        }
    }

    #[test]
    fn the_end_of_a_residual_block_is_burns() {
        let device = Device::flex().autodiff();
        let run = |add: &dyn Fn(Tensor<4>, Tensor<4>) -> Tensor<4>| {
            device.seed(3);
            let [a, b] = [(); 2].map(|()| random([3, 4, 40, 41], &device).require_grad());
            let output = add(a.clone(), b.clone());
            let ramp = Tensor::arange(0..output.shape().num_elements() as i64, &device);
            let ramp = (ramp.float() * 0.37).sin().reshape(output.dims());
            let gradients = (output.clone() * ramp).sum().backward();
            [output.inner(), a.grad(&gradients).unwrap(), b.grad(&gradients).unwrap()]
        };
        let burns = run(&|a, b| relu(a + b));
        for (ours, burns) in run(&add_relu).into_iter().zip(burns) {
            assert_same(ours, burns, "end of a block");
        }
    }

    #[test]
    fn normalisations_and_their_gradients_are_burns() {
        let device = Device::flex().autodiff();
        for (batch, channels, rows, columns) in [(3, 5, 7, 6), (1, 2, 40, 33), (8, 3, 1, 1)] {
            let input = random([batch, channels, rows, columns], &device);
            let uniform = || Tensor::random([channels], Distribution::Uniform(-0.5, 1.5), &device);
            let [gamma, beta] = [uniform(), uniform()];
            type Run = fn(&BatchNorm, Tensor<4>) -> Tensor<4>;
            let pairs: [(Run, Run); 2] = [
                (normalize, |layer, input| layer.forward(input)),
                (normalize_relu, |layer, input| relu(layer.forward(input))),
            ];
            for (ours, burns) in pairs {
                let results = [ours, burns].map(|run| {
                    // A copy would share its running statistics.
                    let mut layer = BatchNormConfig::new(channels).init(&device);
                    layer.gamma = Param::from_tensor(gamma.clone());
                    layer.beta = Param::from_tensor(beta.clone());
                    let input = input.clone().require_grad();
                    let output = run(&layer, input.clone());
                    let ramp = Tensor::arange(0..output.shape().num_elements() as i64, &device);
                    let ramp = (ramp.float() * 0.37).sin().reshape(output.dims());
                    let gradients = (output.clone() * ramp).sum().backward();
                    let layer_gradients = [&layer.gamma, &layer.beta]
                        .map(|param| param.val().grad(&gradients).expect("tracked"));
                    let statistics =
                        [&layer.running_mean, &layer.running_var].map(|s| s.value_sync().inner());
                    let inference = run(&layer.valid(), input.clone().inner());
                    let of_input = input.grad(&gradients).expect("tracked");
                    (output.inner(), of_input, layer_gradients, statistics, inference)
                });
                let [ours, burns] = results;
                assert_same(ours.0, burns.0, "output");
                assert_same(ours.1, burns.1, "gradient of the input");
                assert_same(ours.4, burns.4, "inference");
                for (ours, burns) in ours.2.into_iter().zip(burns.2) {
                    assert_same(ours, burns, "gradient of the parameters");
                }
                for (ours, burns) in ours.3.into_iter().zip(burns.3) {
                    assert_same(ours, burns, "running statistics");
                }
            }
        }
    }
}
