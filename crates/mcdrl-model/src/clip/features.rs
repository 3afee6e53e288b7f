//! The result of a visual encoder.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// The features of a batch of images.
#[derive(Clone, Debug)]
pub struct VisionFeatures {
    /// Skip features: maps of earlier layers, fine to coarse, each `[batch, channels, rows, columns]`.
    pub skips: Vec<Tensor<4>>,
    /// The dense map C in the joint space, not normalised: `[batch, H·W, d]`.
    pub dense: Tensor<3>,
    /// H and W.
    pub grid: [usize; 2],
    /// The image embedding, not normalised: `[batch, d]`.
    pub pooled: Tensor<2>,
}

/// Source of a vision transformer's dense features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DenseFeatures {
    /// The last tokens, normalised and projected.
    Tokens,
    /// The value path of the last attention block (MaskCLIP, Zhou et al. 2022). It keeps each position's own content and
    /// so agrees better with text.
    #[default]
    ValuePath,
}
