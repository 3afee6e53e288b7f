//! The initial state of a training run: CLIP's encoder, text embeddings, and seeded random weights for the rest. It is always
//! computed on the CPU, so that a seed gives the same weights for every training device.

use burn::tensor::{Device, Tensor, TensorData};
use mcdrl_model::clip::Clip;
use mcdrl_model::{ConfounderDictionary, DictionaryLearning, Network, NetworkConfig, l2_normalize};
use mcdrl_runtime::{ClipCheckpoint, ClipTokenizer, Profile, Weights};

use crate::Result;
use crate::batch::factor_shares;
use crate::clustering::{cluster, image_features};
use crate::config::TrainConfig;
use crate::loss::LossTexts;
use crate::named_ids::with_named_ids;
use crate::samples::LoadedSamples;
use crate::seed::seeded;

/// The initial state of a training run.
pub struct Initialization {
    /// The network's architecture.
    pub architecture: NetworkConfig,
    /// How training changes the dictionary.
    learning: DictionaryLearning,
    /// The network's initial weights.
    pub weights: Weights,
    /// The texts of the loss, on the CPU.
    pub texts: LossTexts,
}

impl Initialization {
    /// Initializes a run. `samples` give the dictionary's prior, and the entries of a clustered dictionary.
    ///
    /// # Errors
    /// If the checkpoint lacks a tensor; see [`ClipCheckpoint::init`].
    pub fn new(
        checkpoint: &ClipCheckpoint,
        profile: &Profile,
        config: &TrainConfig,
        samples: &LoadedSamples,
    ) -> Result<Self> {
        let device = Device::flex();
        let clip = checkpoint.init(&device)?;
        let tokenizer = ClipTokenizer::new();
        let architecture = config.architecture(&checkpoint.config.vision);
        let mut dictionary = dictionary(&clip, &tokenizer, profile, config, samples);
        if let Some(prior) = prior(profile, samples) {
            let count = profile.confounders.len();
            let prior = Tensor::from_data(TensorData::new(prior, [count]), &device);
            dictionary = dictionary.with_prior(prior);
        }
        let class_texts = tokenizer.embed(&clip, &profile.class_prompts());
        let texts = LossTexts::new(&clip, &tokenizer, profile);
        let weights = seeded(config.seed, || {
            let network = architecture.with_parts(clip.visual, class_texts, dictionary);
            Weights::of_module(&network)
        });
        Ok(Self { architecture, learning: config.model.dictionary, weights, texts })
    }

    /// The network on the device that trains it.
    ///
    /// # Errors
    /// If the weights do not fit the network, which would be a bug of this crate.
    pub fn network(&self, profile: &Profile, device: &Device) -> Result<Network> {
        let vision = &self.architecture.vision;
        let (classes, confounders) = (profile.classes.len(), profile.confounders.len());
        let width = vision.embed_dim();
        let network = self.architecture.with_parts(
            vision.init(device),
            Tensor::zeros([classes, width], device),
            ConfounderDictionary::zeros(confounders, width, self.learning, device),
        );
        Ok(with_named_ids(self.weights.load_into(network)?))
    }
}

/// The initial dictionary.
fn dictionary(
    clip: &Clip,
    tokenizer: &ClipTokenizer,
    profile: &Profile,
    config: &TrainConfig,
    samples: &LoadedSamples,
) -> ConfounderDictionary {
    let texts = l2_normalize(tokenizer.embed(clip, &profile.confounder_prompts()));
    let learning = config.model.dictionary;
    match learning {
        DictionaryLearning::Clustered if !samples.is_empty() => {
            let features = image_features(clip, samples, config.model.input_size);
            let entries = cluster(features, texts.clone(), config.seed);
            ConfounderDictionary::new(entries, texts, learning)
        }
        _ => ConfounderDictionary::from_texts(texts, learning),
    }
}

/// P(z): the confounders' mean share in the samples with recorded factors, each at least a little above zero. `None`
/// without such samples.
fn prior(profile: &Profile, samples: &LoadedSamples) -> Option<Vec<f32>> {
    const LEAST: f32 = 1e-3;
    let mut sums = vec![0.0; profile.confounders.len()];
    for index in 0..samples.len() {
        let shares = factor_shares(profile, samples.get(index).1);
        sums.iter_mut().zip(shares).for_each(|(sum, share)| *sum += share);
    }
    let total: f32 = sums.iter().sum();
    if total == 0.0 {
        return None;
    }
    let count = sums.len() as f32;
    Some(sums.iter().map(|sum| (sum / total + LEAST) / (1.0 + count * LEAST)).collect())
}
