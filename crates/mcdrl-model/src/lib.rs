//! The MCDRL network on Burn: tensors in, tensors out.
//!
//! Multimodal Causal-Driven Representation Learning (arXiv 2508.05008). One file per stage, named as in the paper:
//!
//! ```text
//! pixels ─▶ ClipVisionEncoder ─▶ dense C (H·W × d) and skip features
//!   ─▶ TargetRegionSelection (class texts) ─▶ F (N × d)
//!   ─▶ CausalIntervention (ConfounderDictionary Z) ─▶ F_ca and a weight for each named confounder
//!   ─▶ SegmentationHead ─▶ logits
//! ```
//!
//! [`Network::forward`] reads like these lines. Images, model files and devices are in `mcdrl-runtime`.
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use mcdrl_model::clip::{ClipVisionEncoderConfig, CompactResNetConfig};
//! use mcdrl_model::{NetworkConfig, RunConfig};
//!
//! let device = Device::flex();
//! let encoder = CompactResNetConfig::new().with_channels([8, 8, 16, 32]).with_embed_dim(16);
//! let config = NetworkConfig::new(ClipVisionEncoderConfig::Compact(encoder));
//! let (classes, confounders) = (5, 12);
//! let network = config.init(classes, confounders, &device);
//! let output = network.forward(Tensor::zeros([1, 3, 64, 64], &device), &RunConfig::default());
//! assert_eq!(output.logits.dims(), [1, classes + 1, 32, 32]);
//! ```

pub mod clip;

mod causal_intervention;
mod confounder_dictionary;
mod confounder_readout;
mod confounder_removal;
mod faults;
mod network;
mod pixel_statistics;
mod segmentation_head;
mod similarity;
mod target_region_selection;

pub use causal_intervention::{
    CausalIntervention, CausalInterventionConfig, Intervened, InterventionRun, Weighting,
};
pub use confounder_dictionary::{ConfounderDictionary, DictionaryLearning};
pub use confounder_readout::{ConfounderReadout, ConfounderReadoutConfig, Doses};
pub use confounder_removal::ConfounderRemoval;
pub use faults::faults_of;
pub use network::{Network, NetworkConfig, NetworkOutput, RunConfig};
pub use segmentation_head::{SegmentationHead, SegmentationHeadConfig};
pub use similarity::{cosine_similarity, l2_normalize};
pub use target_region_selection::{TargetRegionSelection, TargetRegions};
