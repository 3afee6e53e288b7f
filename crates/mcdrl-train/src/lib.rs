//! Pre-training and training for MCDRL.
//!
//! - [`pretrain`]: contrastive image-text pre-training of a small CLIP.
//! - [`train()`]: training of a segmenter on pre-trained encoders, or from a trained model. Every epoch writes a checkpoint, and an interrupted run resumes exactly.
//!
//! ```
//! use mcdrl_train::TrainConfig;
//!
//! // The paper's values, with fewer epochs.
//! let mut config = TrainConfig::paper();
//! config.schedule.epochs = 20;
//! assert_eq!(config.optimizer.learning_rate, 0.005);
//! assert_eq!(config.loss.dice, 0.0);
//! ```

mod align;
mod align_config;
mod batch;
mod calibration;
mod caption;
mod caption_grammar;
mod checkpoint;
mod config;
mod contrast;
mod ema;
mod error;
mod flat_keys;
mod foundation;
mod frozen_norms;
mod history;
mod imposition;
mod initialization;
mod learning_rate;
mod loss;
mod named_ids;
mod optimizer;
mod pretrain;
mod pretrain_config;
mod progress;
mod readout_training;
mod rules;
mod samples;
mod seed;
mod train;
mod validation;

pub use align::align;
pub use align_config::AlignConfig;
pub use batch::LONGEST_SCENE;
pub use checkpoint::remove_checkpoints;
pub use config::{
    DataConfig, LossConfig, ModelConfig, OptimizerConfig, PairLossConfig, ScheduleConfig,
    TrainConfig,
};
pub use error::{Error, Result};
pub use foundation::{Foundation, ProfileTexts};
pub use history::EpochRecord;
pub use imposition::{Imposable, ImpositionConfig};
pub use pretrain::pretrain;
pub use pretrain_config::{Backbone, PretrainConfig};
pub use progress::{Lines, Progress, Silent};
pub use samples::LoadedSamples;
pub use train::{TrainRequest, train};
