//! The whole network, as in the figure of the paper.

use burn::module::{Initializer, Module, Param};
use burn::tensor::{Device, Tensor};
use garde::Validate;
use mcdrl_kernels::resize;
use serde::{Deserialize, Serialize};

use crate::causal_intervention::{
    CausalIntervention, CausalInterventionConfig, Intervened, InterventionRun,
};
use crate::clip::{ClipVisionEncoder, ClipVisionEncoderConfig, DenseFeatures};
use crate::confounder_dictionary::{ConfounderDictionary, DictionaryLearning};
use crate::faults::faults_of;
use crate::segmentation_head::{SegmentationHead, SegmentationHeadConfig};
use crate::similarity::l2_normalize;
use crate::target_region_selection::{TargetRegionSelection, TargetRegions};

/// The architecture: everything that decides the tensors of a [`Network`], except the numbers of classes and confounders.
#[derive(Clone, Debug, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// The visual encoder.
    #[garde(skip)] // It states its own faults.
    pub vision: ClipVisionEncoderConfig,
    /// The causal intervention.
    #[serde(default)]
    #[garde(dive)]
    pub intervention: CausalInterventionConfig,
    /// The segmentation head.
    #[serde(default)]
    #[garde(dive)]
    pub head: SegmentationHeadConfig,
}

/// Run-time settings of a network. They change the computation, not the tensors, and may change after loading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct RunConfig {
    /// Source of a vision transformer's dense features. A ResNet has only one.
    pub dense: DenseFeatures,
    /// Target-region selection (MTRS).
    #[garde(dive)]
    pub selection: TargetRegionSelection,
    /// The causal intervention (CDRL).
    #[garde(dive)]
    pub intervention: InterventionRun,
}

/// The MCDRL network.
#[derive(Module, Debug)]
pub struct Network {
    /// The visual encoder.
    pub visual: ClipVisionEncoder,
    /// Class text embeddings e_k, never trained: `[K, d]`.
    class_texts: Param<Tensor<2>>,
    /// The confounder dictionary Z.
    pub dictionary: ConfounderDictionary,
    intervention: CausalIntervention,
    /// Fills the grid positions that were not retained: `[d]`.
    mask_token: Param<Tensor<1>>,
    head: SegmentationHead,
}

/// The result of a forward pass.
#[derive(Clone, Debug)]
pub struct NetworkOutput {
    /// `[batch, K + 1, rows, columns]` at the resolution of the finest skip feature; the background first.
    pub logits: Tensor<4>,
    /// The retained regions.
    pub regions: TargetRegions,
    /// The result of the intervention; `None` if it is off.
    pub intervened: Option<Intervened>,
    /// The dense features C, each of length √d: `[batch, H·W, d]`.
    pub dense: Tensor<3>,
    /// The image embedding: `[batch, d]`.
    pub pooled: Tensor<2>,
}

impl NetworkConfig {
    /// The default intervention and head over an encoder.
    pub fn new(vision: ClipVisionEncoderConfig) -> Self {
        let (intervention, head) = Default::default();
        Self { vision, intervention, head }
    }

    /// A network with random weights. Its texts and its dictionary are zero and must be loaded.
    pub fn init(&self, classes: usize, confounders: usize, device: &Device) -> Network {
        let width = self.vision.embed_dim();
        let learning = DictionaryLearning::Frozen;
        self.with_parts(
            self.vision.init(device),
            Tensor::zeros([classes, width], device),
            ConfounderDictionary::zeros(confounders, width, learning, device),
        )
    }

    /// A network over a trained encoder and its texts.
    ///
    /// - `class_texts`: `[K, d]`
    pub fn with_parts(
        &self,
        visual: ClipVisionEncoder,
        class_texts: Tensor<2>,
        dictionary: ConfounderDictionary,
    ) -> Network {
        let device = &class_texts.device();
        let [classes, width] = class_texts.dims();
        Network {
            visual,
            class_texts: Param::from_tensor(class_texts.detach()).set_require_grad(false),
            dictionary,
            intervention: self.intervention.init(width, device),
            mask_token: Initializer::Zeros.init([width], device),
            head: self.head.init(width, &self.vision.skip_channels(), classes, device),
        }
    }

    /// The faults of this configuration, one sentence each. Empty if it is valid.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = [self.vision.faults(), faults_of(self)].concat();
        faults.extend(self.intervention.fault_at(self.vision.embed_dim()));
        faults
    }
}

impl RunConfig {
    /// The faults of this configuration, one sentence each. Empty if it is valid.
    pub fn faults(&self) -> Vec<String> {
        faults_of(self)
    }
}

impl Network {
    /// One forward pass.
    ///
    /// - `pixels`: normalised, `[batch, 3, side, side]`
    pub fn forward(&self, pixels: Tensor<4>, run: &RunConfig) -> NetworkOutput {
        let features = self.visual.forward(pixels, run.dense);
        let dense = to_even_length(features.dense);

        let regions = run.selection.forward(dense.clone(), self.class_texts(), features.grid);
        let retained = regions.pack(dense.clone());

        let (z, settings) = (&self.dictionary, &run.intervention);
        let intervened = self.intervention.forward(retained.clone(), &regions, z, settings);
        let causal = intervened.as_ref().map_or(retained, |done| done.features.clone());

        let map = regions.unpack(causal, self.mask_token.val());
        let mixture = intervened.as_ref().map(|done| done.mixture.clone());
        let logits = self.head.forward(map, regions.similarity_map(), features.skips, mixture);
        NetworkOutput { logits, regions, intervened, dense, pooled: features.pooled }
    }

    /// Class text embeddings e_k: `[K, d]`.
    pub fn class_texts(&self) -> Tensor<2> {
        self.class_texts.val()
    }
}

/// Scales every position to the length √d, so that values are around one. Only directions have a meaning in CLIP's space.
///
/// - `dense`, output: `[batch, H·W, d]`
fn to_even_length(dense: Tensor<3>) -> Tensor<3> {
    let width = dense.dims()[2];
    l2_normalize(dense) * (width as f64).sqrt()
}

impl NetworkOutput {
    /// Logits at `side × side`: `[batch, K + 1, side, side]`.
    pub fn full_logits(&self, side: usize) -> Tensor<4> {
        resize(self.logits.clone(), [side, side])
    }
}
