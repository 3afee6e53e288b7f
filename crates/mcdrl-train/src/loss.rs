//! The loss: L = L_seg + 0.5 · L_causal + 0.1 · L_contrast (paper section 3.5).

use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor};
use mcdrl_model::clip::{Clip, ClipTokenizer, normalize};
use mcdrl_model::{Mcdrl, McdrlOutput, Profile};

use crate::batch::Batch;
use crate::config::LossConfig;

/// The text embeddings that the loss looks at; made once, never trained.
#[derive(Clone)]
pub struct LossTexts {
    /// The K classes and the background: `[K + 1, d]`.
    images: Tensor<2>,
    /// (1/M) Σ_m t_{k,m}: `[K, d]`.
    causal: Tensor<2>,
}

/// The loss and its terms, each `[1]`.
pub struct Loss {
    /// What is differentiated.
    pub total: Tensor<1>,
    /// L_seg: pixel cross-entropy and soft Dice.
    pub segmentation: Tensor<1>,
    /// L_causal before its weight; zero without intervention.
    pub causal: Tensor<1>,
    /// L_contrast before its weight.
    pub contrast: Tensor<1>,
}

impl LossTexts {
    /// Embeds the profile's prompts.
    pub fn new(clip: &Clip, tokenizer: &ClipTokenizer, profile: &Profile) -> Self {
        let mut images = profile.class_prompts();
        images.push(profile.background_prompt.clone());
        let causal = (0..profile.classes.len()).map(|class| {
            let texts = clip.embed_texts(tokenizer, &profile.causal_prompts(class));
            normalize(texts).mean_dim(0)
        });
        Self {
            causal: Tensor::cat(causal.collect(), 0).detach(),
            images: normalize(clip.embed_texts(tokenizer, &images)).detach(),
        }
    }

    /// The same texts on another device.
    pub fn on(&self, device: &Device) -> Self {
        let moved = |texts: &Tensor<2>| Tensor::from_data(texts.clone().into_data(), device);
        Self { images: moved(&self.images), causal: moved(&self.causal) }
    }
}

/// The loss of one batch.
pub fn loss(
    network: &Mcdrl,
    output: McdrlOutput,
    batch: &Batch,
    texts: &LossTexts,
    config: &LossConfig,
) -> Loss {
    let [_, _, side, _] = batch.target.dims();
    let segmentation = segmentation_loss(output.full_logits(side), &batch.target, config.dice);
    let contrast = contrast_loss(output.pooled, batch, texts, config.temperature);
    let mut total = segmentation.clone() + contrast.clone() * config.contrast;
    let mut causal = segmentation.zeros_like();
    if let (Some(pooled), Some(weights)) = (output.causal, output.confounders) {
        causal = causal_loss(pooled, batch, texts);
        let factors = (weights.clamp_min(1e-6).log() * batch.factors.clone()).sum_dim(1).mean();
        total = total + causal.clone() * config.causal - factors * config.factors
            + network.dictionary.text_pull() * config.text_pull;
    }
    Loss { total, segmentation, causal, contrast }
}

/// Pixel cross-entropy and, weighted by `dice`, a soft Dice loss over all lesions of an image. A lesion of
/// unknown class asks for the sum of the lesion classes' probabilities.
///
/// - `logits`: `[batch, K + 1, side, side]`, `target`: `[batch, K + 2, side, side]`
fn segmentation_loss(logits: Tensor<4>, target: &Tensor<4>, dice: f32) -> Tensor<1> {
    let [batch, channels, side, _] = logits.dims();
    let log = log_softmax(logits, 1);
    let background = log.clone().narrow(1, 0, 1).exp();
    let lesion = background.neg().add_scalar(1.0).clamp_min(1e-6);
    let log = Tensor::cat(vec![log, lesion.clone().log()], 1);
    let entropy = (log * target.clone()).sum().neg() / (batch * side * side) as f32;
    if dice == 0.0 {
        return entropy;
    }
    let truth = target.clone().narrow(1, 1, channels).sum_dim(1);
    let sum = |map: Tensor<4>| map.reshape([batch, side * side]).sum_dim(1);
    let overlap = sum(lesion.clone() * truth.clone()) * 2.0 + 1.0;
    let dice_loss = (overlap / (sum(lesion) + sum(truth) + 1.0)).mean().neg().add_scalar(1.0);
    entropy + dice_loss * dice
}

/// ‖Pool(F_ca) − (1/M) Σ_m t_{k,m}‖², both of unit length as in CLIP's joint space, over images of a known class.
fn causal_loss(pooled: Tensor<2>, batch: &Batch, texts: &LossTexts) -> Tensor<1> {
    let classes = texts.causal.dims()[0];
    let known = batch.image_target.clone().narrow(1, 0, classes);
    let wanted = normalize(known.clone().matmul(texts.causal.clone()));
    let distance = (normalize(pooled) - wanted).square().sum_dim(1);
    let known = known.sum_dim(1);
    (distance * known.clone()).sum() / known.sum().clamp_min(1.0)
}

/// Cross-entropy of cos(image, text)/τ over the classes and the background; an unknown class asks for any.
fn contrast_loss(
    pooled: Tensor<2>,
    batch: &Batch,
    texts: &LossTexts,
    temperature: f32,
) -> Tensor<1> {
    let scores = Mcdrl::image_text_similarity(pooled, texts.images.clone()) / temperature;
    let log = log_softmax(scores, 1);
    let classes = log.dims()[1] - 1;
    let any = log.clone().narrow(1, 0, classes).exp().sum_dim(1).clamp_min(1e-6).log();
    let log = Tensor::cat(vec![log, any], 1);
    (log * batch.image_target.clone()).sum_dim(1).mean().neg()
}
