//! The whole network: pixels → dense C → regions F → intervention F_ca → logits.

use burn::config::Config;
use burn::module::{Initializer, Module, Param};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};

use crate::causal_intervention::{CausalIntervention, CausalInterventionConfig};
use crate::clip::{ClipVisionEncoder, ClipVisionEncoderConfig, DenseFeatures, normalize};
use crate::confounder_dictionary::{ConfounderDictionary, DictionaryLearning};
use crate::kernels::resize;
use crate::segmentation_head::{SegmentationHead, SegmentationHeadConfig};
use crate::target_region::{TargetRegionSelectionConfig, TargetRegions};

/// Builds an [`Mcdrl`]. The two switches are the paper's ablations.
#[derive(Config, Debug)]
pub struct McdrlConfig {
    /// The visual encoder.
    pub vision: ClipVisionEncoderConfig,
    /// Number of classes K.
    pub classes: usize,
    /// Number of confounders M.
    pub confounders: usize,
    /// Side of the square network input, pixels: a multiple of the encoder's stride.
    pub input_size: usize,
    /// Where a vision transformer's dense features come from.
    #[config(default = "DenseFeatures::ValuePath")]
    pub dense: DenseFeatures,
    /// How regions are selected.
    pub regions: TargetRegionSelectionConfig,
    /// The intervention network.
    pub intervention: CausalInterventionConfig,
    /// What training may do to the dictionary.
    #[config(default = "DictionaryLearning::Tuned")]
    pub dictionary: DictionaryLearning,
    /// Channels inside the head.
    #[config(default = 64)]
    pub head_width: usize,
    /// Whether regions are selected (MTRS); without, every position is kept.
    #[config(default = true)]
    pub select_regions: bool,
    /// Whether confounders are intervened on (CDRL).
    #[config(default = true)]
    pub intervene: bool,
}

/// The MCDRL network.
#[derive(Module, Debug)]
pub struct Mcdrl {
    /// The visual encoder.
    pub visual: ClipVisionEncoder,
    /// Class text embeddings e_k, never trained: `[K, d]`.
    class_texts: Param<Tensor<2>>,
    /// The confounder dictionary Z.
    pub dictionary: ConfounderDictionary,
    intervention: CausalIntervention,
    /// Stands on the grid where no region was retained: `[d]`.
    outside: Param<Tensor<1>>,
    head: SegmentationHead,
    #[module(skip)]
    config: McdrlConfig,
}

/// What a forward pass gives.
#[derive(Clone, Debug)]
pub struct McdrlOutput {
    /// `[batch, K + 1, rows, columns]` at the input's size or a fraction of it; the background first.
    pub logits: Tensor<4>,
    /// The retained regions; `None` where none were selected.
    pub regions: Option<TargetRegions>,
    /// H and W.
    pub grid: [usize; 2],
    /// Ŝ, also where no regions were selected: `[batch, H·W]`.
    pub similarity: Tensor<2>,
    /// Image-level confounder weights: `[batch, M]`, rows sum to one; `None` without intervention.
    pub confounders: Option<Tensor<2>>,
    /// Confounder weights where regions were retained, else 0: `[batch, H·W, M]`; `None` without intervention.
    pub confounder_maps: Option<Tensor<3>>,
    /// Pool(F_ca), by likeness to the classes: `[batch, d]`; `None` without intervention.
    pub causal: Option<Tensor<2>>,
    /// The dense features C, each of length √d: `[batch, H·W, d]`.
    pub dense: Tensor<3>,
    /// The image embedding: `[batch, d]`.
    pub pooled: Tensor<2>,
}

impl McdrlConfig {
    /// The paper's network over an encoder.
    pub fn over(
        vision: ClipVisionEncoderConfig,
        classes: usize,
        confounders: usize,
        input_size: usize,
    ) -> Self {
        let intervention = CausalInterventionConfig::new(vision.embed_dim());
        let regions = TargetRegionSelectionConfig::new();
        Self::new(vision, classes, confounders, input_size, regions, intervention)
    }

    /// A network with random weights, and texts and dictionary still to be loaded.
    pub fn init(&self, device: &Device) -> Mcdrl {
        let width = self.vision.embed_dim();
        self.with_parts(
            self.vision.init(device),
            Tensor::zeros([self.classes, width], device),
            ConfounderDictionary::placeholder(self.confounders, width, self.dictionary, device),
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
    ) -> Mcdrl {
        let device = &class_texts.device();
        let width = self.vision.embed_dim();
        let head = SegmentationHeadConfig::new(width, self.vision.skip_channels(), self.classes)
            .with_width(self.head_width);
        Mcdrl {
            visual,
            class_texts: Param::from_tensor(class_texts.detach()).set_require_grad(false),
            dictionary,
            intervention: self.intervention.init(device),
            outside: Initializer::Zeros.init([width], device),
            head: head.init(device),
            config: self.clone(),
        }
    }
}

impl Mcdrl {
    /// How the network was built.
    pub fn config(&self) -> &McdrlConfig {
        &self.config
    }

    /// Class text embeddings e_k: `[K, d]`.
    pub fn class_texts(&self) -> Tensor<2> {
        self.class_texts.val()
    }

    /// The same network with the ablation switches set.
    pub fn with_switches(mut self, select_regions: bool, intervene: bool) -> Self {
        self.config.select_regions = select_regions;
        self.config.intervene = intervene;
        self
    }

    /// One forward pass; logits at the finest encoder map's resolution. [`McdrlOutput::full_logits`] brings
    /// them to the input's.
    ///
    /// - `pixels`: normalised, `[batch, 3, side, side]`
    pub fn forward(&self, pixels: Tensor<4>) -> McdrlOutput {
        let features = self.visual.forward(pixels, self.config.dense);
        let [batch, positions, width] = features.dense.dims();
        // CLIP's space knows directions only: every position gets the same length, with values around one.
        let dense = normalize(features.dense) * (width as f64).sqrt();
        let [rows, columns] = features.grid;
        let regions = self.config.regions.select(dense.clone(), self.class_texts.val());
        let similarity = regions.similarity.clone();
        let selected = self.config.select_regions.then_some(regions);

        let packed = match &selected {
            Some(regions) => regions.pack(dense.clone()),
            None => dense.clone(),
        };
        let (packed, weights, causal) = if self.config.intervene {
            let intervened = self.intervention.forward(packed, &self.dictionary);
            let likeness = match &selected {
                Some(regions) => regions.retained_similarity(),
                None => similarity.clone(),
            };
            let causal = pool(intervened.features.clone(), likeness);
            (intervened.features, Some(intervened.weights), Some(causal))
        } else {
            (packed, None, None)
        };
        let confounders = weights.clone().map(|weights| weights.mean_dim(1).squeeze_dim::<2>(1));
        let confounder_maps = weights.map(|weights| match &selected {
            Some(regions) => regions.scatter(weights),
            None => weights,
        });
        let (map, shown) = match &selected {
            Some(regions) => {
                let outside = self.outside.val().unsqueeze::<3>().expand([batch, positions, width]);
                (regions.unpack(packed, outside), similarity.clone())
            }
            None => (packed, similarity.zeros_like()),
        };
        let map = map.swap_dims(1, 2).reshape([batch, width, rows, columns]);
        let mixture = confounders.clone().map(|weights| weights.matmul(self.dictionary.entries()));
        let logits = self.head.forward(
            map,
            shown.reshape([batch, 1, rows, columns]),
            features.skips,
            mixture,
        );
        McdrlOutput {
            logits,
            regions: selected,
            grid: features.grid,
            similarity,
            confounders,
            confounder_maps,
            causal,
            dense,
            pooled: features.pooled,
        }
    }

    /// cos(image embedding, text) for each of `texts`.
    ///
    /// - `pooled`: `[batch, d]`, `texts`: `[T, d]`
    /// - output: `[batch, T]`
    pub fn image_text_similarity(pooled: Tensor<2>, texts: Tensor<2>) -> Tensor<2> {
        normalize(pooled).matmul(normalize(texts).transpose())
    }
}

/// Temperature of [`pool`].
const POOL_TEMPERATURE: f64 = 0.1;

/// The mean over positions, each weighted by how like the classes it is. The paper leaves Pool open; a plain mean would
/// ask L_causal for the lesion's class at every healthy position that was retained.
///
/// - `features`: `[batch, N, d]`, `similarity`: `[batch, N]`
/// - output: `[batch, d]`
fn pool(features: Tensor<3>, similarity: Tensor<2>) -> Tensor<2> {
    let weights = softmax(similarity.detach() / POOL_TEMPERATURE, 1).unsqueeze_dim::<3>(1);
    weights.matmul(features).squeeze_dim(1)
}

impl McdrlOutput {
    /// Logits at `side × side`: `[batch, K + 1, side, side]`.
    pub fn full_logits(&self, side: usize) -> Tensor<4> {
        resize(self.logits.clone(), [side, side])
    }
}
