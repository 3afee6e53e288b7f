//! The loss: L = L_seg + 0.5 · L_causal + 0.1 · L_contrast (paper section 3.5).

use burn::tensor::activation::log_softmax;
use burn::tensor::module::adaptive_avg_pool2d;
use burn::tensor::{Device, Tensor};
use mcdrl_model::clip::Clip;
use mcdrl_model::{DictionaryLearning, Network, NetworkOutput, cosine_similarity, l2_normalize};
use mcdrl_runtime::{ClipTokenizer, Profile};

use crate::batch::Batch;
use crate::config::LossConfig;

/// The text embeddings in the loss. They are made once and never trained.
#[derive(Clone)]
pub struct LossTexts {
    /// The background and the K classes: `[K + 1, d]`.
    images: Tensor<2>,
    /// (1/M) Σ_m t_{k,m}: `[K, d]`.
    causal: Tensor<2>,
}

/// The loss and its terms, each `[1]`.
pub struct Loss {
    /// The sum that is differentiated.
    pub total: Tensor<1>,
    /// L_seg: pixel cross-entropy and soft Dice.
    pub segmentation: Tensor<1>,
    /// L_causal before its weight; zero without intervention.
    pub causal: Tensor<1>,
    /// L_contrast before its weight.
    pub contrast: Tensor<1>,
}

/// The values of a [`Loss`].
pub struct LossValues {
    /// The sum that is differentiated.
    pub total: f32,
    /// L_seg.
    pub segmentation: f32,
    /// L_causal.
    pub causal: f32,
    /// L_contrast.
    pub contrast: f32,
}

impl Loss {
    /// Reads the values from the device.
    pub fn values(&self) -> LossValues {
        let value = |term: &Tensor<1>| term.clone().into_scalar();
        LossValues {
            total: value(&self.total),
            segmentation: value(&self.segmentation),
            causal: value(&self.causal),
            contrast: value(&self.contrast),
        }
    }
}

impl LossTexts {
    /// Embeds the profile's prompts.
    pub fn new(clip: &Clip, tokenizer: &ClipTokenizer, profile: &Profile) -> Self {
        let causal = (0..profile.classes.len()).map(|class| {
            let texts = tokenizer.embed(clip, &profile.causal_prompts(class));
            l2_normalize(texts).mean_dim(0)
        });
        Self {
            causal: Tensor::cat(causal.collect(), 0).detach(),
            images: l2_normalize(tokenizer.embed(clip, &profile.label_prompts())).detach(),
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
    network: &Network,
    output: NetworkOutput,
    batch: &Batch,
    texts: &LossTexts,
    learning: DictionaryLearning,
    config: &LossConfig,
) -> Loss {
    let [_, _, side, _] = batch.target.dims();
    let segmentation = segmentation_loss(output.full_logits(side), &batch.target, config.dice);
    let contrast = contrast_loss(output.pooled, batch, texts, config.temperature);
    let mut total = segmentation.clone() + contrast.clone() * config.contrast;
    if config.region > 0.0 {
        let region = region_loss(
            output.dense,
            output.regions.grid,
            &batch.target,
            texts.images.clone(),
            config.region_temperature,
        );
        total = total + region * config.region;
    }
    let mut causal = segmentation.zeros_like();
    if let Some(intervened) = output.intervened {
        causal = causal_loss(intervened.pooled, batch, texts);
        let log_weights = intervened.image_weights.clamp_min(1e-6).log();
        let factors = (log_weights * batch.factors.clone()).sum_dim(1).mean();
        total = total + causal.clone() * config.causal - factors * config.factors;
        if learning == DictionaryLearning::Tuned {
            total = total + network.dictionary.text_pull() * config.text_pull;
        }
    }
    Loss { total, segmentation, causal, contrast }
}

/// Pixel cross-entropy and, weighted by `dice`, a soft Dice loss: the mean over all lesions together and each class
/// that the image has. For a lesion of unknown class, the sum of the lesion classes' probabilities counts.
///
/// - `logits`: `[batch, K + 1, side, side]`, `target`: `[batch, K + 2, side, side]`
fn segmentation_loss(logits: Tensor<4>, target: &Tensor<4>, dice: f32) -> Tensor<1> {
    let [batch, channels, side, _] = logits.dims();
    let log = log_softmax(logits, 1);
    let probability = log.clone().exp();
    let lesion = probability.clone().narrow(1, 0, 1).neg().add_scalar(1.0).clamp_min(1e-6);
    let log = Tensor::cat(vec![log, lesion.clone().log()], 1);
    let entropy = (log * target.clone()).sum().neg() / (batch * side * side) as f32;
    if dice == 0.0 {
        return entropy;
    }
    let pixels = |map: Tensor<4>| map.flatten::<3>(2, 3);
    let predicted = pixels(Tensor::cat(vec![lesion, probability.narrow(1, 1, channels - 1)], 1));
    let truth = pixels(Tensor::cat(
        vec![
            target.clone().narrow(1, 1, channels).sum_dim(1),
            target.clone().narrow(1, 1, channels - 1),
        ],
        1,
    ));
    let size = truth.clone().sum_dim(2);
    let overlap = (predicted.clone() * truth).sum_dim(2) * 2.0 + 1.0;
    let missing = (overlap / (predicted.sum_dim(2) + size.clone() + 1.0)).neg().add_scalar(1.0);
    // The first row is all lesions together. It counts in every image.
    let [_, rows, _] = size.dims();
    let present = size.greater_elem(0.0).float();
    let counts = Tensor::cat(
        vec![present.clone().narrow(1, 0, 1).ones_like(), present.narrow(1, 1, rows - 1)],
        1,
    );
    let dice_loss = ((missing * counts.clone()).sum_dim(1) / counts.sum_dim(1)).mean();
    entropy + dice_loss * dice
}

/// ‖Pool(F_ca) − (1/M) Σ_m t_{k,m}‖², both of unit length as in CLIP's joint space, over images of a known class.
fn causal_loss(pooled: Tensor<2>, batch: &Batch, texts: &LossTexts) -> Tensor<1> {
    let classes = texts.causal.dims()[0];
    let known = batch.image_target.clone().narrow(1, 1, classes);
    let wanted = l2_normalize(known.clone().matmul(texts.causal.clone()));
    let distance = (l2_normalize(pooled) - wanted).square().sum_dim(1);
    let known = known.sum_dim(1);
    (distance * known.clone()).sum() / known.sum().clamp_min(1.0)
}

/// [`contrast_loss`] at every grid cell, against the shares of the labels in it. Lesions and their surroundings count
/// equally.
///
/// - `dense`: `[batch, H·W, d]`, `target`: `[batch, K + 2, side, side]`
/// - `texts`: of the background and of the classes, `[K + 1, d]`
pub(crate) fn region_loss(
    dense: Tensor<3>,
    [rows, columns]: [usize; 2],
    target: &Tensor<4>,
    texts: Tensor<2>,
    temperature: f32,
) -> Tensor<1> {
    let [batch, channels, ..] = target.dims();
    let shares = adaptive_avg_pool2d(target.clone(), [rows, columns]);
    let shares = shares.reshape([batch, channels, rows * columns]).swap_dims(1, 2);
    let background = shares.clone().narrow(2, 0, 1);
    let lesions = shares.narrow(2, 1, channels - 1);
    let scores = l2_normalize(dense).matmul(texts.transpose().unsqueeze::<3>());
    let log = with_unknown(log_softmax(scores / temperature, 2));
    let log_background = log.clone().narrow(2, 0, 1);
    let log_lesions = log.narrow(2, 1, channels - 1);
    let mean = |log: Tensor<3>, shares: Tensor<3>| {
        (log * shares.clone()).sum() / shares.sum().clamp_min(1.0)
    };
    (mean(log_background, background) + mean(log_lesions, lesions)) * -0.5
}

/// Cross-entropy of cos(image, text)/τ over the background and the classes. For a lesion of unknown class, any class is
/// right.
fn contrast_loss(
    pooled: Tensor<2>,
    batch: &Batch,
    texts: &LossTexts,
    temperature: f32,
) -> Tensor<1> {
    let scores = cosine_similarity(pooled, texts.images.clone()) / temperature;
    let log = with_unknown(log_softmax(scores, 1));
    (log * batch.image_target.clone()).sum_dim(1).mean().neg()
}

/// Log probabilities of the background and the K classes, and at the end that of any class.
///
/// - `log`: `[.., K + 1]`
/// - output: `[.., K + 2]`
fn with_unknown<const D: usize>(log: Tensor<D>) -> Tensor<D> {
    let classes = log.dims()[D - 1] - 1;
    let any = log.clone().narrow(D - 1, 1, classes).exp().sum_dim(D - 1);
    Tensor::cat(vec![log, any.clamp_min(1e-6).log()], D - 1)
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;

    use super::*;

    const SIDE: usize = 4;

    fn device() -> Device {
        Device::flex()
    }

    /// One image whose left half has the label `channel` and whose right half is background.
    fn target(channel: usize, channels: usize) -> Tensor<4> {
        let plane = SIDE * SIDE;
        let mut values = vec![0.0f32; channels * plane];
        for at in 0..plane {
            let channel = if at % SIDE < SIDE / 2 { channel } else { 0 };
            values[channel * plane + at] = 1.0;
        }
        Tensor::from_data(TensorData::new(values, [1, channels, SIDE, SIDE]), &device())
    }

    fn value(loss: Tensor<1>) -> f32 {
        loss.into_scalar()
    }

    #[test]
    fn the_loss_is_low_for_right_answers_and_high_for_wrong_ones() {
        let right = target(1, 3) * 30.0;
        let wrong = target(2, 3) * 30.0;
        let truth = target(1, 4);
        for dice in [0.0, 1.0] {
            assert!(value(segmentation_loss(right.clone(), &truth, dice)) < 1e-3);
            assert!(value(segmentation_loss(wrong.clone(), &truth, dice)) > 5.0);
        }
    }

    #[test]
    fn a_lesion_of_unknown_class_accepts_any_class() {
        // Channel 3 of four: background, two classes, unknown.
        let truth = target(3, 4);
        let of = |channel| value(segmentation_loss(target(channel, 3) * 30.0, &truth, 1.0));
        assert!(of(1) < 1e-3 && of(2) < 1e-3, "{} {}", of(1), of(2));
        assert!(of(0) > 5.0);
    }

    #[test]
    fn lesion_free_images_need_a_lesion_free_answer() {
        let truth = target(0, 4);
        assert!(value(segmentation_loss(target(0, 3) * 30.0, &truth, 1.0)) < 1e-3);
        assert!(value(segmentation_loss(target(1, 3) * 30.0, &truth, 1.0)) > 5.0);
    }

    #[test]
    fn the_causal_loss_uses_only_images_of_a_known_class() {
        let rows = |values: Vec<f32>, width: usize| {
            let height = values.len() / width;
            Tensor::<2>::from_data(TensorData::new(values, [height, width]), &device())
        };
        let texts = LossTexts {
            images: rows(vec![-1.0, 0.0, 1.0, 0.0, 0.0, 1.0], 2),
            causal: rows(vec![1.0, 0.0, 0.0, 1.0], 2),
        };
        let batch = |image_target: Vec<f32>| Batch {
            pixels: Tensor::zeros([2, 3, SIDE, SIDE], &device()),
            target: Tensor::zeros([2, 4, SIDE, SIDE], &device()),
            image_target: rows(image_target, 4),
            factors: Tensor::zeros([2, 1], &device()),
        };
        let pooled = || rows(vec![3.0, 0.0, 0.0, 5.0], 2);
        let known = batch(vec![0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        assert!(value(causal_loss(pooled(), &known, &texts)) < 1e-6);
        let swapped = batch(vec![0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
        assert!((value(causal_loss(pooled(), &swapped, &texts)) - 2.0).abs() < 1e-5);
        // The second image is lesion-free, then of unknown class. Only the first image counts.
        for place in [0, 3] {
            let mut image_target = vec![0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
            image_target[4 + place] = 1.0;
            let loss = value(causal_loss(pooled(), &batch(image_target), &texts));
            assert!((loss - 2.0).abs() < 1e-5);
        }
    }
}
