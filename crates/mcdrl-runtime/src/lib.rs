//! Runs MCDRL models: bytes in, masks out.
//!
//! This crate reads model files, CLIP checkpoints and profiles, prepares images, decides which device computes, and offers
//! the [`Segmenter`]. It uses neither the console nor the file system, except that it opens the files of PyTorch.
//!
//! ```text
//! Image ─ preprocess ─▶ Network (mcdrl-model) ─ postprocess ─▶ Segmentation
//! ```
//!
//! ```
//! use mcdrl_image::Image;
//! use mcdrl_runtime::{OpenOptions, Segmenter};
//!
//! # async fn example() -> mcdrl_runtime::Result<()> {
//! # let model_file = mcdrl_runtime::doc_model();
//! let segmenter = Segmenter::open(&model_file, OpenOptions::default()).await?;
//! let image = Image::from_rgb(64, 48, vec![127; 64 * 48 * 3])?;
//! let segmentation = segmenter.segment(&image)?;
//! assert_eq!((segmentation.mask.width(), segmentation.mask.height()), (64, 48));
//! # Ok(())
//! # }
//! # futures_lite::future::block_on(example()).unwrap();
//! ```

#[cfg(feature = "pretrained")]
mod aligned_checkpoint;
mod clip_checkpoint;
mod clip_names;
#[cfg(feature = "pretrained")]
mod clip_tokenizer;
mod device;
mod device_policy;
mod dice_calibration;
mod disturbances;
mod encoder_device;
mod error;
mod grid_map;
mod inference;
mod lesion_regions;
mod lesions;
mod limit;
#[cfg(feature = "pretrained")]
mod lite_checkpoint;
mod logistic_regression;
mod model;
mod model_file;
mod module_weights;
mod postprocess;
mod preprocess;
mod profile;
mod segmentation;
mod segmenter;
mod self_check;
#[cfg(feature = "pretrained")]
mod sentence_checkpoint;
#[cfg(feature = "pretrained")]
mod state_dict;
mod tile_blend;
mod view;
mod weights;

#[cfg(feature = "pretrained")]
pub use aligned_checkpoint::{AlignedCheckpoint, AlignedClip};
pub use clip_checkpoint::ClipCheckpoint;
#[cfg(feature = "pretrained")]
pub use clip_tokenizer::ClipTokenizer;
pub use device::{DeviceChoice, DeviceKind};
pub use device_policy::{DeviceInfo, DeviceReason, OpenOptions, OpenStage, faster_device};
pub use dice_calibration::DiceCalibration;
pub use error::{Error, ErrorKind, Result};
pub use lesions::Lesion;
#[cfg(feature = "pretrained")]
pub use lite_checkpoint::LiteCheckpoint;
pub use logistic_regression::{Observation, logistic_regression};
pub use model::{FORMAT_VERSION, Model, ModelHeader};
pub use postprocess::LESION_BELOW;
pub use preprocess::{Fit, Placement, Preprocess};
pub use profile::{Confounder, Profile};
pub use segmentation::{ClassShare, ConfounderWeight, RegionMap, Segmentation};
pub use segmenter::Segmenter;
pub use self_check::SelfCheck;
#[cfg(feature = "pretrained")]
pub use sentence_checkpoint::SentenceCheckpoint;
pub use view::{Area, Tiles, View};
pub use weights::{Precision, Weights};

/// A tiny untrained model file, for examples in documentation.
#[cfg(feature = "flex")]
#[doc(hidden)]
pub fn doc_model() -> Vec<u8> {
    use mcdrl_model::clip::{ClipVisionEncoderConfig, EfficientNetLiteConfig};
    use mcdrl_model::{NetworkConfig, RunConfig};

    let encoder = ClipVisionEncoderConfig::Lite(EfficientNetLiteConfig::new());
    let architecture = NetworkConfig::new(encoder, 384);
    let profile = Profile::endoscopy();
    let (classes, confounders) = (profile.classes.len(), profile.confounders.len());
    let network = architecture.init(classes, confounders, &burn::tensor::Device::flex());
    let (run, preprocess) = (RunConfig::default(), Preprocess::lite(64));
    let model = Model::new(network, architecture, run, profile, preprocess, serde_json::json!({}));
    model.to_bytes(Precision::Full)
}
