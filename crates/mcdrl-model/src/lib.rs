//! The MCDRL network on Burn: tensors in, tensors out.
//!
//! Multimodal Causal-Driven Representation Learning (arXiv 2508.05008). One file per stage, named as in the paper:
//!
//! ```text
//! pixels ─▶ ClipVisionEncoder ─▶ dense C (H·W × d) and skip features
//!   ─▶ TargetRegionSelection (class texts) ─▶ F (N × d)
//!   ─▶ ConfounderReadout (ConfounderDictionary Z) ─▶ the dose of each named confounder, per image and per position
//!   ─▶ CausalIntervention (Z) ─▶ levels without the confounders' influence
//!   ─▶ SegmentationHead ─▶ logits
//! ```
//!
//! [`Network::forward`] reads like these lines. Images, model files and devices are in `mcdrl-runtime`.
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use mcdrl_model::clip::{ClipVisionEncoderConfig, EfficientNetLiteConfig};
//! use mcdrl_model::{NetworkConfig, RunConfig};
//!
//! let device = Device::flex();
//! let encoder = ClipVisionEncoderConfig::Lite(EfficientNetLiteConfig::new());
//! let config = NetworkConfig::new(encoder, 384);
//! let (classes, confounders) = (2, 12);
//! let network = config.init(classes, confounders, &device);
//! let output = network.forward(Tensor::zeros([1, 3, 64, 64], &device), &RunConfig::default());
//! assert_eq!(output.logits.dims(), [1, classes + 1, 16, 16]);
//! ```

pub mod clip;

mod causal_attention;
mod causal_intervention;
mod confounder_dictionary;
mod confounder_readout;
mod confounder_removal;
mod familiarity;
mod faults;
mod fixed;
mod network;
mod pixel_statistics;
mod segmentation_head;
mod similarity;
mod target_region_selection;

pub use causal_attention::{Attended, CausalAttention, CausalAttentionConfig};
pub use causal_intervention::{
    CausalIntervention, CausalInterventionConfig, DoseSource, InterventionRun,
};
pub use confounder_dictionary::ConfounderDictionary;
pub use confounder_readout::{ConfounderReadout, ConfounderReadoutConfig, Doses};
pub use confounder_removal::ConfounderRemoval;
pub use familiarity::Familiarity;
pub use faults::faults_of;
pub use network::{Network, NetworkConfig, NetworkOutput, RunConfig};
pub use segmentation_head::{Decoded, SegmentationHead, SegmentationHeadConfig};
pub use similarity::{cosine_similarity, l2_normalize};
pub use target_region_selection::{TargetRegionSelection, TargetRegions};
