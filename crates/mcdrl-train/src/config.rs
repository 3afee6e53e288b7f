//! How a segmenter is trained.

use mcdrl_data::AugmentConfig;
use mcdrl_model::clip::{ClipVisionEncoderConfig, DenseFeatures};
use mcdrl_model::{DictionaryLearning, Weighting};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Everything that decides a training run. The defaults are the paper's where it states them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Decides the initial weights, the order of the data and its augmentation.
    pub seed: u64,
    /// Number of epochs (paper: 50).
    pub epochs: usize,
    /// Epochs before the intervention joins, while the head warms up (paper: 10).
    pub warm_up: usize,
    /// Images a step.
    pub batch_size: usize,
    /// Images an epoch; 0 means as many as there are.
    pub epoch_images: usize,
    /// How the sites share an epoch: their share is nᵇ for a site of n images. 1 is by size, 0 is all equal.
    pub site_balance: f64,
    /// Initial learning rate of AdamW (paper: 0.005); it falls to zero by a cosine.
    pub learning_rate: f64,
    /// Weight decay of AdamW.
    pub weight_decay: f64,
    /// Largest norm of each parameter's gradient.
    pub clip_norm: f64,
    /// Decay a step of the averaged weights that are evaluated and kept; 0 keeps the last weights.
    pub average_decay: f64,
    /// Side of the square input, pixels (paper: 224).
    pub input_size: usize,
    /// Share of the training images, by whole groups, that validate.
    pub validation: f64,
    /// Epochs without a better validation Dice after which training stops; 0 never stops.
    pub patience: usize,
    /// Where a vision transformer's dense features come from; a ResNet has one kind alone.
    pub dense: DenseFeatures,
    /// Share α of the positions that region selection keeps.
    pub alpha: f64,
    /// Layers of the intervention (paper: 3).
    pub intervention_layers: usize,
    /// How the confounders are weighted. Where factors are recorded, the prior of `Backdoor` is their mean share.
    pub weighting: Weighting,
    /// What training may do to the dictionary.
    pub dictionary: DictionaryLearning,
    /// Channels inside the head.
    pub head_width: usize,
    /// Whether regions are selected (MTRS).
    pub select_regions: bool,
    /// Whether confounders are intervened on (CDRL).
    pub intervene: bool,
    /// The terms of the loss.
    pub loss: LossConfig,
    /// Augmentation of the training images.
    pub augment: AugmentConfig,
}

/// L = L_seg + 0.5 · L_causal + 0.1 · L_contrast, and four terms of ours that are zero in the paper.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LossConfig {
    /// Weight of L_causal (paper: 0.5).
    pub causal: f32,
    /// Weight of L_contrast (paper: 0.1).
    pub contrast: f32,
    /// Temperature τ of L_contrast (paper: 0.5).
    pub temperature: f32,
    /// Weight of a soft Dice loss beside the pixel cross-entropy: lesions are small, and cross-entropy alone
    /// learns the background first.
    pub dice: f32,
    /// Weight of L_contrast position by position: each grid cell's dense feature against the class and background
    /// texts, its share of the mask as the answer. A CLIP trained on millions of pairs brings the alignment that
    /// region selection needs; a small one has to learn it here.
    pub region: f32,
    /// Temperature of the region term.
    pub region_temperature: f32,
    /// Weight of a cross-entropy between the confounder weights and the recorded factors, for images that
    /// have them: it keeps a weight true to its name.
    pub factors: f32,
    /// Weight of the pull of a tuned dictionary towards its texts.
    pub text_pull: f32,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            seed: 7,
            epochs: 50,
            warm_up: 10,
            batch_size: 16,
            epoch_images: 0,
            site_balance: 1.0,
            learning_rate: 0.005,
            weight_decay: 0.01,
            clip_norm: 1.0,
            average_decay: 0.99,
            input_size: 224,
            validation: 0.1,
            patience: 15,
            dense: DenseFeatures::ValuePath,
            alpha: 0.5,
            intervention_layers: 3,
            weighting: Weighting::Attention,
            dictionary: DictionaryLearning::Tuned,
            head_width: 64,
            select_regions: true,
            intervene: true,
            loss: LossConfig::default(),
            augment: AugmentConfig::default(),
        }
    }
}

impl Default for LossConfig {
    fn default() -> Self {
        Self {
            causal: 0.5,
            contrast: 0.1,
            temperature: 0.5,
            dice: 1.0,
            region: 0.5,
            region_temperature: 0.1,
            factors: 0.5,
            text_pull: 0.1,
        }
    }
}

impl TrainConfig {
    /// The defaults for an encoder: the paper's for a CLIP of 224² and more; for a small CLIP that was
    /// pre-trained from scratch its own input size and a learning rate that suits its random start.
    pub fn for_encoder(vision: &ClipVisionEncoderConfig) -> Self {
        let paper = Self::default();
        if vision.image_size() >= paper.input_size {
            return paper;
        }
        Self { input_size: vision.image_size(), learning_rate: 0.002, ..paper }
    }

    /// The defaults for an encoder with what a TOML text says instead.
    ///
    /// # Errors
    /// [`Error::Config`] naming the line.
    pub fn from_toml(text: &str, vision: &ClipVisionEncoderConfig) -> Result<Self> {
        Self::for_encoder(vision).with_toml(text, vision)
    }

    /// This configuration with what a TOML text says instead.
    ///
    /// # Errors
    /// [`Error::Config`] naming the line.
    pub fn with_toml(&self, text: &str, vision: &ClipVisionEncoderConfig) -> Result<Self> {
        let broken = |e: &dyn std::fmt::Display| {
            Error::Config(format!("the training configuration cannot be read: {e}"))
        };
        let defaults = toml::Table::try_from(self).map_err(|e| broken(&e))?;
        let stated: toml::Table = toml::from_str(text).map_err(|e| broken(&e))?;
        let config: Self = merge(defaults, stated).try_into().map_err(|e| broken(&e))?;
        config.check(vision)?;
        Ok(config)
    }

    /// Checks that a run can be made of this.
    ///
    /// # Errors
    /// [`Error::Config`] saying which value cannot be.
    pub fn check(&self, vision: &ClipVisionEncoderConfig) -> Result<()> {
        let stride = vision.stride();
        let problem = if self.epochs == 0 || self.batch_size == 0 {
            "`epochs` and `batch_size` must be at least 1".into()
        } else if self.input_size == 0 || !self.input_size.is_multiple_of(stride) {
            let size = self.input_size;
            format!("`input_size` {size} must be a multiple of the encoder's stride {stride}")
        } else if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            format!("`learning_rate` {} must be positive", self.learning_rate)
        } else if !(0.0..=1.0).contains(&self.alpha) {
            format!("`alpha` {} must lie between 0 and 1", self.alpha)
        } else if !(0.0..0.9).contains(&self.validation) {
            format!("`validation` {} must lie between 0 and 0.9", self.validation)
        } else if !(0.0..1.0).contains(&self.average_decay) {
            format!("`average_decay` {} must be at least 0 and below 1", self.average_decay)
        } else if self.intervene && self.intervention_layers == 0 {
            "`intervention_layers` must be at least 1".into()
        } else if self.intervene && self.warm_up >= self.epochs {
            let Self { warm_up, epochs, .. } = self;
            format!(
                "after a `warm_up` of {warm_up} the intervention never joins in {epochs} `epochs`"
            )
        } else if self.head_width == 0 {
            "`head_width` must be at least 1".into()
        } else if !(-16.0..=16.0).contains(&self.site_balance) {
            format!("`site_balance` {} must lie between -16 and 16", self.site_balance)
        } else if !(self.loss.temperature > 0.0 && self.loss.region_temperature > 0.0) {
            "`temperature` and `region_temperature` must be positive".into()
        } else {
            return Ok(());
        };
        Err(Error::Config(problem))
    }
}

fn merge(mut defaults: toml::Table, stated: toml::Table) -> toml::Table {
    for (key, value) in stated {
        let merged = match (defaults.remove(&key), value) {
            (Some(toml::Value::Table(inner)), toml::Value::Table(stated)) => {
                toml::Value::Table(merge(inner, stated))
            }
            (_, value) => value,
        };
        defaults.insert(key, merged);
    }
    defaults
}
