//! The MCDRL method on Burn, device-agnostic: bytes in, masks out.
//!
//! Multimodal Causal-Driven Representation Learning (arXiv 2508.05008): CLIP finds candidate lesion regions
//! from text prompts, a dictionary of named confounders is written in text, and a causal intervention network
//! removes their influence before the pixels are classified. The way of one image through this crate:
//!
//! ```text
//! Image ─ preprocess ─▶ ClipVisionEncoder ─▶ dense C (H·W × d)
//!   ─▶ TargetRegionSelection (class prompts) ─▶ F (N × d)
//!   ─▶ CausalIntervention (ConfounderDictionary Z) ─▶ F_ca + weights per named confounder
//!   ─▶ SegmentationHead ─▶ logits ─▶ Segmentation
//! ```
//!
//! The crate knows no file system, no clock and no console; threads only inside the CPU kernels (feature `rayon`).
//!
//! ```
//! use mcdrl_model::{DeviceChoice, Image, Segmenter};
//!
//! # fn main() -> mcdrl_model::Result<()> {
//! # let model_bytes = mcdrl_model::doc_model();
//! let device = DeviceChoice::Cpu.open()?;
//! let segmenter = Segmenter::from_bytes(&model_bytes, &device)?;
//! let image = Image::from_rgb(64, 48, vec![127; 64 * 48 * 3])?;
//! let segmentation = segmenter.segment(&image)?;
//! assert_eq!((segmentation.mask.width(), segmentation.mask.height()), (64, 48));
//! # Ok(())
//! # }
//! ```

pub mod clip;

mod causal_intervention;
mod confounder_dictionary;
mod device;
mod error;
mod frame;
mod image;
#[cfg_attr(feature = "ndarray", allow(deprecated))] // Burn deprecates the ndarray backend.
#[cfg_attr(not(feature = "autodiff"), allow(dead_code))] // The gradients are for training.
mod kernels;
mod model_file;
mod network;
mod opening;
mod preprocess;
mod profile;
mod segmentation;
mod segmentation_head;
mod segmenter;
mod self_check;
mod target_region;
mod weights;

pub use burn::tensor::{Device, Tensor};

pub use causal_intervention::{
    CausalIntervention, CausalInterventionConfig, Intervened, Weighting,
};
pub use confounder_dictionary::{ConfounderDictionary, DictionaryLearning};
pub use device::{DeviceChoice, device_name};
pub use error::{Error, Result};
pub use frame::{Frame, PixelFormat, Plane, YuvColors};
pub use image::{Image, MAX_MEGAPIXELS, Mask};
pub use kernels::resize;
pub use model_file::{FORMAT_VERSION, Model, ModelHeader};
pub use network::{Mcdrl, McdrlConfig, McdrlOutput};
pub use opening::{OpenStage, Opened, PassedOver};
pub use preprocess::Preprocess;
pub use profile::{Confounder, Profile};
pub use segmentation::{ClassShare, ConfounderWeight, RegionMap, Segmentation};
pub use segmentation_head::{SegmentationHead, SegmentationHeadConfig};
pub use segmenter::Segmenter;
pub use self_check::SelfCheck;
pub use target_region::{TargetRegionSelectionConfig, TargetRegions};
pub use weights::{Precision, Weights};

/// A tiny untrained model file, for examples in documentation.
#[cfg(feature = "flex")]
#[doc(hidden)]
pub fn doc_model() -> Vec<u8> {
    let device = burn::tensor::Device::flex();
    let vision = clip::ModifiedResNetConfig::new()
        .with_image_size(64)
        .with_width(8)
        .with_layers([1, 1, 1, 1])
        .with_heads(4)
        .with_embed_dim(16);
    let profile = Profile::endoscopy();
    let vision = clip::ClipVisionEncoderConfig::ResNet(vision);
    let (classes, confounders) = (profile.classes.len(), profile.confounders.len());
    let network = McdrlConfig::over(vision, classes, confounders, 64).init(&device);
    Model::new(network, profile, serde_json::json!({})).to_bytes(Precision::Full)
}
