//! A segmentation as the packages get it.

use std::sync::Arc;

use crate::bytes::Bytes;

/// A segmented image, at its own size.
#[derive(Clone, uniffi::Record)]
pub struct Segmentation {
    /// Width in pixels, of the upright image.
    pub width: u32,
    /// Height in pixels, of the upright image.
    pub height: u32,
    /// A class for every pixel, row-major: 0 is background, k the k-th class.
    pub category_mask: Bytes,
    /// Every lesion class, in the order of the mask's values.
    pub classes: Vec<ClassShare>,
    /// Every confounder; the weights sum to one. Empty for a model without intervention.
    pub confounders: Vec<ConfounderWeight>,
    /// The mean of the uncertainty map, 0..1.
    pub mean_uncertainty: f32,
    /// The large maps, made when they are asked for.
    pub maps: Arc<Maps>,
    /// Where it was computed: `cpu` or `gpu`.
    pub device: String,
    /// How long the model took.
    pub milliseconds: f64,
}

/// How much of an image a class takes.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct ClassShare {
    /// The class's name.
    pub name: String,
    /// Its share of the pixels, 0..1.
    pub fraction: f32,
    /// The mean probability of the class over its pixels, 0 where there are none.
    pub confidence: f32,
}

/// A named confounder's share of the explanation.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct ConfounderWeight {
    /// The confounder's name.
    pub name: String,
    /// The family it belongs to.
    pub family: String,
    /// Its weight, 0..1.
    pub weight: f32,
}

/// The grid on which the text selected candidate regions.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct RegionMap {
    /// Rows of the grid.
    pub rows: u32,
    /// Columns of the grid.
    pub columns: u32,
    /// Similarity to the best class prompt, row-major, -1..1; 32-bit floats, little-endian.
    pub similarity: Bytes,
    /// 1 where a position was retained, row-major.
    pub retained: Bytes,
    /// For every confounder its weight at the retained positions, 0 at the others, row-major; 32-bit floats,
    /// little-endian.
    pub confounders: Vec<Bytes>,
}

/// The large maps of a segmentation. Floats are 32-bit, little-endian, row-major: a list of floats would be boxed one
/// by one on its way.
#[derive(uniffi::Object)]
pub struct Maps {
    segmentation: mcdrl_model::Segmentation,
}

#[uniffi::export]
impl Maps {
    /// The probability of label `index` (0 is the background) at every pixel; nothing if there is no such label.
    pub fn confidence_mask(&self, index: u32) -> Option<Bytes> {
        self.segmentation.confidence_mask(index as usize).map(|values| bytes(&values))
    }

    /// How unsure the model is at every pixel: normalised entropy, 0..1.
    pub fn uncertainty(&self) -> Bytes {
        bytes(&self.segmentation.uncertainty_map())
    }

    /// The grid of candidate regions.
    pub fn regions(&self) -> RegionMap {
        let map = &self.segmentation.regions;
        RegionMap {
            rows: map.rows as u32,
            columns: map.columns as u32,
            similarity: bytes(&map.similarity),
            retained: map.retained.iter().map(|kept| u8::from(*kept)).collect::<Vec<u8>>().into(),
            confounders: map.confounders.iter().map(|map| bytes(map)).collect(),
        }
    }
}

impl Segmentation {
    pub(crate) fn new(
        segmentation: mcdrl_model::Segmentation,
        device: &str,
        milliseconds: f64,
    ) -> Self {
        let classes = segmentation.classes.iter().map(|class| ClassShare {
            name: class.name.clone(),
            fraction: class.fraction,
            confidence: class.confidence,
        });
        let confounders = segmentation.confounders.iter().map(|confounder| ConfounderWeight {
            name: confounder.name.clone(),
            family: confounder.family.clone(),
            weight: confounder.weight,
        });
        Self {
            width: segmentation.mask.width() as u32,
            height: segmentation.mask.height() as u32,
            category_mask: segmentation.mask.classes().to_vec().into(),
            classes: classes.collect(),
            confounders: confounders.collect(),
            mean_uncertainty: segmentation.uncertainty(),
            maps: Arc::new(Maps { segmentation }),
            device: device.into(),
            milliseconds,
        }
    }
}

fn bytes(values: &[f32]) -> Bytes {
    values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>().into()
}
