//! The network that training starts from: CLIP's encoder, text embeddings, and seeded random weights for the
//! rest. Made on the CPU whatever device trains, so that a seed means the same everywhere.

use std::sync::Mutex;

use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::tensor::{Device, Int, Tensor, TensorData};
use mcdrl_model::clip::{Clip, ClipCheckpoint, ClipTokenizer, DenseFeatures, normalize};
use mcdrl_model::{
    CausalInterventionConfig, ConfounderDictionary, DictionaryLearning, Mcdrl, McdrlConfig,
    Preprocess, Profile, TargetRegionSelectionConfig, Weights,
};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::Result;
use crate::batch::{LoadedSamples, factor_shares};
use crate::config::TrainConfig;
use crate::loss::LossTexts;

/// The backend's random numbers come from one generator for the whole process.
static RANDOM: Mutex<()> = Mutex::new(());

/// Everything that a training run starts from.
pub struct Start {
    /// How the network is built.
    pub architecture: McdrlConfig,
    /// Its first weights.
    pub weights: Weights,
    /// The texts that the loss looks at, on the CPU.
    pub texts: LossTexts,
}

impl Start {
    /// Makes the start of a run. `samples` are looked at only where the dictionary is clustered.
    ///
    /// # Errors
    /// A checkpoint that lacks a tensor; see [`ClipCheckpoint::init`].
    pub fn new(
        checkpoint: &ClipCheckpoint,
        profile: &Profile,
        config: &TrainConfig,
        samples: &LoadedSamples,
    ) -> Result<Self> {
        let device = Device::flex();
        let clip = checkpoint.init(&device)?;
        let tokenizer = ClipTokenizer::new();
        let vision = checkpoint.config.vision.clone();
        let width = vision.embed_dim();
        let architecture = McdrlConfig::new(
            vision,
            profile.classes.len(),
            profile.confounders.len(),
            config.input_size,
            TargetRegionSelectionConfig::new().with_alpha(config.alpha),
            CausalInterventionConfig::new(width)
                .with_layers(config.intervention_layers.max(1))
                .with_heads(heads(width))
                .with_weighting(config.weighting),
        )
        .with_dense(config.dense)
        .with_dictionary(config.dictionary)
        .with_head_width(config.head_width)
        .with_select_regions(config.select_regions)
        .with_intervene(config.intervene);

        let mut dictionary = dictionary(&clip, &tokenizer, profile, config, samples);
        if let Some(prior) = prior(profile, samples) {
            let count = profile.confounders.len();
            let prior = Tensor::from_data(TensorData::new(prior, [count]), &device);
            dictionary = dictionary.with_prior(prior);
        }
        let class_texts = clip.embed_texts(&tokenizer, &profile.class_prompts());
        let texts = LossTexts::new(&clip, &tokenizer, profile);
        let weights = seeded(config.seed, || {
            let network = architecture.with_parts(clip.visual, class_texts, dictionary);
            Weights::of_module(&network)
        });
        Ok(Self { architecture, weights, texts })
    }

    /// The network on the device that trains it.
    ///
    /// # Errors
    /// Weights that do not fit, which would be a mistake of this crate.
    pub fn network(&self, device: &Device) -> Result<Mcdrl> {
        let network = self.architecture.init(device);
        Ok(with_named_ids(self.weights.load_into(network, &str::to_owned)?))
    }
}

/// Runs `make` with the backend's random numbers seeded; nothing else draws meanwhile. What `make` returns must
/// not be lazy.
pub fn seeded<T>(seed: u64, make: impl FnOnce() -> T) -> T {
    let _alone = RANDOM.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    Device::flex().seed(seed);
    make()
}

/// The same module with every parameter's id made from its place, so that an optimizer's record still fits
/// after the process that wrote it is gone.
pub fn with_named_ids<M: Module>(module: M) -> M {
    struct Namer {
        path: Vec<String>,
    }
    impl ModuleMapper for Namer {
        fn enter_module(&mut self, name: &str, _container_type: &str) {
            self.path.push(name.into());
        }

        fn exit_module(&mut self, _name: &str, _container_type: &str) {
            self.path.pop();
        }

        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            // FNV-1a over the path.
            let hash = self.path.join(".").bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
            let (_, tensor, mapper) = param.consume();
            Param::from_mapped_value(ParamId::from(hash), tensor, mapper)
        }
    }
    module.map(&mut Namer { path: Vec::new() })
}

/// The most heads of at least 32 channels, up to four.
fn heads(width: usize) -> usize {
    [4, 2]
        .into_iter()
        .find(|heads| width.is_multiple_of(*heads) && width / heads >= 32)
        .unwrap_or(1)
}

/// The dictionary that a run starts from.
pub fn dictionary(
    clip: &Clip,
    tokenizer: &ClipTokenizer,
    profile: &Profile,
    config: &TrainConfig,
    samples: &LoadedSamples,
) -> ConfounderDictionary {
    let texts = normalize(clip.embed_texts(tokenizer, &profile.confounder_prompts()));
    match config.dictionary {
        DictionaryLearning::Clustered if !samples.is_empty() => {
            let features = image_features(clip, samples, config.input_size);
            let entries = cluster(features, texts.clone(), config.seed);
            ConfounderDictionary::new(entries, texts, config.dictionary)
        }
        _ => ConfounderDictionary::from_texts(texts, config.dictionary),
    }
}

/// P(z): the confounders' mean share in the samples that have recorded factors, none of them quite zero; `None`
/// without any.
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

/// Unit image embeddings of the samples: `[images, d]`.
fn image_features(clip: &Clip, samples: &LoadedSamples, size: usize) -> Tensor<2> {
    let preprocess = Preprocess::clip(size);
    let indices: Vec<usize> = (0..samples.len()).collect();
    let features = indices.chunks(16).map(|chunk| {
        let images: Vec<_> = chunk.iter().map(|index| &samples.get(*index).0.image).collect();
        let pixels = preprocess.batch(&images, &Device::flex());
        clip.visual.forward(pixels, DenseFeatures::ValuePath).pooled
    });
    normalize(Tensor::cat(features.collect(), 0))
}

/// Spherical k-means with as many centres as there are texts; every text is given the nearest centre that is
/// still free, the surest pairs first.
///
/// - `features`: `[images, d]`, `texts`: `[M, d]`, both of unit length
/// - output: `[M, d]`
fn cluster(features: Tensor<2>, texts: Tensor<2>, seed: u64) -> Tensor<2> {
    const ROUNDS: usize = 20;
    let [images, _] = features.dims();
    let [count, width] = texts.dims();
    if images < count {
        return texts;
    }
    let device = features.device();
    let mut chosen: Vec<i32> = (0..images as i32).collect();
    chosen.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    chosen.truncate(count);
    let chosen = Tensor::<1, Int>::from_data(TensorData::new(chosen, [count]), &device);
    let mut centres = features.clone().select(0, chosen);
    for _ in 0..ROUNDS {
        let nearest = features.clone().matmul(centres.clone().transpose()).argmax(1);
        let member: Tensor<2> = nearest.squeeze_dim::<1>(1).one_hot::<2>(count).float();
        let sums = member.clone().transpose().matmul(features.clone());
        let empty = member.sum_dim(0).transpose().lower_elem(0.5);
        let moved = normalize(sums);
        centres = moved.mask_where(empty.expand([count, width]), centres);
    }
    let scores: Vec<f32> = texts
        .matmul(centres.clone().transpose())
        .into_data()
        .try_to_vec()
        .expect("similarities are f32");
    let mut pairs: Vec<(usize, usize)> =
        (0..count * count).map(|i| (i / count, i % count)).collect();
    pairs.sort_by(|a, b| scores[b.0 * count + b.1].total_cmp(&scores[a.0 * count + a.1]));
    let mut given = vec![None; count];
    for (text, centre) in pairs {
        if given[text].is_none() && !given.contains(&Some(centre)) {
            given[text] = Some(centre);
        }
    }
    let order: Vec<i32> = given.into_iter().flatten().map(|centre| centre as i32).collect();
    centres.select(0, Tensor::from_data(TensorData::new(order, [count]), &device))
}
