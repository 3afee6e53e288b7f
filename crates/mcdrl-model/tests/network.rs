//! Properties of the network's stages.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Distribution, Int, Tensor};
use mcdrl_model::clip::{
    ClipVisionEncoderConfig, CompactResNetConfig, ModifiedResNetConfig, VisionTransformerConfig,
};
use mcdrl_model::{
    CausalIntervention, CausalInterventionConfig, ConfounderDictionary, DictionaryLearning,
    Intervened, InterventionRun, Network, NetworkConfig, RunConfig, TargetRegionSelection,
    TargetRegions, Weighting,
};

fn random<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), device)
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

fn assert_close(a: &[f32], b: &[f32], tolerance: f32) {
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() <= tolerance, "{a} and {b}");
    }
}

fn encoder() -> ClipVisionEncoderConfig {
    ClipVisionEncoderConfig::Compact(
        CompactResNetConfig::new()
            .with_image_size(64)
            .with_channels([8, 8, 16, 32])
            .with_embed_dim(16),
    )
}

/// A network with three classes, four confounders and random texts.
fn network(vision: ClipVisionEncoderConfig, device: &Device) -> Network {
    let texts = random([3, vision.embed_dim()], device);
    let confounders = random([4, vision.embed_dim()], device);
    let dictionary = ConfounderDictionary::from_texts(confounders, DictionaryLearning::Tuned);
    let encoder = vision.init(device);
    NetworkConfig::new(vision).with_parts(encoder, texts, dictionary)
}

fn weighted_by(weighting: Weighting) -> InterventionRun {
    InterventionRun { weighting, ..InterventionRun::default() }
}

/// An intervention of width 16 on all positions.
fn intervene(
    features: &Tensor<3>,
    dictionary: &ConfounderDictionary,
    weighting: Weighting,
    intervention: &CausalIntervention,
) -> Intervened {
    let [batch, positions, _] = features.dims();
    let similarity = Tensor::zeros([batch, positions], &features.device());
    let regions = TargetRegions::all(similarity, [1, positions]);
    let run = weighted_by(weighting);
    intervention.forward(features.clone(), &regions, dictionary, &run).expect("it is on")
}

#[test]
fn exactly_n_positions_are_kept_even_when_all_are_equal() {
    let device = Device::flex();
    for (alpha, kept) in [(0.0, 1), (0.25, 16), (0.5, 32), (1.0, 64)] {
        let selection = TargetRegionSelection { alpha, ..Default::default() };
        for dense in [random([3, 64, 8], &device), Tensor::ones([3, 64, 8], &device)] {
            let regions = selection.forward(dense.clone(), random([2, 8], &device), [8, 8]);
            assert_close(&values(regions.mask().sum_dim(1)), &[kept as f32; 3], 0.0);
            assert_eq!(regions.pack(dense).dims(), [3, kept, 8]);
        }
    }
}

#[test]
fn the_most_similar_positions_are_kept_and_return_to_their_places() {
    let device = Device::flex();
    let dense = random([2, 20, 8], &device);
    let selection = TargetRegionSelection::default();
    let regions = selection.forward(dense.clone(), random([3, 8], &device), [4, 5]);
    let similarity = values(regions.similarity.clone());
    let mask = values(regions.mask());
    for image in [0..20, 20..40] {
        let (mut lowest_kept, mut highest_dropped) = (f32::INFINITY, f32::NEG_INFINITY);
        for position in image {
            if mask[position] == 1.0 {
                lowest_kept = lowest_kept.min(similarity[position]);
            } else {
                highest_dropped = highest_dropped.max(similarity[position]);
            }
        }
        assert!(lowest_kept >= highest_dropped);
    }
    // A mask token of ones fills the other positions.
    let mask = regions.mask().unsqueeze_dim::<3>(2);
    let back = regions.unpack(regions.pack(dense.clone()), Tensor::ones([8], &device));
    let expected = dense * mask.clone() + (mask.ones_like() - mask);
    let expected = expected.swap_dims(1, 2).reshape([2, 8, 4, 5]);
    assert_close(&values(back), &values(expected), 1e-6);
}

#[test]
fn weights_sum_to_one_and_permuting_the_dictionary_permutes_them_only() {
    let device = Device::flex();
    for weighting in [Weighting::Attention, Weighting::Backdoor] {
        let intervention = CausalInterventionConfig::default().init(16, &device);
        let prior = Tensor::<1>::from_floats([0.5, 0.1, 0.1, 0.2, 0.1], &device);
        let dictionary =
            ConfounderDictionary::from_texts(random([5, 16], &device), DictionaryLearning::Frozen);
        let dictionary = dictionary.with_prior(prior);
        let features = random([2, 7, 16], &device);
        let before = intervene(&features, &dictionary, weighting, &intervention);
        assert_close(&values(before.weights.clone().sum_dim(2)), &[1.0; 14], 1e-5);

        let order = Tensor::<1, Int>::from_data([3, 0, 4, 1, 2], &device);
        let permuted = dictionary.permuted(order.clone());
        let after = intervene(&features, &permuted, weighting, &intervention);
        assert_close(&values(after.features), &values(before.features), 1e-4);
        assert_close(&values(after.weights), &values(before.weights.select(2, order)), 1e-5);
    }
}

#[test]
fn the_backdoor_expectation_follows_the_prior_and_attention_does_not() {
    let device = Device::flex();
    for (weighting, follows) in [(Weighting::Attention, false), (Weighting::Backdoor, true)] {
        let intervention = CausalInterventionConfig::default().init(16, &device);
        let dictionary =
            ConfounderDictionary::from_texts(random([3, 16], &device), DictionaryLearning::Frozen);
        let features = random([1, 4, 16], &device);
        let uniform = intervene(&features, &dictionary, weighting, &intervention);
        let skewed = dictionary.with_prior(Tensor::from_floats([0.9, 0.05, 0.05], &device));
        let skewed = intervene(&features, &skewed, weighting, &intervention);
        let change = values((uniform.features - skewed.features).abs().max())[0];
        assert_eq!(change > 1e-4, follows, "{weighting:?}: {change}");
    }
}

#[test]
fn without_the_intervention_the_output_is_that_of_the_baseline() {
    let device = Device::flex();
    let full = network(encoder(), &device);
    let pixels = random([2, 3, 64, 64], &device);
    let other_dictionary =
        ConfounderDictionary::from_texts(random([4, 16], &device), DictionaryLearning::Frozen);
    let on = full.forward(pixels.clone(), &RunConfig::default());
    let mut off = RunConfig::default();
    off.selection.enabled = false;
    off.intervention.enabled = false;
    let mut baseline = full.clone();
    baseline.dictionary = other_dictionary;
    let (off, baseline) = (full.forward(pixels.clone(), &off), baseline.forward(pixels, &off));
    assert!(off.intervened.is_none());
    assert_close(&values(off.regions.mask()), &[1.0; 2 * 16], 0.0);
    assert_close(&values(off.logits.clone()), &values(baseline.logits), 0.0);
    let change = values((on.logits - off.logits).abs().max())[0];
    assert!(change > 1e-3, "the intervention changes nothing: {change}");
}

#[test]
fn gradients_reach_every_trained_parameter() {
    #[derive(Default)]
    struct Unreached<'a> {
        gradients: Option<&'a burn::tensor::Gradients>,
        path: Vec<String>,
        found: Vec<String>,
    }
    impl ModuleVisitor for Unreached<'_> {
        fn enter_module(&mut self, name: &str, _container: &str) {
            self.path.push(name.into());
        }
        fn exit_module(&mut self, _name: &str, _container: &str) {
            self.path.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let tensor = param.val();
            if !tensor.is_require_grad() {
                return;
            }
            let gradient = tensor.grad(self.gradients.unwrap());
            let reached = gradient.is_some_and(|g| values(g.abs().max())[0] > 0.0);
            if !reached {
                self.found.push(self.path.join("."));
            }
        }
    }

    let device = Device::flex().autodiff();
    let vit = VisionTransformerConfig::new()
        .with_image_size(64)
        .with_patch_size(16)
        .with_width(16)
        .with_layers(3)
        .with_heads(2)
        .with_embed_dim(16);
    let resnet = ModifiedResNetConfig::new()
        .with_image_size(64)
        .with_width(8)
        .with_layers([1, 1, 1, 1])
        .with_heads(4)
        .with_embed_dim(16);
    let encoders =
        [encoder(), ClipVisionEncoderConfig::ResNet(resnet), ClipVisionEncoderConfig::Vit(vit)];
    for vision in encoders {
        for weighting in [Weighting::Attention, Weighting::Backdoor] {
            let network = network(vision.clone(), &device);
            let run = RunConfig { intervention: weighted_by(weighting), ..Default::default() };
            let output = network.forward(random([4, 3, 64, 64], &device), &run);
            let intervened = output.intervened.unwrap();
            // A loss that depends on every output, with a different slope for each value.
            let slopes = |n: usize| Tensor::<1, Int>::arange(0..n as i64, &device).float().sin();
            let mean = |t: Tensor<2>| {
                let [rows, columns] = t.dims();
                (t * slopes(rows * columns).reshape([rows, columns])).sum()
            };
            let logits = output.logits.clone().square();
            let loss = (logits.flatten::<2>(1, 3).sum_dim(1)).sum() * 1e-3
                + mean(intervened.pooled)
                + mean(intervened.image_weights)
                + mean(output.pooled)
                + network.dictionary.text_pull();
            let gradients = loss.backward();
            let mut visitor = Unreached { gradients: Some(&gradients), ..Default::default() };
            network.visit(&mut visitor);
            assert!(visitor.found.is_empty(), "{weighting:?}: no gradient at {:?}", visitor.found);
        }
    }
}

#[test]
fn gradients_are_the_slopes_of_the_loss() {
    // Central differences along the gradient, where the slope is the gradient's length. They cover the convolutions, pools,
    // norms, interpolation and attention together.
    let device = Device::flex().autodiff();
    let network = network(encoder(), &device);
    let pixels = random([2, 3, 64, 64], &device);
    let target = random([2, 4, 64, 64], &device);
    let loss = |pixels: Tensor<4>| {
        let output = network.forward(pixels, &RunConfig::default());
        (output.full_logits(64) * target.clone()).mean()
    };
    let tracked = pixels.clone().require_grad();
    let gradient = tracked.grad(&loss(tracked.clone()).backward()).unwrap();
    let length = values(gradient.clone().square().sum().sqrt())[0];
    let direction = Tensor::from_data((gradient / length).into_data(), &device);
    let step = 0.02;
    let at = |step: f32| values(loss(pixels.clone() + direction.clone() * step))[0];
    let slope = (at(step) - at(-step)) / (2.0 * step);
    assert!((slope / length - 1.0).abs() < 0.05, "slope {slope}, gradient {length}");
}
