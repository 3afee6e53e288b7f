//! Properties of the method's parts.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Distribution, Int, Tensor};
use mcdrl_model::clip::{
    ClipVisionEncoderConfig, CompactResNetConfig, ModifiedResNetConfig, VisionTransformerConfig,
};
use mcdrl_model::{
    CausalInterventionConfig, ConfounderDictionary, DictionaryLearning, Mcdrl, McdrlConfig, Model,
    Precision, Profile, TargetRegionSelectionConfig, Weighting,
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

fn network(config: &McdrlConfig, device: &Device) -> Mcdrl {
    let texts = random([config.classes, config.vision.embed_dim()], device);
    let confounders = random([config.confounders, config.vision.embed_dim()], device);
    let dictionary = ConfounderDictionary::from_texts(confounders, config.dictionary);
    config.with_parts(config.vision.init(device), texts, dictionary)
}

#[test]
fn exactly_n_positions_are_kept_even_when_all_are_equal() {
    let device = Device::flex();
    for (alpha, kept) in [(0.0, 1), (0.25, 16), (0.5, 32), (1.0, 64)] {
        let config = TargetRegionSelectionConfig::new().with_alpha(alpha);
        for dense in [random([3, 64, 8], &device), Tensor::ones([3, 64, 8], &device)] {
            let regions = config.select(dense.clone(), random([2, 8], &device));
            assert_eq!(regions.selection.dims(), [3, kept, 64]);
            assert_close(&values(regions.mask().sum_dim(1)), &[kept as f32; 3], 0.0);
            assert_eq!(regions.pack(dense).dims(), [3, kept, 8]);
        }
    }
}

#[test]
fn the_most_similar_positions_are_kept_and_come_back_to_their_places() {
    let device = Device::flex();
    let dense = random([2, 20, 8], &device);
    let regions = TargetRegionSelectionConfig::new().select(dense.clone(), random([3, 8], &device));
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
    let back = regions.unpack(regions.pack(dense.clone()), dense.zeros_like());
    let expected = dense * regions.mask().unsqueeze_dim::<3>(2);
    assert_close(&values(back), &values(expected), 1e-6);
}

#[test]
fn weights_sum_to_one_and_permuting_the_dictionary_permutes_them_only() {
    let device = Device::flex();
    for weighting in [Weighting::Attention, Weighting::Backdoor] {
        let config = CausalInterventionConfig::new(16).with_weighting(weighting);
        let intervention = config.init(&device);
        let prior = Tensor::<1>::from_floats([0.5, 0.1, 0.1, 0.2, 0.1], &device);
        let dictionary =
            ConfounderDictionary::from_texts(random([5, 16], &device), DictionaryLearning::Frozen);
        let dictionary = dictionary.with_prior(prior);
        let features = random([2, 7, 16], &device);
        let before = intervention.forward(features.clone(), &dictionary);
        assert_close(&values(before.weights.clone().sum_dim(2)), &[1.0; 14], 1e-5);

        let order = Tensor::<1, Int>::from_data([3, 0, 4, 1, 2], &device);
        let after = intervention.forward(features, &dictionary.permuted(order.clone()));
        assert_close(&values(after.features), &values(before.features), 1e-4);
        assert_close(&values(after.weights), &values(before.weights.select(2, order)), 1e-5);
    }
}

#[test]
fn the_backdoor_expectation_follows_the_prior_and_attention_does_not() {
    let device = Device::flex();
    for (weighting, follows) in [(Weighting::Attention, false), (Weighting::Backdoor, true)] {
        let config = CausalInterventionConfig::new(16).with_weighting(weighting);
        let intervention = config.init(&device);
        let dictionary =
            ConfounderDictionary::from_texts(random([3, 16], &device), DictionaryLearning::Frozen);
        let features = random([1, 4, 16], &device);
        let uniform = intervention.forward(features.clone(), &dictionary);
        let skewed = dictionary.with_prior(Tensor::from_floats([0.9, 0.05, 0.05], &device));
        let skewed = intervention.forward(features, &skewed);
        let change = values((uniform.features - skewed.features).abs().max())[0];
        assert_eq!(change > 1e-4, follows, "{weighting:?}: {change}");
    }
}

#[test]
fn with_the_intervention_off_the_output_is_the_baselines() {
    let device = Device::flex();
    let config = McdrlConfig::over(encoder(), 3, 4, 64);
    let full = network(&config, &device);
    let pixels = random([2, 3, 64, 64], &device);
    let other_dictionary =
        ConfounderDictionary::from_texts(random([4, 16], &device), DictionaryLearning::Frozen);
    let on = full.forward(pixels.clone());
    let off = full.clone().with_switches(false, false);
    let mut baseline = off.clone();
    baseline.dictionary = other_dictionary;
    let (off, baseline) = (off.forward(pixels.clone()), baseline.forward(pixels));
    assert!(off.confounders.is_none() && off.regions.is_none());
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
            let mut config = McdrlConfig::over(vision.clone(), 3, 4, 64);
            config.intervention.weighting = weighting;
            let network = network(&config, &device);
            let output = network.forward(random([4, 3, 64, 64], &device));
            // Something that looks at everything a loss looks at, with slopes that differ.
            let slopes = |n: usize| Tensor::<1, Int>::arange(0..n as i64, &device).float().sin();
            let mean = |t: Tensor<2>| {
                let [rows, columns] = t.dims();
                (t * slopes(rows * columns).reshape([rows, columns])).sum()
            };
            let logits = output.logits.clone().square();
            let loss = (logits.flatten::<2>(1, 3).sum_dim(1)).sum() * 1e-3
                + mean(output.causal.unwrap())
                + mean(output.confounders.unwrap())
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
fn a_model_file_survives_the_way_through_bytes() {
    let device = Device::flex();
    let profile = Profile::endoscopy();
    let config = McdrlConfig::over(encoder(), 5, 12, 64);
    let model = Model::new(network(&config, &device), profile, serde_json::json!({"seed": 7}));
    let pixels = random([1, 3, 64, 64], &device);
    let before = values(model.network.forward(pixels.clone()).logits);
    let bytes = model.to_bytes(Precision::Full);
    assert_eq!(bytes, model.to_bytes(Precision::Full));
    let read = Model::from_bytes(&bytes, &device).unwrap();
    assert_close(&values(read.network.forward(pixels.clone()).logits), &before, 1e-6);
    assert_eq!(read.header.provenance["seed"], 7);

    let half = model.to_bytes(Precision::Half);
    assert!(half.len() < bytes.len() * 6 / 10);
    let read = Model::from_bytes(&half, &device).unwrap();
    assert_eq!(read.to_bytes(Precision::Half), half);

    // A running variance may be larger than any half-precision number.
    let mut weights = mcdrl_model::Weights::default();
    weights.insert("large", vec![2], vec![1e6, 1.0]);
    weights.insert("small", vec![2], vec![0.5, 1.0]);
    let bytes = weights.to_safetensors(Precision::Half);
    let read = mcdrl_model::Weights::from_safetensors(&bytes).unwrap();
    assert_eq!(read.values("large"), weights.values("large"));
    assert_eq!(read.values("small"), weights.values("small"));
}

#[test]
fn damaged_model_files_are_told_apart() {
    let device = Device::flex();
    let config = McdrlConfig::over(encoder(), 5, 12, 64);
    let network = network(&config, &device);
    let model = Model::new(network, Profile::endoscopy(), serde_json::Value::Null);
    let bytes = model.to_bytes(Precision::Full);
    let message = |bytes: &[u8]| Model::from_bytes(bytes, &device).unwrap_err().to_string();

    for length in [0, 7, 100, bytes.len() / 2, bytes.len() - 1] {
        assert!(message(&bytes[..length]).contains("safetensors"), "{length}");
    }
    let mut flipped = bytes.clone();
    let last = flipped.len() - 3;
    flipped[last] ^= 0x10;
    assert!(message(&flipped).contains("SHA-256"));

    let edit = |from: &str, to: &str| {
        assert_eq!(from.len(), to.len());
        let at = bytes.windows(from.len()).position(|w| w == from.as_bytes()).unwrap();
        let mut edited = bytes.clone();
        edited[at..at + to.len()].copy_from_slice(to.as_bytes());
        edited
    };
    assert!(message(&edit(r#"{\"version\":1"#, r#"{\"version\":9"#)).contains("version 9"));
    assert!(message(&edit(r#"{"mcdrl""#, r#"{"other""#)).contains("no MCDRL model"));
    assert!(message(&edit(r#"\"profile\""#, r#"\"prophet\""#)).contains("header is damaged"));
    // A changed word of the header is noticed too, though it would do no harm.
    assert!(message(&edit("A healthy mucosa", "A wealthy mucosa")).contains("SHA-256"));
    assert!(message(b"not a model at all, just some text").contains("safetensors"));
}

#[test]
fn gradients_are_the_slopes_of_the_loss() {
    // Central differences through the convolutions, pools, norms, interpolation and attention at once, along
    // the gradient itself, where the slope is its length.
    let device = Device::flex().autodiff();
    let config = McdrlConfig::over(encoder(), 3, 4, 64);
    let network = network(&config, &device);
    let pixels = random([2, 3, 64, 64], &device);
    let target = random([2, 4, 64, 64], &device);
    let loss = |pixels: Tensor<4>| {
        let output = network.forward(pixels);
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

#[test]
fn a_profile_needs_no_code() {
    let dermoscopy = r#"
        name = "dermoscopy"
        classes = ["melanoma", "naevus"]
        class_prompt = "A {class} in a dermoscopic image"
        background_prompt = "Healthy skin in a dermoscopic image"
        confounder_prompt = "A dermoscopic image with {domain}"
        causal_prompt = "A {class} with {domain}"
        confounders = [
            { name = "hair", family = "surface interference", domain = "hair" },
            { name = "ruler", family = "field of view", domain = "a ruler" },
        ]
    "#;
    let profile = Profile::from_toml(dermoscopy).unwrap();
    assert_eq!(profile.class_prompts()[1], "A naevus in a dermoscopic image");
    assert_eq!(profile.causal_prompts(0)[1], "A melanoma with a ruler");
    for (from, to, word) in [
        ("{class} in a", "lesion in a", "{class}"),
        ("confounders = [", "confounders = []\nrest = [", "rest"),
        ("classes = [\"melanoma\", \"naevus\"]", "classes = []", "classes"),
    ] {
        let error = Profile::from_toml(&dermoscopy.replacen(from, to, 1)).unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
    }
    assert_eq!(Profile::endoscopy().confounders.len(), 12);
    let families: std::collections::BTreeSet<String> =
        Profile::endoscopy().confounders.into_iter().map(|c| c.family).collect();
    assert_eq!(families.len(), 5);
}
