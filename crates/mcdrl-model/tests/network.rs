//! Properties of the network's stages.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Distribution, Int, Tensor};
use mcdrl_model::clip::{
    ClipVisionEncoderConfig, EfficientNetLiteConfig, ModifiedResNetConfig, VisionTransformerConfig,
};
use mcdrl_model::{
    CausalAttentionConfig, CausalInterventionConfig, ConfounderDictionary, Network, NetworkConfig,
    RunConfig, TargetRegionSelection,
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

/// Width of the confounders' text embeddings.
const WORDS: usize = 20;

fn encoder() -> ClipVisionEncoderConfig {
    ClipVisionEncoderConfig::Lite(EfficientNetLiteConfig::new().with_embed_dim(16))
}

const ATTENTION: CausalInterventionConfig =
    CausalInterventionConfig::Attention(CausalAttentionConfig {
        layers: 2,
        heads: None,
        mlp_ratio: 2,
    });

/// A network with three classes, four confounders, random texts, and an intervention that changes something.
fn network(
    vision: ClipVisionEncoderConfig,
    intervention: CausalInterventionConfig,
    device: &Device,
) -> Network {
    let texts = random([4, vision.embed_dim()], device);
    let dictionary = ConfounderDictionary::from_texts(random([4, WORDS], device));
    let encoder = vision.init(device);
    let config = NetworkConfig { intervention, ..NetworkConfig::new(vision, WORDS) };
    let mut network = config.with_parts(encoder, texts, dictionary);
    network.intervention = network.intervention.map(&mut Stir);
    network
}

/// Adds noise to every parameter.
struct Stir;

impl ModuleMapper for Stir {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let device = param.val().device();
        let noise = random(param.val().dims(), &device) * 0.1;
        param.map(|tensor| {
            let stirred = Tensor::from_data((tensor + noise).into_data(), &device);
            if device.is_autodiff() { stirred.require_grad() } else { stirred }
        })
    }
}

fn run(change: impl Fn(&mut RunConfig)) -> RunConfig {
    let mut run = RunConfig::default();
    change(&mut run);
    run
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
fn dictionary_entries_are_centred_and_new_words_get_entries_too() {
    let device = Device::flex();
    let texts = random([5, WORDS], &device) + random([1, WORDS], &device) * 4.0;
    let dictionary = ConfounderDictionary::from_texts(texts.clone());
    let entries = dictionary.entries();
    assert_close(&values(entries.clone().square().sum_dim(1)), &[1.0; 5], 1e-5);
    // Without the mean, the texts that share a template are no longer alike.
    let alike = entries.clone().matmul(entries.clone().transpose());
    assert!(values(alike.mean())[0] < 0.2);
    assert_close(&values(dictionary.entries_of(texts)), &values(entries), 1e-6);
    assert_close(&values(dictionary.prior().sum()), &[1.0], 1e-6);
}

#[test]
fn weights_share_the_correction_and_vanish_without_one() {
    let device = Device::flex();
    let pixels = random([2, 3, 64, 64], &device);
    for intervention in [CausalInterventionConfig::Removal, ATTENTION] {
        let network = network(encoder(), intervention, &device);
        let weights = network.forward(pixels.clone(), &RunConfig::default()).weights.unwrap();
        assert_eq!(weights.dims(), [2, 4]);
        assert!(values(weights.clone().min())[0] >= 0.0);
        let sums = values(weights.sum_dim(1));
        assert!(sums.iter().all(|sum| (0.9..=1.0001).contains(sum)), "{sums:?}");
    }
    let config = NetworkConfig::new(encoder(), WORDS);
    let untrained = config.init(3, 4, &device);
    let weights = untrained.forward(pixels, &RunConfig::default()).weights.unwrap();
    assert_eq!(values(weights.abs().max())[0], 0.0);
}

#[test]
fn without_the_intervention_the_output_is_that_of_the_baseline() {
    let device = Device::flex();
    let pixels = random([2, 3, 64, 64], &device);
    for intervention in [CausalInterventionConfig::Removal, ATTENTION] {
        let full = network(encoder(), intervention, &device);
        let on = full.forward(pixels.clone(), &RunConfig::default());
        let off = run(|run| {
            run.selection.enabled = false;
            run.intervention.enabled = false;
        });
        let mut baseline = full.clone();
        baseline.dictionary = ConfounderDictionary::from_texts(random([4, WORDS], &device));
        let (off, baseline) =
            (full.forward(pixels.clone(), &off), baseline.forward(pixels.clone(), &off));
        assert!(off.weights.is_none());
        assert_close(&values(off.regions.mask()), &[1.0; 2 * 4], 0.0);
        assert_close(&values(off.logits.clone()), &values(baseline.logits), 0.0);
        let change = values((on.logits - off.logits).abs().max())[0];
        assert!(change > 1e-3, "the intervention changes nothing: {change}");
    }
}

#[test]
fn the_backdoor_sum_follows_its_prior() {
    let device = Device::flex();
    let mut network = network(encoder(), CausalInterventionConfig::Removal, &device);
    let pixels = random([1, 3, 64, 64], &device);
    let removal = network.forward(pixels.clone(), &RunConfig::default());
    let mut backdoor = |prior: [f32; 5]| {
        network.dictionary =
            network.dictionary.clone().with_prior(Tensor::from_floats(prior, &device));
        let output = network.forward(pixels.clone(), &run(|run| run.intervention.backdoor = true));
        let spread = values(output.backdoor_spread.unwrap())[0];
        (values(softmax(output.logits, 1)), spread)
    };
    // P(none) = 1: only the removal remains.
    let (alone, spread) = backdoor([1.0, 0.0, 0.0, 0.0, 0.0]);
    assert_close(&alone, &values(softmax(removal.logits, 1)), 1e-5);
    assert!(spread < 1e-5, "{spread}");
    let (first, spread) = backdoor([0.2, 0.8, 0.0, 0.0, 0.0]);
    let (second, _) = backdoor([0.2, 0.0, 0.0, 0.0, 0.8]);
    assert!(spread > 1e-5, "{spread}");
    let apart =
        |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(apart(&first, &alone) > 1e-4 && apart(&first, &second) > 1e-4);
    // Probabilities still sum to one.
    let sum: f32 = first.iter().sum();
    assert!((sum / 256.0 - 1.0).abs() < 1e-4, "{sum}");
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
        for intervention in [CausalInterventionConfig::Removal, ATTENTION] {
            let network = network(vision.clone(), intervention, &device);
            let output = network.forward(random([4, 3, 64, 64], &device), &RunConfig::default());
            // A loss that depends on every output, with a different slope for each value.
            let slopes = |n: usize| Tensor::<1, Int>::arange(0..n as i64, &device).float().sin();
            let mean = |t: Tensor<2>| {
                let [rows, columns] = t.dims();
                (t * slopes(rows * columns).reshape([rows, columns])).sum()
            };
            let logits = output.logits.clone().square();
            let mut loss = (logits.flatten::<2>(1, 3).sum_dim(1)).sum() * 1e-3
                + mean(output.doses.image)
                + mean(output.doses.local.flatten::<2>(1, 3))
                + mean(output.present.flatten::<2>(1, 3))
                + mean(output.pooled);
            for auxiliary in network.head.auxiliary_logits(&output.decoded) {
                loss = loss + mean(auxiliary.flatten::<2>(1, 3));
            }
            if let Some(causal) = output.causal {
                loss = loss + mean(causal);
            }
            let gradients = loss.backward();
            let mut visitor = Unreached { gradients: Some(&gradients), ..Default::default() };
            network.visit(&mut visitor);
            assert!(
                visitor.found.is_empty(),
                "{intervention:?}: no gradient at {:?}",
                visitor.found
            );
        }
    }
}

#[test]
fn gradients_are_the_slopes_of_the_loss() {
    // Central differences along the gradient, where the slope is the gradient's length. They cover the convolutions, norms and
    // interpolation together. The removal is left out: by design, no gradient passes through its doses to the features.
    let device = Device::flex().autodiff();
    let network = network(encoder(), CausalInterventionConfig::Removal, &device);
    let pixels = random([2, 3, 64, 64], &device);
    let target = random([2, 4, 64, 64], &device);
    let loss = |pixels: Tensor<4>| {
        // The selection of regions jumps.
        let run = run(|run| {
            run.selection.enabled = false;
            run.intervention.enabled = false;
        });
        let output = network.forward(pixels, &run);
        (output.full_logits(64) * target.clone()).mean()
    };
    let tracked = pixels.clone().require_grad();
    let gradient = tracked.grad(&loss(tracked.clone()).backward()).unwrap();
    let length = values(gradient.clone().square().sum().sqrt())[0];
    let direction = Tensor::from_data((gradient / length).into_data(), &device);
    let at = |step: f32| values(loss(pixels.clone() + direction.clone() * step))[0];
    // Small, because batch norm over a few values bends the loss.
    let step = 0.0003;
    let slope = (at(step) - at(-step)) / (2.0 * step);
    assert!((slope / length - 1.0).abs() < 0.05, "slope {slope}, gradient {length}");
}
