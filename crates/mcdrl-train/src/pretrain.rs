//! Contrastive image-text pre-training of a small CLIP (Radford et al. 2021) on captions made from factors.
//!
//! A caption of a whole frame says little about a lesion that covers a tenth of it: from a few thousand frames the
//! texts of the classes would stay alike. So the regions are captioned too (Zhong et al. 2022, "RegionCLIP"): every
//! position of the dense features against the texts of the classes and of healthy mucosa.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};
use mcdrl_data::AugmentConfig;
use mcdrl_model::clip::{
    Clip, ClipCheckpoint, ClipConfig, ClipTextEncoderConfig, ClipTokenizer,
    ClipVisionEncoderConfig, CompactResNetConfig, DenseFeatures, ModifiedResNetConfig,
    VisionTransformerConfig, normalize,
};
use mcdrl_model::{Preprocess, Profile, Weights};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::batch::{Batch, BatchMaker, LoadedSamples, for_each_batch, image_class, mix};
use crate::caption::ImageFacts;
use crate::loss::region_loss;
use crate::optimize::{ModuleAdamW, learning_rate};
use crate::progress::Progress;
use crate::start::seeded;
use crate::train::EpochRecord;
use crate::{Error, Result};

/// Share of the steps over which the learning rate rises.
const RISE: f64 = 0.05;

/// The visual backbone of a small CLIP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backbone {
    /// A compact ResNet: what learns from few images.
    #[default]
    Compact,
    /// CLIP's own ModifiedResNet at a small scale.
    ResNet,
    /// A vision transformer.
    Vit,
}

/// How a small CLIP is pre-trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PretrainConfig {
    /// Decides the initial weights, the captions and the order of the data.
    pub seed: u64,
    /// Number of epochs.
    pub epochs: usize,
    /// Images a step.
    pub batch_size: usize,
    /// Initial learning rate of AdamW.
    pub learning_rate: f64,
    /// Weight decay of AdamW.
    pub weight_decay: f64,
    /// Side of the square input, pixels.
    pub input_size: usize,
    /// The visual backbone.
    pub backbone: Backbone,
    /// Channels of the first stage; later stages have twice, four and eight times as many, and so has the ViT.
    pub width: usize,
    /// Blocks of the ResNet's stages; the ViT has as many in all.
    pub layers: [usize; 4],
    /// Width d of the joint space.
    pub embed_dim: usize,
    /// Weight of the contrast position by position beside that of whole images.
    pub region: f32,
    /// Temperature of the contrast position by position.
    pub region_temperature: f32,
}

impl Default for PretrainConfig {
    fn default() -> Self {
        Self {
            seed: 7,
            epochs: 10,
            batch_size: 32,
            learning_rate: 0.002,
            weight_decay: 0.01,
            input_size: 128,
            backbone: Backbone::Compact,
            width: 24,
            layers: [1, 1, 2, 2],
            embed_dim: 128,
            region: 1.0,
            region_temperature: 0.1,
        }
    }
}

impl PretrainConfig {
    /// The architecture that is trained.
    pub fn architecture(&self) -> ClipConfig {
        let vision = match self.backbone {
            Backbone::Compact => ClipVisionEncoderConfig::Compact(
                CompactResNetConfig::new()
                    .with_image_size(self.input_size)
                    .with_channels([1, 2, 4, 8].map(|times| times * self.width))
                    .with_layers(self.layers)
                    .with_embed_dim(self.embed_dim),
            ),
            Backbone::ResNet => ClipVisionEncoderConfig::ResNet(
                ModifiedResNetConfig::new()
                    .with_image_size(self.input_size)
                    .with_width(self.width)
                    .with_layers(self.layers)
                    .with_heads(8)
                    .with_embed_dim(self.embed_dim),
            ),
            Backbone::Vit => ClipVisionEncoderConfig::Vit(
                VisionTransformerConfig::new()
                    .with_image_size(self.input_size)
                    .with_patch_size(8)
                    .with_width(8 * self.width)
                    .with_layers(self.layers.iter().sum())
                    .with_heads((self.width / 8).max(1))
                    .with_embed_dim(self.embed_dim),
            ),
        };
        let text = ClipTextEncoderConfig::new()
            .with_width(64)
            .with_layers(2)
            .with_heads(2)
            .with_embed_dim(self.embed_dim);
        ClipConfig::new(vision, text)
    }

    fn check(&self) -> Result<()> {
        let stride = self.architecture().vision.stride();
        let sound = self.epochs > 0
            && self.batch_size > 1
            && self.width >= 8
            && self.width.is_multiple_of(8)
            && self.embed_dim > 0
            && self.layers.iter().all(|layers| *layers > 0)
            && self.input_size >= 2 * stride
            && self.input_size.is_multiple_of(stride)
            && self.learning_rate > 0.0;
        if sound {
            return Ok(());
        }
        Err(Error::Config(format!(
            "no CLIP can be pre-trained with these sizes: the input must be a multiple of {stride} \
             pixels, the width one of 8, the batch at least 2, everything else positive"
        )))
    }
}

/// Pre-trains a small CLIP from random weights on samples whose factors are recorded (others are left out).
/// The checkpoint is in OpenAI's layout.
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
            "pre-training needs at least {} images with recorded factors (`factors.json`, as `mcdrl \
             synth` writes it) and there are {}; without, give a trained CLIP",
            config.batch_size,
            known.len()
        )));
    }
    let device = device.clone().autodiff();
    let architecture = config.architecture();
    let weights = seeded(config.seed, || Weights::of_module(&architecture.init(&Device::flex())));
    let mut clip = weights.load_into(architecture.init(&device), &str::to_owned)?;
    let mut optimizer = ModuleAdamW::new(config.weight_decay, 1.0);

    let tokenizer = ClipTokenizer::new();
    let preprocess = Preprocess::clip(config.input_size);
    let augment = AugmentConfig::geometric();
    let steps = known.len() / config.batch_size;
    let total = config.epochs * steps;
    let mut done = 0;
    for epoch in 0..config.epochs {
        let mut order = known.clone();
        let mut rng = ChaCha8Rng::seed_from_u64(mix(&[config.seed, epoch as u64, 2]));
        rand::seq::SliceRandom::shuffle(&mut order[..], &mut rng);
        // A batch of a few images has few captions to tell apart.
        order.truncate(steps * config.batch_size);
        let seed = mix(&[config.seed, epoch as u64, 3]);
        let maker = BatchMaker { profile, preprocess: &preprocess, augment: &augment, seed };
        let (mut sum, mut step) = (0.0, 0);
        for_each_batch(samples, &order, config.batch_size, &maker, &device, |batch, indices| {
            let (texts, targets) = captions(samples, indices, profile, &mut rng);
            let loss = loss(&clip, &tokenizer, &batch, (&texts, targets), profile, config);
            let value = loss.clone().into_scalar::<f32>();
            let learning_rate = learning_rate(config.learning_rate, done, total, RISE);
            step += 1;
            if !value.is_finite() {
                return Err(Error::Diverged { loss: value, epoch: epoch + 1, step, learning_rate });
            }
            let gradients = GradientsParams::from_grads(loss.backward(), &clip);
            clip = optimizer.step(learning_rate, clip.clone(), gradients);
            done += 1;
            sum += f64::from(value);
            progress.step(epoch + 1, step, steps, value);
            Ok(())
        })?;
        let loss = (sum / steps as f64) as f32;
        let record = EpochRecord { epoch: epoch + 1, loss, contrast: loss, ..Default::default() };
        progress.epoch(&record, config.epochs);
    }
    let provenance = json!({ "pretraining": config, "images": known.len() });
    Ok(ClipCheckpoint::to_safetensors(&clip.valid(), &architecture, &provenance))
}

/// Captions of every image, equal ones once, and how true each is of each image: rows sum to one over the
/// captions, columns over the images.
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
    let (rows, columns) = (facts.len(), captions.len());
    let truth: Vec<f32> =
        facts.iter().flat_map(|facts| captions.iter().map(|c| facts.truth(c))).collect();
    let share = |sum: f32, value: f32| if sum > 0.0 { value / sum } else { 0.0 };
    let by_image = (0..rows * columns)
        .map(|at| share(truth[at / columns * columns..][..columns].iter().sum(), truth[at]));
    let by_text = (0..rows * columns)
        .map(|at| share(truth.iter().skip(at % columns).step_by(columns).sum(), truth[at]));
    let targets = [by_image.collect::<Vec<_>>(), by_text.collect()];
    let targets = targets.map(|values| TensorData::new(values, [rows, columns]));
    (captions.into_iter().map(|caption| caption.text).collect(), targets)
}

/// The contrast of whole images and, weighted, that of their regions.
fn loss(
    clip: &Clip,
    tokenizer: &ClipTokenizer,
    batch: &Batch,
    (captions, targets): (&[String], [TensorData; 2]),
    profile: &Profile,
    config: &PretrainConfig,
) -> Tensor<1> {
    let features = clip.visual.forward(batch.pixels.clone(), DenseFeatures::ValuePath);
    let mut classes = profile.class_prompts();
    classes.push(profile.background_prompt.clone());
    let count = classes.len();
    let texts: Vec<&String> = classes.iter().chain(captions).collect();
    let texts = normalize(clip.embed_texts(tokenizer, &texts));
    let captions = texts.clone().narrow(0, count, captions.len());
    let images = normalize(features.pooled);
    let whole = contrastive_loss(clip, images, captions, targets);
    if config.region == 0.0 {
        return whole;
    }
    let classes = texts.narrow(0, 0, count);
    let (grid, temperature) = (features.grid, config.region_temperature);
    whole + region_loss(features.dense, grid, &batch.target, classes, temperature) * config.region
}

/// The mean of both directions' cross-entropy against the (soft) targets.
///
/// - `images`: `[batch, d]`, `texts`: `[captions, d]`, both of unit length
fn contrastive_loss(
    clip: &Clip,
    images: Tensor<2>,
    texts: Tensor<2>,
    targets: [TensorData; 2],
) -> Tensor<1> {
    let device = images.device();
    // OpenAI's limit: a temperature below 1/100 is unstable.
    let scale = clip.logit_scale.val().clamp_max(100.0f32.ln()).exp();
    let scores = images.matmul(texts.transpose()) * scale.unsqueeze::<2>();
    let [by_image, by_text] = targets.map(|target| Tensor::<2>::from_data(target, &device));
    let image_loss = (log_softmax(scores.clone(), 1) * by_image).sum_dim(1).mean();
    let text_loss = (log_softmax(scores, 0) * by_text).sum_dim(0).mean();
    (image_loss + text_loss) * -0.5
}
