//! The whole network, as in the figure of the paper.

use burn::module::{Initializer, Module, Param};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};
use garde::Validate;
use mcdrl_kernels::resize;
use serde::{Deserialize, Serialize};

use crate::causal_attention::{Attended, pool};
use crate::causal_intervention::{CausalIntervention, CausalInterventionConfig, InterventionRun};
use crate::clip::{ClipVisionEncoder, ClipVisionEncoderConfig, DenseFeatures, VisionFeatures};
use crate::confounder_dictionary::ConfounderDictionary;
use crate::confounder_readout::{ConfounderReadout, ConfounderReadoutConfig, Doses};
use crate::familiarity::Familiarity;
use crate::faults::faults_of;
use crate::fixed::fixed;
use crate::segmentation_head::{Decoded, SegmentationHead, SegmentationHeadConfig};
use crate::similarity::l2_normalize;
use crate::target_region_selection::{TargetRegionSelection, TargetRegions};

/// The architecture: everything that decides the tensors of a [`Network`], except the numbers of classes and confounders.
#[derive(Clone, Debug, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// The visual encoder.
    #[garde(skip)] // It states its own faults.
    pub vision: ClipVisionEncoderConfig,
    /// Width of the dictionary's text embeddings.
    #[garde(range(min = 1, max = 65536))]
    pub text_width: usize,
    /// The read-out of confounders.
    #[serde(default)]
    #[garde(dive)]
    pub readout: ConfounderReadoutConfig,
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
    /// Text embeddings of the background and of the classes e_k, never trained: `[K + 1, d]`.
    label_texts: Param<Tensor<2>>,
    /// The confounder dictionary Z.
    pub dictionary: ConfounderDictionary,
    /// The read-out of confounders.
    pub readout: ConfounderReadout,
    /// The causal intervention.
    pub intervention: CausalIntervention,
    /// Fills the grid positions that were not retained: `[d]`.
    mask_token: Param<Tensor<1>>,
    /// The segmentation head.
    pub head: SegmentationHead,
    /// How unlike the training images an image is.
    pub familiarity: Familiarity,
}

/// The result of a forward pass.
#[derive(Clone, Debug)]
pub struct NetworkOutput {
    /// `[batch, K + 1, rows, columns]` at the resolution of the finest skip feature; the background first.
    pub logits: Tensor<4>,
    /// The retained regions.
    pub regions: TargetRegions,
    /// The doses of the confounders.
    pub doses: Doses,
    /// The logit of being unlike the training images: `[batch]`.
    pub unfamiliar: Tensor<1>,
    /// The features that it is computed from: `[batch, width]`.
    pub features: Tensor<2>,
    /// κ of the confounders that the removal takes out, 0 elsewhere: `[batch, M, rows, columns]`, 0..1.
    pub present: Tensor<4>,
    /// The share of each confounder in the correction: `[batch, M]`. `None` if the intervention is off.
    pub weights: Option<Tensor<2>>,
    /// The levels before the intervention, fine to coarse, each `[batch, head width, _, _]`.
    pub levels: Vec<Tensor<4>>,
    /// The levels that the head decoded.
    pub corrected: Vec<Tensor<4>>,
    /// The head's result, for [`SegmentationHead::auxiliary_logits`].
    pub decoded: Decoded,
    /// Mean standard deviation over the confounders of the lesion's probability: `[batch]`. Only for the back-door sum.
    pub backdoor_spread: Option<Tensor<1>>,
    /// Pool(F_ca): `[batch, d]`. Only for the paper's attention.
    pub causal: Option<Tensor<2>>,
    /// The dense features C, each of length √d: `[batch, H·W, d]`.
    pub dense: Tensor<3>,
    /// The image embedding: `[batch, d]`.
    pub pooled: Tensor<2>,
}

impl NetworkConfig {
    /// The default parts over an encoder.
    pub fn new(vision: ClipVisionEncoderConfig, text_width: usize) -> Self {
        let (readout, intervention, head) = Default::default();
        Self { vision, text_width, readout, intervention, head }
    }

    /// A network with random weights. Its texts and its dictionary are zero and must be loaded.
    pub fn init(&self, classes: usize, confounders: usize, device: &Device) -> Network {
        self.with_parts(
            self.vision.init(device),
            Tensor::zeros([classes + 1, self.vision.embed_dim()], device),
            ConfounderDictionary::zeros(confounders, self.text_width, device),
        )
    }

    /// A network over a trained encoder and its texts.
    ///
    /// - `label_texts`: of the background and of the classes, `[K + 1, d]`
    pub fn with_parts(
        &self,
        visual: ClipVisionEncoder,
        label_texts: Tensor<2>,
        dictionary: ConfounderDictionary,
    ) -> Network {
        let device = &label_texts.device();
        let [labels, width] = label_texts.dims();
        let channels = [self.vision.skip_channels(), vec![width]].concat();
        let intervention = &self.intervention;
        Network {
            visual,
            label_texts: fixed(label_texts),
            dictionary,
            readout: self.readout.init(&channels, self.text_width, device),
            intervention: intervention.init(
                channels.len(),
                self.head.width,
                width,
                self.text_width,
                device,
            ),
            mask_token: Initializer::Zeros.init([width], device),
            head: self.head.init(&channels, labels - 1, device),
            familiarity: Familiarity::everything(&self.vision.skip_channels(), device),
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
        let VisionFeatures { skips, dense, grid, pooled } =
            self.visual.forward(pixels.clone(), run.dense);
        let dense = to_even_length(dense);
        let regions = run.selection.forward(dense.clone(), self.class_texts(), grid);
        let features = Familiarity::features(&skips);
        let unfamiliar = self.familiarity.forward(features.clone());
        let maps = [skips.clone(), vec![to_map(dense.clone(), grid)]].concat();
        let doses = self.read_out(pixels, maps);
        let applied = run.intervention.dose_source.of(doses.maps());
        let present = regions.gate(applied * self.dictionary.acting().unsqueeze_dims(&[0, 2, 3]));
        let (top, attended) = self.attend(&regions, dense.clone(), run);
        let levels = self.head.levels([skips, vec![top]].concat());
        let corrected = if run.intervention.enabled {
            self.remove(levels.clone(), &present)
        } else {
            levels.clone()
        };
        let shares = if run.intervention.enabled { self.shares(&levels, &present) } else { None };
        let decoded = self.head.decode(corrected.clone());
        let removes = matches!(self.intervention, CausalIntervention::Removal(_));
        let (logits, backdoor_spread) =
            if removes && run.intervention.enabled && run.intervention.backdoor {
                self.backdoor(&corrected, decoded.logits.clone())
            } else {
                (decoded.logits.clone(), None)
            };
        let (attention, causal) = attended.unzip();
        NetworkOutput {
            logits,
            regions,
            doses,
            unfamiliar,
            features,
            present,
            weights: shares.or(attention),
            levels,
            corrected,
            decoded,
            backdoor_spread,
            causal,
            dense,
            pooled,
        }
    }

    /// The inputs of the read-out: the pixels in -1..1, `[batch, 3, side, side]`, and the encoder's maps, fine to coarse, each
    /// `[batch, channels, rows, columns]`.
    ///
    /// - `pixels`: normalised, `[batch, 3, side, side]`
    pub fn readout_inputs(
        &self,
        pixels: Tensor<4>,
        dense: DenseFeatures,
    ) -> (Tensor<4>, Vec<Tensor<4>>) {
        let VisionFeatures { skips, dense, grid, .. } = self.visual.forward(pixels.clone(), dense);
        let maps = [skips, vec![to_map(to_even_length(dense), grid)]].concat();
        (self.visual.plain_pixels(pixels), maps)
    }

    /// The doses of the confounders. The read-out learns to see, and does not change what it sees: no gradient passes to the
    /// maps.
    fn read_out(&self, pixels: Tensor<4>, maps: Vec<Tensor<4>>) -> Doses {
        let maps: Vec<_> = maps.into_iter().map(Tensor::detach).collect();
        let pixels = self.visual.plain_pixels(pixels);
        self.readout.forward(pixels, &maps, self.dictionary.entries())
    }

    /// The map of the coarsest level: the retained positions, after the paper's attention if the network has it. Also its
    /// weights, `[batch, M]`, and Pool(F_ca), `[batch, d]`.
    fn attend(
        &self,
        regions: &TargetRegions,
        dense: Tensor<3>,
        run: &RunConfig,
    ) -> (Tensor<4>, Option<(Tensor<2>, Tensor<2>)>) {
        let retained = regions.pack(dense);
        let map = |features| regions.unpack(features, self.mask_token.val());
        let settings = &run.intervention;
        let entries = self.dictionary.entries();
        let attended =
            settings.enabled.then(|| self.intervention.attend(retained.clone(), entries));
        match attended.flatten() {
            Some(Attended { features, weights }) => {
                let similarity = regions.retained_similarity();
                let causal = pool(features.clone(), similarity, settings.pool_temperature);
                (map(features), Some((weights, causal)))
            }
            None => (map(retained), None),
        }
    }

    /// D at every level: the levels without the confounders' influence.
    ///
    /// - `levels`: fine to coarse, each `[batch, head width, _, _]`
    /// - `present`: κ, `[batch, M, rows, columns]`
    pub fn remove(&self, levels: Vec<Tensor<4>>, present: &Tensor<4>) -> Vec<Tensor<4>> {
        self.intervention.remove(levels, present, &self.dictionary.entries())
    }

    /// R at every level: the levels under the confounders. The arguments are those of [`Self::remove`].
    pub fn impose(&self, levels: Vec<Tensor<4>>, present: &Tensor<4>) -> Vec<Tensor<4>> {
        self.intervention.impose(levels, present, &self.dictionary.entries())
    }

    /// The share of each confounder in what [`Self::remove`] changes: `[batch, M]`.
    fn shares(&self, levels: &[Tensor<4>], present: &Tensor<4>) -> Option<Tensor<2>> {
        self.intervention.shares(levels, present, &self.dictionary.entries())
    }

    /// ln Σ_z P(z) P(Y | D(F), z): each confounder in turn is imposed on the corrected levels, and the probabilities are
    /// averaged. Also the mean standard deviation over z of the lesion's probability: `[batch]`.
    ///
    /// - `none`: the logits without an imposed confounder
    fn backdoor(&self, corrected: &[Tensor<4>], none: Tensor<4>) -> (Tensor<4>, Option<Tensor<1>>) {
        let (z, prior) = (self.dictionary.entries(), self.dictionary.prior());
        let dose = Tensor::full([none.dims()[0], 1, 1, 1], BACKDOOR_DOSE, &none.device());
        let mut terms = vec![softmax(none, 1)];
        for confounder in 0..self.dictionary.confounders() {
            let z = z.clone().narrow(0, confounder, 1);
            let imposed = self.intervention.impose(corrected.to_vec(), &dose, &z);
            terms.push(softmax(self.head.decode(imposed).logits, 1));
        }
        let weighted = |terms: &mut dyn Iterator<Item = Tensor<4>>| {
            let weighted = terms.enumerate().map(|(at, term)| {
                let weight: Tensor<4> = prior.clone().narrow(0, at, 1).unsqueeze();
                term * weight
            });
            weighted.reduce(|sum, term| sum + term).expect("there is the term of none")
        };
        let mean = weighted(&mut terms.iter().cloned());
        let background = mean.clone().narrow(1, 0, 1);
        let variance = weighted(
            &mut terms.into_iter().map(|term| (term.narrow(1, 0, 1) - background.clone()).square()),
        );
        let spread = variance.sqrt().flatten::<2>(1, 3).mean_dim(1).squeeze_dim(1);
        (mean.clamp_min(1e-7).log(), Some(spread))
    }

    /// Text embeddings of the background and of the classes: `[K + 1, d]`.
    pub fn label_texts(&self) -> Tensor<2> {
        self.label_texts.val()
    }

    /// Class text embeddings e_k: `[K, d]`.
    pub fn class_texts(&self) -> Tensor<2> {
        let [labels, _] = self.label_texts().dims();
        self.label_texts().narrow(0, 1, labels - 1)
    }

    /// The device that the weights are on.
    pub fn device(&self) -> Device {
        self.label_texts().device()
    }
}

/// The dose at which the back-door sum imposes a confounder.
const BACKDOOR_DOSE: f32 = 0.5;

/// Scales every position to the length √d, so that values are around one. Only directions have a meaning in CLIP's space.
///
/// - `dense`, output: `[batch, H·W, d]`
fn to_even_length(dense: Tensor<3>) -> Tensor<3> {
    let width = dense.dims()[2];
    l2_normalize(dense) * (width as f64).sqrt()
}

/// `[batch, H·W, d]` → `[batch, d, H, W]`.
fn to_map(positions: Tensor<3>, [rows, columns]: [usize; 2]) -> Tensor<4> {
    let [batch, _, width] = positions.dims();
    positions.swap_dims(1, 2).reshape([batch, width, rows, columns])
}

impl NetworkOutput {
    /// Logits at `side × side`: `[batch, K + 1, side, side]`.
    pub fn full_logits(&self, side: usize) -> Tensor<4> {
        resize(self.logits.clone(), [side, side])
    }
}
