//! Operations that Burn's CPU backend does less well than it could: convolution, batch normalisation, scaling and the
//! end of a residual block, forward and backward.
//!
//! Flex computes the gradient of a convolution's weights as a convolution with kernels as large as the image, lays
//! out every input anew, and normalises by a dozen passes over memory on one thread. Here convolutions are products of
//! matrices and the rest is a pass or two, on all threads. Other backends keep their own, but for
//! the gradient of a scaling, which CubeCL lacks.

mod axis;
mod backend;
#[cfg(feature = "flex")]
mod flex;
#[cfg(feature = "autodiff")]
mod gradients;

use burn::backend::{Dispatch, DispatchTensor};
use burn::module::RunningState;
use burn::nn::conv::Conv2d;
use burn::nn::{BatchNorm, PaddingConfig2d};
use burn::tensor::Tensor;

use backend::Kernels;

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

#[cfg(all(test, feature = "autodiff", feature = "flex"))]
mod tests {
    use burn::backend::Flex;
    use burn::backend::flex::FlexTensor;
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
            (2, 2, 3, 6, 1, 5, 1, 2, false),
            (1, 2, 3, 2, 2, 3, 4, 1, false),
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
    fn what_is_no_number_stays_none() {
        let device = Device::flex();
        let map = Tensor::<4>::full([1, 1, 2, 2], f32::NAN, &device);
        let layer = BatchNormConfig::new(1).init(&device);
        let is_nan = |map: Tensor<4>| map.is_nan().all().into_scalar::<bool>();
        assert!(is_nan(normalize_relu(&layer, map.clone())));
        assert!(is_nan(add_relu(map.clone(), map)));
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
            // What the other backends do.
            let map = input.clone().inner();
            let ramp = Tensor::arange(0..(6 * to[0] * to[1]) as i64, &map.device());
            let ramp = (ramp.float() * 0.37).sin().reshape([2, 3, to[0], to[1]]);
            let flex = |tensor: Tensor<4>| FlexTensor::from_data(tensor.into_data());
            let own = backend::own_resize_gradient::<Flex>(flex(map), flex(ramp), to);
            let own = Tensor::from_data(own.to_contiguous().into_data(), &Device::flex());
            assert_same(own, burns.1.clone(), &format!("own gradient of {from:?} to {to:?}"));
            assert_same(ours.1, burns.1, &format!("gradient of {from:?} to {to:?}"));
        }
    }

    #[test]
    fn the_end_of_a_residual_block_is_burns() {
        let device = Device::flex().autodiff();
        // Drawn once: a seed is the whole process's, and other tests draw meanwhile.
        let inputs = [(); 2].map(|()| random([3, 4, 40, 41], &device));
        let run = |add: &dyn Fn(Tensor<4>, Tensor<4>) -> Tensor<4>| {
            let [a, b] = inputs.clone().map(Tensor::require_grad);
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
