//! Losses, training, evaluation and reports for MCDRL.
pub mod metrics;

mod average;
mod batch;
mod caption;
mod checkpoint;
mod config;
mod error;
mod loss;
mod pretrain;
mod progress;
mod start;
mod train;

pub use batch::LoadedSamples;
pub use checkpoint::write_whole;
pub use config::{LossConfig, TrainConfig};
pub use error::{Error, Result};
pub use pretrain::{Backbone, PretrainConfig, pretrain};
pub use progress::{Lines, Progress, Silent};
pub use train::{EpochRecord, TrainRequest, forget_checkpoints, train};
