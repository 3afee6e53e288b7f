//! The configuration of a training run.

use garde::Validate;
use mcdrl_data::AugmentConfig;
use mcdrl_model::clip::ClipVisionEncoderConfig;
use mcdrl_model::{
    CausalAttentionConfig, CausalInterventionConfig, ConfounderReadoutConfig, NetworkConfig,
    RunConfig, SegmentationHeadConfig, faults_of,
};
use serde::{Deserialize, Serialize};

use crate::flat_keys::explain_flat_keys;
use crate::imposition::ImpositionConfig;
use crate::rules::{below_one, exponent, not_negative, positive, up_to_one, validation_share};
use crate::{Error, Result};

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
    /// Confounders that are imposed on the training images.
    #[garde(dive)]
    pub imposition: ImpositionConfig,
}

/// The network. The visual encoder comes from its own file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct ModelConfig {
    /// Side of the square input, pixels (paper: 224): a multiple of the encoder's stride.
    #[garde(range(min = 1, max = 4096))]
    pub input_size: usize,
    /// Side of the input after training, pixels; [`Self::input_size`] if it is not stated. Augmentation shows lesions larger than
    /// they are, so a model often sees better at a larger size than that of its training (Touvron et al. 2019, FixRes).
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_size: Option<usize>,
    /// Sizes of the read-out.
    #[garde(dive)]
    pub readout: ConfounderReadoutConfig,
    /// The variant of the intervention.
    #[garde(dive)]
    pub intervention: CausalInterventionConfig,
    /// Sizes of the head.
    #[garde(dive)]
    pub head: SegmentationHeadConfig,
    /// Run-time settings of the network.
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
    /// Highest learning rate of the visual encoder, which is trained already. The paper does not state it.
    #[garde(custom(not_negative))]
    pub encoder_learning_rate: f64,
    /// Weight decay of matrices and kernels. Norms and biases have none. The paper does not state it.
    #[garde(custom(not_negative))]
    pub weight_decay: f64,
    /// Largest norm of the gradients of the read-out together, of the intervention together, and of all the rest together; 0
    /// disables clipping. The paper does not state it.
    #[garde(custom(not_negative))]
    pub clip_norm: f64,
    /// Decay of the EMA per step; 0 keeps the last weights.
    #[garde(custom(below_one))]
    pub ema_decay: f64,
    /// Ramp of the EMA: after n steps, its decay is at most (1 + n) / (ramp + n), so that it soon forgets the random initial
    /// weights.
    #[garde(custom(positive))]
    pub ema_ramp: f64,
    /// Share of the model that training started from in the weights of the result (Wortsman et al. 2022, WiSE-FT). It keeps what
    /// that model knows of other hospitals.
    #[garde(custom(up_to_one))]
    pub start_share: f64,
}

/// Epochs and the learning rate over them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct ScheduleConfig {
    /// Number of epochs (paper: 50). With 0, only the read-out learns.
    #[garde(skip)]
    pub epochs: usize,
    /// Number of epochs at the start in which the head is trained without the intervention (paper: 10). Default: half of all,
    /// and none if training continues from a trained model. With a read-out that has not learned yet, the intervention costs
    /// Dice.
    #[garde(skip)]
    pub intervention_start_epoch: Option<usize>,
    /// Share of the steps in which the learning rate rises. After that it falls to zero along a cosine.
    #[garde(custom(below_one))]
    pub warmup_ratio: f64,
    /// Training stops after this number of epochs without a better validation Dice; 0 disables this.
    #[garde(skip)]
    pub patience: usize,
    /// Number of further epochs in which only the read-out of confounders learns. Every image then has a confounder imposed.
    #[garde(skip)]
    pub readout_epochs: usize,
    /// Whether the read-out begins anew when it learns alone.
    #[garde(skip)]
    pub fresh_readout: bool,
}

/// L = L_seg + 0.5 · L_causal + 0.1 · L_contrast, and terms that the paper does not have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct LossConfig {
    /// Weight of L_causal (paper: 0.5). Only for the paper's attention.
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
    /// Weight of L_seg of the second finest answer inside the head (deep supervision). Each coarser one has half the weight.
    #[garde(custom(not_negative))]
    pub auxiliary: f32,
    /// The terms of imposed pairs.
    #[garde(dive)]
    pub pairs: PairLossConfig,
}

/// The terms of an image and its twin, which shows the same scene under a confounder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct PairLossConfig {
    /// Weight of the mean square difference of their probabilities.
    #[garde(custom(not_negative))]
    pub agreement: f32,
    /// Weight of the read-out's doses.
    #[garde(custom(not_negative))]
    pub doses: f32,
    /// Weight of what the removal leaves of the confounder, and of the imposition's error.
    #[garde(custom(not_negative))]
    pub removal: f32,
    /// Weight of the difference of their features before the removal: a control.
    #[garde(custom(not_negative))]
    pub features: f32,
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
    #[garde(custom(exponent))]
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
            imposition: ImpositionConfig::default(),
        }
    }
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            input_size: 224,
            used_size: None,
            readout: ConfounderReadoutConfig::default(),
            intervention: CausalInterventionConfig::default(),
            head: SegmentationHeadConfig::default(),
            run: RunConfig::default(),
        }
    }
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self {
            learning_rate: 0.0015,
            encoder_learning_rate: 0.0003,
            weight_decay: 0.02,
            clip_norm: 1.0,
            ema_decay: 0.995,
            ema_ramp: 10.0,
            start_share: 0.0,
        }
    }
}

impl Default for ScheduleConfig {
    fn default() -> Self {
        Self {
            epochs: 30,
            intervention_start_epoch: None,
            warmup_ratio: 0.1,
            patience: 0,
            readout_epochs: 4,
            fresh_readout: false,
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
            region: 0.2,
            region_temperature: 0.1,
            auxiliary: 0.4,
            pairs: PairLossConfig::default(),
        }
    }
}

impl Default for PairLossConfig {
    fn default() -> Self {
        Self { agreement: 4.0, doses: 0.5, removal: 0.5, features: 0.0 }
    }
}

impl Default for DataConfig {
    fn default() -> Self {
        Self { batch_size: 16, epoch_images: 0, site_balance: 1.0, validation: 0.1 }
    }
}

impl ScheduleConfig {
    /// The number of epochs after which the intervention joins.
    pub fn intervention_start(&self) -> usize {
        self.intervention_start_epoch.unwrap_or(self.epochs / 2)
    }
}

impl TrainConfig {
    /// The paper's values. It does not state these, so they are ours: the batch size, α, weight decay, gradient clipping,
    /// augmentation, the cosine schedule, the share of validation images, the temperature of Pool, the heads and the MLP ratio
    /// of the intervention, and the width of the head. Our additions are off: imposed confounders, the extra terms of the loss,
    /// the average of the weights and the rise of the learning rate.
    pub fn paper() -> Self {
        Self {
            model: ModelConfig {
                intervention: CausalInterventionConfig::Attention(CausalAttentionConfig::default()),
                ..Default::default()
            },
            optimizer: OptimizerConfig {
                learning_rate: 0.005,
                encoder_learning_rate: 0.005,
                ema_decay: 0.0,
                ..Default::default()
            },
            schedule: ScheduleConfig {
                epochs: 50,
                intervention_start_epoch: Some(10),
                warmup_ratio: 0.0,
                patience: 0,
                readout_epochs: 0,
                fresh_readout: false,
            },
            loss: LossConfig { dice: 0.0, region: 0.0, auxiliary: 0.0, ..Default::default() },
            augment: AugmentConfig::geometric(),
            imposition: ImpositionConfig::none(),
            ..Default::default()
        }
    }

    /// The defaults for an encoder. An encoder with a smaller input, such as a CLIP pre-trained from scratch, gets its own
    /// input size.
    pub fn for_encoder(vision: &ClipVisionEncoderConfig) -> Self {
        let mut config = Self::default();
        config.model.input_size = config.model.input_size.min(vision.image_size());
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
        let stride = vision.stride();
        let sizes =
            [("input_size", Some(self.model.input_size)), ("used_size", self.model.used_size)];
        for (name, size) in sizes {
            if let Some(size) = size.filter(|size| !size.is_multiple_of(stride)) {
                faults.push(format!(
                    "`model.{name}` {size} must be a multiple of the encoder's stride {stride}"
                ));
            }
        }
        let ScheduleConfig { epochs, readout_epochs, .. } = self.schedule;
        let start = self.schedule.intervention_start();
        if epochs + readout_epochs == 0 {
            faults.push("`schedule.epochs` and `schedule.readout_epochs` are both 0".into());
        }
        if self.model.run.intervention.enabled && start >= epochs.max(1) {
            faults.push(format!(
                "with an `intervention_start_epoch` of {start} the intervention never joins in {epochs} epochs"
            ));
        }
        faults.extend(self.model.intervention.fault_at(vision.embed_dim()));
        if faults.is_empty() { Ok(()) } else { Err(Error::Config(faults.join("; "))) }
    }

    /// The network over an encoder.
    ///
    /// - `text_width`: of the confounders' text embeddings
    pub fn architecture(
        &self,
        vision: &ClipVisionEncoderConfig,
        text_width: usize,
    ) -> NetworkConfig {
        let ModelConfig { readout, intervention, head, .. } = self.model;
        NetworkConfig { vision: vision.clone(), text_width, readout, intervention, head }
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
