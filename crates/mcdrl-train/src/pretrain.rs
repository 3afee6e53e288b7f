//! Contrastive image-text pre-training of a small CLIP (Radford et al. 2021) on captions made from factors.
//!
//! A caption of a whole frame says little about a lesion that covers a tenth of it. With only a few thousand frames, the
//! texts of the classes stay similar. So regions also have captions (Zhong et al. 2022, "RegionCLIP"): every position of the
//! dense features is contrasted with the texts of the classes and of healthy mucosa.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use mcdrl_data::AugmentConfig;
use mcdrl_model::clip::{Clip, DenseFeatures, LARGEST_LOGIT_SCALE};
use mcdrl_model::l2_normalize;
use mcdrl_runtime::{ClipCheckpoint, ClipTokenizer, Preprocess, Profile, Weights};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use crate::batch::{Batch, BatchMaker, for_each_batch, image_class};
use crate::caption::ImageFacts;
use crate::contrast::{contrastive_loss, soft_targets};
use crate::history::EpochRecord;
use crate::imposition::{Imposable, ImpositionConfig};
use crate::learning_rate::learning_rate;
use crate::loss::region_loss;
use crate::optimizer::{LearningRates, ModuleAdamW};
use crate::pretrain_config::PretrainConfig;
use crate::progress::Progress;
use crate::samples::LoadedSamples;
use crate::seed::{mix, seeded};
use crate::{Error, Result};

/// Pre-trains a small CLIP from random weights, on samples with recorded factors. Other samples are left out. The checkpoint
/// has OpenAI's layout.
///
/// # Errors
/// [`Error::Config`] if no sample has factors, [`Error::Diverged`].
pub fn pretrain(
    samples: &LoadedSamples,
    profile: &Profile,
    config: &PretrainConfig,
    device: &Device,
    progress: &mut dyn Progress,
) -> Result<Vec<u8>> {
    config.check()?;
    let known: Vec<usize> =
        (0..samples.len()).filter(|index| samples.get(*index).1.is_some()).collect();
    if known.len() < config.batch_size {
        return Err(Error::Config(format!(
            "pre-training needs at least {} images with recorded factors (`factors.json`, which `mcdrl \
             synth` writes) but there are {}; without them, use a trained CLIP",
            config.batch_size,
            known.len()
        )));
    }
    let device = device.clone().autodiff();
    let architecture = config.architecture();
    let weights = seeded(config.seed, || Weights::of_module(&architecture.init(&Device::flex())));
    let mut clip = weights.load_into(architecture.init(&device))?;
    let mut optimizer = ModuleAdamW::new(config.weight_decay, config.clip_norm);

    let tokenizer = ClipTokenizer::new();
    let preprocess = Preprocess::clip(config.input_size);
    let augment = AugmentConfig::geometric();
    let (nothing, imposable) = (ImpositionConfig::none(), Imposable::of(profile)?);
    let steps = known.len() / config.batch_size;
    let total = config.epochs * steps;
    let mut done = 0;
    for epoch in 0..config.epochs {
        let mut order = known.clone();
        let mut rng = ChaCha8Rng::seed_from_u64(mix(&[config.seed, epoch as u64, 2]));
        rand::seq::SliceRandom::shuffle(&mut order[..], &mut rng);
        // An incomplete last batch would have too few captions to contrast.
        order.truncate(steps * config.batch_size);
        let seed = mix(&[config.seed, epoch as u64, 3]);
        let maker = BatchMaker {
            profile,
            preprocess: &preprocess,
            augment: &augment,
            imposition: &nothing,
            imposable: &imposable,
            seed,
        };
        let (mut sum, mut step) = (0.0, 0);
        for_each_batch(samples, &order, config.batch_size, &maker, &device, |batch, indices| {
            let (texts, targets) = captions(samples, indices, profile, &mut rng);
            let loss = loss(&clip, &tokenizer, &batch, (&texts, targets), profile, config);
            let value = loss.clone().into_scalar::<f32>();
            let learning_rate =
                learning_rate(config.learning_rate, done, total, config.warmup_ratio);
            step += 1;
            Error::check_finite(value, epoch + 1, step, learning_rate)?;
            let gradients = GradientsParams::from_grads(loss.backward(), &clip);
            let rates = LearningRates { encoder: learning_rate, rest: learning_rate };
            clip = optimizer.step(rates, clip.clone(), gradients);
            done += 1;
            sum += f64::from(value);
            progress.step(epoch + 1, step, steps, value);
            Ok::<_, Error>(())
        })?;
        let loss = (sum / steps as f64) as f32;
        let record = EpochRecord { epoch: epoch + 1, loss, ..Default::default() };
        progress.epoch(&record, config.epochs);
    }
    let provenance = json!({ "pretraining": config, "images": known.len() });
    Ok(ClipCheckpoint::to_safetensors(&clip.valid(), &architecture, &provenance))
}

/// The captions of all images without repetition, and two targets from their truth, each `[images, captions]`. Rows of the
/// first sum to one, and columns of the second.
fn captions(
    samples: &LoadedSamples,
    indices: &[usize],
    profile: &Profile,
    rng: &mut ChaCha8Rng,
) -> (Vec<String>, [TensorData; 2]) {
    let facts: Vec<ImageFacts> = indices
        .iter()
        .map(|index| {
            let (image, factors) = samples.get(*index);
            ImageFacts::new(image_class(image.mask.classes()), factors, profile)
        })
        .collect();
    let mut captions = Vec::new();
    for (facts, index) in facts.iter().zip(indices) {
        for caption in facts.captions(profile, samples.get(*index).1, rng) {
            if !captions.contains(&caption) {
                captions.push(caption);
            }
        }
    }
    let truth: Vec<f32> =
        facts.iter().flat_map(|facts| captions.iter().map(|c| facts.truth(c))).collect();
    let targets = soft_targets(&truth, captions.len());
    (captions.into_iter().map(|caption| caption.text).collect(), targets)
}

/// The contrast of whole images plus the weighted contrast of their regions.
fn loss(
    clip: &Clip,
    tokenizer: &ClipTokenizer,
    batch: &Batch,
    (captions, targets): (&[String], [TensorData; 2]),
    profile: &Profile,
    config: &PretrainConfig,
) -> Tensor<1> {
    let features = clip.visual.forward(batch.pixels.clone(), DenseFeatures::ValuePath);
    let labels = profile.label_prompts();
    let count = labels.len();
    let texts: Vec<&String> = labels.iter().chain(captions).collect();
    let texts = l2_normalize(tokenizer.embed(clip, &texts));
    let captions = texts.clone().narrow(0, count, captions.len());
    let images = l2_normalize(features.pooled);
    let scale = clip.logit_scale.val().clamp_max(LARGEST_LOGIT_SCALE.ln()).exp();
    let whole = contrastive_loss(scale, images, captions, targets);
    if config.region == 0.0 {
        return whole;
    }
    let labels = texts.narrow(0, 0, count);
    let (grid, temperature) = (features.grid, config.region_temperature);
    whole + region_loss(features.dense, grid, &batch.target, labels, temperature) * config.region
}
