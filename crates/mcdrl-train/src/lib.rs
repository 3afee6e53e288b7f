//! Losses, training, evaluation and reports for MCDRL.
pub mod metrics;
pub mod picture;
pub mod report;

mod average;
mod batch;
mod caption;
mod checkpoint;
mod config;
mod error;
mod evaluate;
mod loso;
mod loss;
mod optimize;
mod pretrain;
mod progress;
mod start;
mod train;

pub use batch::LoadedSamples;
pub use checkpoint::write_whole;
pub use config::{LossConfig, TrainConfig};
pub use error::{Error, Result};
pub use evaluate::{DETECTION_AREA, Evaluation, GroupScore, ImageScore, Overlap, evaluate};
pub use loso::{LosoReport, LosoRequest, LosoRun, Variant, loso};
pub use pretrain::{Backbone, PretrainConfig, pretrain};
pub use progress::{Lines, Progress, Silent};
pub use train::{EpochRecord, TrainRequest, forget_checkpoints, train};
