//! The configuration of a training run.

use garde::Validate;
use mcdrl_data::AugmentConfig;
use mcdrl_model::clip::ClipVisionEncoderConfig;
use mcdrl_model::{
    CausalInterventionConfig, DictionaryLearning, NetworkConfig, RunConfig, SegmentationHeadConfig,
    faults_of,
};
use serde::{Deserialize, Serialize};

use crate::flat_keys::explain_flat_keys;
use crate::rules::{below_one, not_negative, positive, validation_share};
use crate::{Error, Result};

/// The learning rate of encoders with small inputs: that of their pre-training.
const SMALL_ENCODER_LEARNING_RATE: f64 = 0.002;

/// The complete configuration of a training run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// The seed of the initial weights, the order of the data and its augmentation.
    #[garde(skip)]
    pub seed: u64,
    /// The network.
    #[garde(dive)]
    pub model: ModelConfig,
    /// AdamW and the moving average of the weights.
    #[garde(dive)]
    pub optimizer: OptimizerConfig,
    /// Epochs and the learning rate over them.
    #[garde(dive)]
    pub schedule: ScheduleConfig,
    /// The terms of the loss.
    #[garde(dive)]
    pub loss: LossConfig,
    /// The images of a step and of an epoch.
    #[garde(dive)]
    pub data: DataConfig,
    /// Augmentation of the training images.
    #[garde(dive)]
    pub augment: AugmentConfig,
}

/// The network. The visual encoder comes from the CLIP checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct ModelConfig {
    /// Side of the square input, pixels (paper: 224): a multiple of the encoder's stride.
    #[garde(range(min = 1, max = 4096))]
    pub input_size: usize,
    /// How training changes the dictionary.
    #[garde(skip)]
    pub dictionary: DictionaryLearning,
    /// Sizes of the intervention.
    #[garde(dive)]
    pub intervention: CausalInterventionConfig,
    /// Sizes of the head.
    #[garde(dive)]
    pub head: SegmentationHeadConfig,
    /// Run-time settings of the network. With recorded factors, the prior of the weighting `Backdoor` is their mean share.
    #[garde(dive)]
    pub run: RunConfig,
}

/// AdamW and the exponential moving average (EMA) of the weights. The EMA is evaluated and kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct OptimizerConfig {
    /// Highest learning rate (paper: 0.005).
    #[garde(custom(positive))]
    pub learning_rate: f64,
    /// Weight decay. The paper does not state it.
    #[garde(custom(not_negative))]
    pub weight_decay: f64,
    /// Largest norm of each parameter's gradient; 0 disables clipping. The paper does not state it.
    #[garde(custom(not_negative))]
    pub clip_norm: f64,
    /// Decay of the EMA per step; 0 keeps the last weights.
    #[garde(custom(below_one))]
    pub ema_decay: f64,
    /// Ramp of the EMA: after n steps, its decay is at most (1 + n) / (ramp + n), so that it soon forgets the random initial
    /// weights.
    #[garde(custom(positive))]
    pub ema_ramp: f64,
}

/// Epochs and the learning rate over them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct ScheduleConfig {
    /// Number of epochs (paper: 50).
    #[garde(range(min = 1))]
    pub epochs: usize,
    /// Number of epochs at the start in which the head is trained without the intervention (paper: 10).
    #[garde(skip)]
    pub intervention_start_epoch: usize,
    /// Share of the steps in which the learning rate rises. After that it falls to zero along a cosine.
    #[garde(custom(below_one))]
    pub warmup_ratio: f64,
    /// Training stops after this number of epochs without a better validation Dice; 0 disables this.
    #[garde(skip)]
    pub patience: usize,
}

/// L = L_seg + 0.5 · L_causal + 0.1 · L_contrast, and four terms that the paper does not have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct LossConfig {
    /// Weight of L_causal (paper: 0.5).
    #[garde(custom(not_negative))]
    pub causal: f32,
    /// Weight of L_contrast (paper: 0.1).
    #[garde(custom(not_negative))]
    pub contrast: f32,
    /// Temperature τ of L_contrast (paper: 0.5).
    #[garde(custom(positive))]
    pub temperature: f32,
    /// Weight of a soft Dice loss beside the pixel cross-entropy. Lesions are small, and cross-entropy alone learns the
    /// background first.
    #[garde(custom(not_negative))]
    pub dice: f32,
    /// Weight of L_contrast at each position: the dense feature of each grid cell is compared with the texts of the classes
    /// and the background. The targets are the shares of the mask in the cell. Region selection needs this alignment. A CLIP
    /// trained on millions of pairs has it; a small CLIP learns it here.
    #[garde(custom(not_negative))]
    pub region: f32,
    /// Temperature of the region term.
    #[garde(custom(positive))]
    pub region_temperature: f32,
    /// Weight of a cross-entropy between the confounder weights and the recorded factors, for images that have them.
    #[garde(custom(not_negative))]
    pub factors: f32,
    /// Weight of the pull of a tuned dictionary towards its texts.
    #[garde(custom(not_negative))]
    pub text_pull: f32,
}

/// The images of a step and of an epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct DataConfig {
    /// Images in a step. The paper does not state it.
    #[garde(range(min = 1))]
    pub batch_size: usize,
    /// Images in an epoch; 0 means the number of training images.
    #[garde(skip)]
    pub epoch_images: usize,
    /// Exponent b of the sites' shares in an epoch: the share of a site with n images is proportional to nᵇ. With 0, all sites
    /// have equal shares.
    #[garde(range(min = -16.0, max = 16.0))]
    pub site_balance: f64,
    /// Share of the training images, in whole groups, that are held out to choose the best epoch.
    #[garde(custom(validation_share))]
    pub validation: f64,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            seed: 7,
            model: ModelConfig::default(),
            optimizer: OptimizerConfig::default(),
            schedule: ScheduleConfig::default(),
            loss: LossConfig::default(),
            data: DataConfig::default(),
            augment: AugmentConfig::default(),
        }
    }
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            input_size: 224,
            dictionary: DictionaryLearning::Tuned,
            intervention: CausalInterventionConfig::default(),
            head: SegmentationHeadConfig::default(),
            run: RunConfig::default(),
        }
    }
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self {
            learning_rate: 0.005,
            weight_decay: 0.01,
            clip_norm: 1.0,
            ema_decay: 0.99,
            ema_ramp: 10.0,
        }
    }
}

impl Default for ScheduleConfig {
    fn default() -> Self {
        Self { epochs: 50, intervention_start_epoch: 10, warmup_ratio: 0.02, patience: 15 }
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

impl Default for DataConfig {
    fn default() -> Self {
        Self { batch_size: 16, epoch_images: 0, site_balance: 1.0, validation: 0.1 }
    }
}

impl TrainConfig {
    /// The paper's values. It does not state these, so they are ours: the batch size, α, weight decay, gradient clipping,
    /// augmentation, the cosine schedule, the share of validation images, the temperature of Pool, the heads and the MLP ratio
    /// of the intervention, and the width of the head. Our additions are off: the extra terms of the loss, the average of the
    /// weights, the rise of the learning rate, early stopping and the tuned dictionary.
    pub fn paper() -> Self {
        Self {
            model: ModelConfig { dictionary: DictionaryLearning::Frozen, ..Default::default() },
            optimizer: OptimizerConfig { ema_decay: 0.0, ..Default::default() },
            schedule: ScheduleConfig { warmup_ratio: 0.0, patience: 0, ..Default::default() },
            loss: LossConfig {
                dice: 0.0,
                region: 0.0,
                factors: 0.0,
                text_pull: 0.0,
                ..Default::default()
            },
            augment: AugmentConfig::geometric(),
            ..Default::default()
        }
    }

    /// The defaults for an encoder. An encoder with a smaller input, such as a CLIP pre-trained from scratch, gets its own
    /// input size and a lower learning rate.
    pub fn for_encoder(vision: &ClipVisionEncoderConfig) -> Self {
        let mut config = Self::default();
        if vision.image_size() < config.model.input_size {
            config.model.input_size = vision.image_size();
            config.optimizer.learning_rate = SMALL_ENCODER_LEARNING_RATE;
        }
        config
    }

    /// The defaults for an encoder, overridden by a TOML text.
    ///
    /// # Errors
    /// [`Error::Config`] with the line, the new name of an old key, or all faults.
    pub fn from_toml(text: &str, vision: &ClipVisionEncoderConfig) -> Result<Self> {
        Self::for_encoder(vision).with_toml(text, vision)
    }

    /// This configuration, overridden by a TOML text.
    ///
    /// # Errors
    /// As [`Self::from_toml`].
    pub fn with_toml(&self, text: &str, vision: &ClipVisionEncoderConfig) -> Result<Self> {
        let broken = |e: &dyn std::fmt::Display| {
            Error::Config(format!("the training configuration cannot be read: {e}"))
        };
        let stated: toml::Table = toml::from_str(text).map_err(|e| broken(&e))?;
        explain_flat_keys(&stated)?;
        let defaults = toml::Table::try_from(self).map_err(|e| broken(&e))?;
        let config: Self = merge(defaults, stated).try_into().map_err(|e| broken(&e))?;
        config.check(vision)?;
        Ok(config)
    }

    /// Checks that the configuration is valid for an encoder.
    ///
    /// # Errors
    /// [`Error::Config`] with all faults.
    pub fn check(&self, vision: &ClipVisionEncoderConfig) -> Result<()> {
        let mut faults = faults_of(self);
        let (size, stride) = (self.model.input_size, vision.stride());
        if !size.is_multiple_of(stride) {
            faults.push(format!(
                "`model.input_size` {size} must be a multiple of the encoder's stride {stride}"
            ));
        }
        let ScheduleConfig { epochs, intervention_start_epoch: start, .. } = self.schedule;
        if self.model.run.intervention.enabled && start >= epochs {
            faults.push(format!(
                "with an `intervention_start_epoch` of {start} the intervention never joins in {epochs} epochs"
            ));
        }
        faults.extend(self.model.intervention.fault_at(vision.embed_dim()));
        if faults.is_empty() { Ok(()) } else { Err(Error::Config(faults.join("; "))) }
    }

    /// The network over an encoder.
    pub fn architecture(&self, vision: &ClipVisionEncoderConfig) -> NetworkConfig {
        let ModelConfig { intervention, head, .. } = self.model;
        NetworkConfig { vision: vision.clone(), intervention, head }
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
