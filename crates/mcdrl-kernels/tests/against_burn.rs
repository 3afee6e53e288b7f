//! The operations and their gradients match Burn's own.

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};
use burn::tensor::{Device, Distribution, Tensor};
use mcdrl_kernels::{
    Activation, add_relu, batch_norm, convolve, convolve_norm, fallback, mix_channels, resize,
};

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
    // Every output has another weight, so that errors in the gradients do not cancel in a sum.
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
fn convolutions_and_their_gradients_match_burn() {
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
        (1, 20, 13, 9, 15, 1, 1, 0, false),
        (3, 33, 64, 24, 23, 1, 1, 0, true),
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
fn padded_and_depthwise_convolutions_match_burn() {
    let device = Device::flex().autodiff();
    let even = |size| PaddingConfig2d::Explicit(size, size, size, size);
    // Batch, inputs, outputs, groups, rows, columns, kernel, stride, padding.
    let cases = [
        (2, 3, 8, 1, 16, 12, 3, 2, PaddingConfig2d::Same),
        (1, 3, 4, 1, 15, 17, 3, 2, PaddingConfig2d::Same),
        (2, 4, 4, 4, 16, 12, 3, 1, PaddingConfig2d::Same),
        (3, 6, 6, 6, 16, 12, 3, 2, PaddingConfig2d::Same),
        (2, 5, 5, 5, 7, 7, 5, 1, PaddingConfig2d::Same),
        (2, 5, 5, 5, 15, 9, 5, 2, PaddingConfig2d::Same),
        (1, 3, 3, 3, 112, 90, 3, 1, even(1)),
        (2, 3, 3, 3, 11, 40, 4, 3, even(2)),
        (1, 2, 2, 2, 9, 8, 5, 1, even(0)),
        (1, 2, 2, 2, 1, 1, 5, 2, PaddingConfig2d::Same),
        (2, 3, 3, 3, 6, 5, 2, 3, PaddingConfig2d::Explicit(0, 1, 2, 0)),
    ];
    for case in cases {
        let (batch, inputs, outputs, groups, rows, columns, kernel, stride, padding) = case.clone();
        let layer = Conv2dConfig::new([inputs, outputs], [kernel, kernel])
            .with_stride([stride, stride])
            .with_padding(padding)
            .with_groups(groups)
            .with_bias(false)
            .init(&device);
        let input = random([batch, inputs, rows, columns], &device);
        let ours = differentiate(&layer, &input, convolve);
        let burns = differentiate(&layer, &input, |layer, input| layer.forward(input));
        assert_same(ours.0, burns.0, &format!("{case:?} output"));
        assert_same(ours.1, burns.1, &format!("{case:?} input"));
        assert_same(ours.2, burns.2, &format!("{case:?} weight"));
    }
}

#[test]
fn unsupported_convolutions_use_burn() {
    let device = Device::flex();
    let input = random([1, 4, 8, 8], &device);
    let layers = [
        Conv2dConfig::new([4, 4], [3, 3]).with_groups(2),
        Conv2dConfig::new([4, 4], [3, 3]).with_dilation([2, 2]),
        Conv2dConfig::new([4, 4], [3, 3]).with_stride([1, 2]),
    ];
    for layer in layers {
        let layer = layer.init(&device);
        assert_same(convolve(&layer, input.clone()), layer.forward(input.clone()), "output");
    }
}

#[test]
fn convolutions_with_what_follows_match_burn() {
    let device = Device::flex();
    // Batch, inputs, outputs, rows, columns, kernel, stride, groups.
    let cases = [
        (1, 16, 40, 13, 11, 1, 1, 1),
        (5, 7, 3, 16, 16, 1, 1, 1),
        (1, 3, 8, 17, 14, 3, 2, 1),
        (2, 6, 6, 12, 9, 5, 1, 6),
        (1, 6, 6, 12, 9, 3, 2, 6),
        (1, 4, 4, 6, 6, 3, 1, 2),
    ];
    for case in cases {
        let (batch, inputs, outputs, rows, columns, kernel, stride, groups) = case;
        let layer = Conv2dConfig::new([inputs, outputs], [kernel, kernel])
            .with_stride([stride, stride])
            .with_groups(groups)
            .with_padding(PaddingConfig2d::Same)
            .with_bias(false)
            .init(&device);
        let mut norm = BatchNormConfig::new(outputs).init(&device);
        let positive = || random([outputs], &device).abs() + 0.2;
        norm.gamma = Param::from_tensor(positive());
        norm.beta = Param::from_tensor(positive());
        norm.running_mean.update(positive());
        norm.running_var.update(positive());
        let input = random([batch, inputs, rows, columns], &device);
        for activation in [Activation::None, Activation::Relu, Activation::Relu6] {
            let ours = convolve_norm(&layer, &norm, activation, input.clone());
            let burns = norm.forward(layer.forward(input.clone()));
            let burns = match activation {
                Activation::None => burns,
                Activation::Relu => relu(burns),
                Activation::Relu6 => burns.clamp(0, 6),
            };
            assert_same(ours, burns, &format!("{case:?} {activation:?}"));
        }
        let map = Tensor::full([batch, inputs, rows, columns], f32::NAN, &device);
        let map = convolve_norm(&layer, &norm, Activation::Relu6, map);
        assert!(map.is_nan().all().into_scalar::<bool>(), "{case:?}");
    }
}

#[test]
fn mixed_channels_match_a_matrix_product() {
    let device = Device::flex().autodiff();
    let map = random([2, 5, 4, 3], &device).require_grad();
    let weight = random([7, 5], &device).require_grad();
    let ours = mix_channels(map.clone(), weight.clone());
    let burns = weight.clone().unsqueeze::<3>().matmul(map.clone().flatten::<3>(2, 3));
    let burns = burns.reshape([2, 7, 4, 3]);
    let gradients = |output: Tensor<4>| {
        let found = (output.clone() * output).sum().backward();
        (map.grad(&found).expect("tracked"), weight.grad(&found).expect("tracked"))
    };
    assert_same(ours.clone().inner(), burns.clone().inner(), "output");
    let (ours, burns) = (gradients(ours), gradients(burns));
    assert_same(ours.0, burns.0, "map");
    assert_same(ours.1, burns.1, "weight");
}

#[test]
fn nan_stays_nan() {
    let device = Device::flex();
    let map = Tensor::<4>::full([1, 1, 2, 2], f32::NAN, &device);
    let layer = BatchNormConfig::new(1).init(&device);
    let is_nan = |map: Tensor<4>| map.is_nan().all().into_scalar::<bool>();
    assert!(is_nan(batch_norm(&layer, Activation::Relu, map.clone())));
    assert!(is_nan(add_relu(map.clone(), map)));
}

#[test]
fn resizing_and_its_gradient_match_burn() {
    let device = Device::flex().autodiff();
    for (from, to) in [([4, 5], [8, 10]), ([7, 3], [14, 9]), ([9, 8], [4, 3]), ([1, 1], [5, 2])] {
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
        // The fallback of the other backends.
        let map = input.clone().inner();
        let ramp = Tensor::arange(0..(6 * to[0] * to[1]) as i64, &map.device());
        let ramp = (ramp.float() * 0.37).sin().reshape([2, 3, to[0], to[1]]);
        let flex = |tensor: Tensor<4>| FlexTensor::from_data(tensor.into_data());
        let own = fallback::resize_gradient::<Flex>(flex(map), flex(ramp), to);
        let own = Tensor::from_data(own.to_contiguous().into_data(), &Device::flex());
        assert_same(own, burns.1.clone(), &format!("own gradient of {from:?} to {to:?}"));
        assert_same(ours.1, burns.1, &format!("gradient of {from:?} to {to:?}"));
    }
}

#[test]
fn the_end_of_a_residual_block_matches_burn() {
    let device = Device::flex().autodiff();
    // Drawn once: Burn's random generator is shared with the other tests of this process.
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
fn other_backends_have_the_same_gradients_of_frozen_normalisations() {
    let device = Device::flex();
    let (map, channel) = ([3, 4, 5, 6], [4]);
    let flex = |data| FlexTensor::from_data(data);
    let input = || flex((random(map, &device) * 4.0).into_data());
    let positive = || flex((random(channel, &device).abs() + 0.1).into_data());
    let (input, gradient) = (input(), input());
    let [gamma, beta, mean, variance] = [positive(), positive(), positive(), positive()];
    for activation in [Activation::None, Activation::Relu, Activation::Relu6] {
        let of = |run: fn(_, _, _, _, _, _, _, _) -> _| {
            let [input, gamma, beta, mean, variance, gradient] =
                [&input, &gamma, &beta, &mean, &variance, &gradient].map(FlexTensor::clone);
            let (of_input, of_gamma, of_beta): (FlexTensor, FlexTensor, FlexTensor) =
                run(input, gamma, beta, mean, variance, gradient, 1e-3, activation);
            let burn = |tensor: FlexTensor| tensor.to_contiguous().into_data();
            let of_input = Tensor::<4>::from_data(burn(of_input), &device);
            let others = [of_gamma, of_beta].map(|of| Tensor::<1>::from_data(burn(of), &device));
            (of_input, others)
        };
        let own = of(<Flex as mcdrl_kernels::Kernels>::fused_batch_norm_gradients);
        let others = of(fallback::batch_norm_gradients::<Flex>);
        assert_same(own.0, others.0, &format!("{activation:?} input"));
        for (own, other) in own.1.into_iter().zip(others.1) {
            assert_same(own, other, &format!("{activation:?} parameters"));
        }
    }
}

#[test]
fn normalisations_and_their_gradients_match_burn() {
    let device = Device::flex().autodiff();
    for (batch, channels, rows, columns) in [(3, 5, 7, 6), (1, 2, 40, 33), (8, 3, 1, 1)] {
        let input = random([batch, channels, rows, columns], &device);
        // Wide enough that a ReLU6 cuts at both ends.
        let uniform = || Tensor::random([channels], Distribution::Uniform(-1.0, 6.0), &device);
        let [gamma, beta] = [uniform(), uniform()];
        type Run = fn(&BatchNorm, Tensor<4>) -> Tensor<4>;
        let pairs: [(Run, Run); 3] = [
            (
                |layer, input| batch_norm(layer, Activation::None, input),
                |layer, input| layer.forward(input),
            ),
            (
                |layer, input| batch_norm(layer, Activation::Relu, input),
                |layer, input| relu(layer.forward(input)),
            ),
            (
                |layer, input| batch_norm(layer, Activation::Relu6, input),
                |layer, input| layer.forward(input).clamp(0, 6),
            ),
        ];
        for ((ours, burns), frozen) in
            pairs.into_iter().flat_map(|pair| [(pair, false), (pair, true)])
        {
            let results = [ours, burns].map(|run| {
                // A clone would share the running statistics.
                let mut layer = BatchNormConfig::new(channels).init(&device);
                layer.gamma = Param::from_tensor(gamma.clone());
                layer.beta = Param::from_tensor(beta.clone());
                if frozen {
                    layer.training = Param::from_bool(false);
                    layer.running_mean.update(Tensor::full([channels], 0.2, &device));
                    layer.running_var.update(Tensor::full([channels], 0.7, &device));
                }
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
