//! Alignment of a pre-trained visual encoder and a pre-trained sentence encoder into a small CLIP.
//!
//! Both encoders stay as they are (Zhai et al. 2022, "LiT", lock the text encoder). Two linear maps into one space are learned. The
//! captions come from a grammar: every image is shown with and without a confounder, so that its words have something to mean.

use std::collections::HashMap;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{DType, Device, Tensor, TensorData};
use mcdrl_data::AugmentConfig;
use mcdrl_model::clip::{Alignment, AlignmentConfig, EfficientNetLite, SentenceEncoder};
use mcdrl_model::l2_normalize;
use mcdrl_runtime::{
    AlignedCheckpoint, LiteCheckpoint, Preprocess, Profile, SentenceCheckpoint, Weights,
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use crate::align_config::AlignConfig;
use crate::batch::{Batch, BatchMaker, Twins, for_each_batch};
use crate::caption_grammar::{Caption, Facts, Grammar, Trait};
use crate::contrast::{contrastive_loss, soft_targets};
use crate::history::EpochRecord;
use crate::imposition::{Imposable, ImpositionConfig};
use crate::learning_rate::learning_rate;
use crate::loss::region_loss;
use crate::optimizer::{LearningRates, ModuleAdamW};
use crate::progress::Progress;
use crate::samples::LoadedSamples;
use crate::seed::{mix, seeded};
use crate::{Error, Result};

/// Aligns two encoders on images with masks.
///
/// # Errors
/// [`Error::Config`] without images, or if no confounder of the profile can be imposed; [`Error::Diverged`].
pub fn align(
    lite: &LiteCheckpoint,
    sentences: &SentenceCheckpoint,
    samples: &LoadedSamples,
    profile: &Profile,
    config: &AlignConfig,
    device: &Device,
    progress: &mut dyn Progress,
) -> Result<AlignedCheckpoint> {
    config.check(profile)?;
    let imposable = Imposable::of(profile)?;
    if samples.is_empty() || imposable.is_empty() {
        return Err(Error::Config(
            "alignment needs images, and a profile with a confounder that can be imposed".into(),
        ));
    }
    let (inner, device) = (device.clone(), device.clone().autodiff());
    let encoder = lite.init(&inner)?;
    let mut words = Words::new(sentences)?;
    let [.., image_width] = lite.version.tap_channels();
    let maps =
        AlignmentConfig::new(image_width, sentences.config.width).with_embed_dim(config.embed_dim);
    let weights = seeded(config.seed, || Weights::of_module(&maps.init(&Device::flex())));
    let mut alignment: Alignment = weights.load_into(maps.init(&device))?;
    let labels = words.embed(&profile.label_prompts(), &device);

    let unnamed = |index: &usize| config.unnamed.contains(&profile.confounders[*index].name);
    let imposed = imposable.renderers().iter().map(|(index, _)| *index);
    let grammar = Grammar::new(profile, imposed.filter(|index| !unnamed(index)).collect());
    let mut captioner = Captioner {
        grammar,
        acting: imposable.acting(),
        rng: ChaCha8Rng::seed_from_u64(mix(&[config.seed, 8])),
        shuffled: config.shuffled,
    };
    let mut optimizer = ModuleAdamW::new(config.weight_decay, config.clip_norm);
    let preprocess = Preprocess::lite(config.input_size);
    let imposition = ImpositionConfig::everywhere(0.1);
    // The captions are made from the masks of the files.
    let augment = AugmentConfig { paste: 0.0, ..AugmentConfig::default().as_framed() };
    let mut done = 0;
    for epoch in 0..config.epochs {
        let seed = mix(&[config.seed, epoch as u64, 9]);
        let order = samples.epoch_order(0, 1.0, seed, epoch);
        let steps = order.len().div_ceil(config.batch_size);
        let maker = BatchMaker {
            profile,
            preprocess: &preprocess,
            augment: &augment,
            imposition: &imposition,
            imposable: &imposable,
            seed,
        };
        let (mut sum, mut step) = (0.0, 0);
        for_each_batch(samples, &order, config.batch_size, &maker, &device, |batch, indices| {
            let (captions, targets) = captioner.captions(samples, indices, &batch);
            let texts = words.embed(&captions, &device);
            let loss = loss(&alignment, &encoder, &batch, texts, targets, labels.clone(), config);
            let value = loss.clone().into_scalar::<f32>();
            let total = config.epochs * steps;
            let rate = learning_rate(config.learning_rate, done, total, config.warmup_ratio);
            step += 1;
            done += 1;
            Error::check_finite(value, epoch + 1, step, rate)?;
            let gradients = GradientsParams::from_grads(loss.backward(), &alignment);
            let rates = LearningRates { encoder: rate, rest: rate };
            alignment = optimizer.step(rates, alignment.clone(), gradients);
            sum += f64::from(value);
            progress.step(epoch + 1, step, steps, value);
            Ok::<_, Error>(())
        })?;
        let loss = (sum / steps as f64) as f32;
        let record = EpochRecord { epoch: epoch + 1, loss, ..Default::default() };
        progress.epoch(&record, config.epochs);
    }
    let provenance = json!({
        "alignment": config,
        "images": samples.len(),
        "attributes": captioner.grammar.attributes(),
    });
    let alignment = alignment.valid();
    let sizes = [config.input_size, config.embed_dim];
    Ok(AlignedCheckpoint::new(lite.clone(), sentences.clone(), &alignment, sizes, provenance))
}

/// The sentence encoder, and the embeddings that it has made. Captions repeat.
struct Words<'a> {
    sentences: &'a SentenceCheckpoint,
    encoder: SentenceEncoder,
    known: HashMap<String, Vec<f32>>,
}

/// Makes the captions of batches.
struct Captioner<'a> {
    grammar: Grammar<'a>,
    /// 0 for confounders that move pixels: [`Imposable::acting`].
    acting: Vec<f32>,
    rng: ChaCha8Rng,
    shuffled: bool,
}

impl<'a> Words<'a> {
    fn new(sentences: &'a SentenceCheckpoint) -> Result<Self> {
        Ok(Self { sentences, encoder: sentences.init(&Device::flex())?, known: HashMap::new() })
    }

    /// The sentence embeddings of texts on a device: `[texts, width]`.
    fn embed(&mut self, texts: &[String], device: &Device) -> Tensor<2> {
        let mut rows = Vec::new();
        for text in texts {
            let known = self.known.entry(text.clone()).or_insert_with(|| {
                let embedding = self.sentences.embed(&self.encoder, &[text]);
                embedding.into_data_dtype(DType::F32).try_to_vec().expect("converted just now")
            });
            rows.extend_from_slice(known);
        }
        let width = rows.len() / texts.len();
        Tensor::from_data(TensorData::new(rows, [texts.len(), width]), device)
    }
}

impl Captioner<'_> {
    /// The captions of a batch without repetition, and their targets. Each row, an image or a twin, has one caption.
    fn captions(
        &mut self,
        samples: &LoadedSamples,
        indices: &[usize],
        batch: &Batch,
    ) -> (Vec<String>, [TensorData; 2]) {
        let imposed = imposed(batch.twins.as_ref().expect("every image has a twin"));
        let mask = |index: &usize| &samples.get(*index).0.mask;
        let clean = indices.iter().map(|index| Facts::new(mask(index), None));
        let twins = indices.iter().zip(imposed).map(|(index, (confounder, strength))| {
            let mut facts = Facts::new(mask(index), Some((confounder, strength)));
            if self.acting[confounder] == 0.0 {
                // The lesion has another size and place.
                facts.traits.retain(|found| matches!(found, Trait::Healthy | Trait::Class(_)));
            }
            facts
        });
        let facts: Vec<Facts> = clean.chain(twins).collect();
        let mut captions: Vec<Caption> = Vec::new();
        for facts in &facts {
            let caption = self.grammar.caption(facts, &mut self.rng);
            captions.extend(caption.filter(|caption| !captions.contains(caption)));
        }
        let mut truth: Vec<Vec<f32>> = facts
            .iter()
            .map(|facts| captions.iter().map(|c| facts.truth_of(c)).collect())
            .collect();
        if self.shuffled {
            truth.rotate_left(1);
        }
        let targets = soft_targets(&truth.concat(), captions.len());
        (captions.into_iter().map(|caption| caption.text).collect(), targets)
    }
}

/// The confounder and the strength of each twin.
fn imposed(twins: &Twins) -> Vec<(usize, f32)> {
    let values = |tensor: &Tensor<2>| -> Vec<f32> {
        let data = tensor.clone().into_data_dtype(DType::F32);
        data.try_to_vec().expect("converted to f32 just now")
    };
    let (confounder, strength) = (values(&twins.confounder), values(&twins.strength));
    let width = confounder.len() / strength.len();
    let hot = |row: &[f32]| row.iter().position(|value| *value > 0.5).expect("one-hot");
    confounder.chunks_exact(width).map(hot).zip(strength).collect()
}

/// The contrast of whole images plus the weighted contrast of their regions: `[1]`.
///
/// - `texts`: sentence embeddings of the captions, `[captions, width]`
/// - `labels`: those of the background and of the classes, `[K + 1, width]`
fn loss(
    alignment: &Alignment,
    encoder: &EfficientNetLite,
    batch: &Batch,
    texts: Tensor<2>,
    targets: [TensorData; 2],
    labels: Tensor<2>,
    config: &AlignConfig,
) -> Tensor<1> {
    let last = encoder.forward(batch.pixels.clone().inner()).pop().expect("there are five taps");
    let [rows, channels, height, width] = last.dims();
    let positions = last.reshape([rows, channels, height * width]).swap_dims(1, 2);
    let dense = alignment.images(Tensor::from_inner(positions));
    let images = l2_normalize(dense.clone().mean_dim(1).squeeze_dim::<2>(1));
    let texts = l2_normalize(alignment.texts(texts));
    let whole = contrastive_loss(alignment.scale(), images, texts, targets);
    if config.region == 0.0 || config.shuffled {
        return whole;
    }
    let labels = l2_normalize(alignment.texts(labels));
    let grid = [height, width];
    whole
        + region_loss(dense, grid, &batch.target, labels, config.region_temperature) * config.region
}
