//! The result for one image.

use crate::bytes::Bytes;

/// A segmented image, at its own size. Each part is copied only on request. Maps are row-major. Floats are passed as 32-bit
/// little-endian bytes, because UniFFI would box every float of a list. The segmenter has the names of classes and
/// confounders.
#[derive(uniffi::Object)]
pub struct Segmentation {
    segmentation: mcdrl_runtime::Segmentation,
    milliseconds: f64,
}

/// A class for every pixel of the upright image: 0 is background, k the k-th class.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct CategoryMask {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The classes, row-major.
    pub classes: Bytes,
}

/// The grid on which the text prompts selected candidate regions. It lies on the active area.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct RegionMap {
    /// Rows of the grid.
    pub rows: u32,
    /// Columns of the grid.
    pub columns: u32,
    /// Similarity to the best class prompt, -1..1.
    pub similarity: Bytes,
    /// 1 where a position was retained.
    pub retained: Bytes,
    /// For each confounder a map of its dose, 0..1.
    pub confounders: Vec<Bytes>,
}

/// A connected lesion.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct Lesion {
    /// The name of its class.
    pub name: String,
    /// The mean probability of its class over its pixels, 0..1.
    pub confidence: f32,
    /// Its share of the image, 0..1.
    pub fraction: f32,
    /// The number of its pixels.
    pub pixels: u64,
    /// Its area in mm², if the file states the size of its pixels.
    pub area_mm2: Option<f32>,
    /// The smallest rectangle around it: left, top, width, height, in pixels.
    pub bounds: Vec<u32>,
    /// The corners of its outline, clockwise: x, y, x, y, …, in pixels.
    pub outline: Vec<u32>,
}

#[uniffi::export]
impl Segmentation {
    /// The mask.
    pub fn category_mask(&self) -> CategoryMask {
        let mask = &self.segmentation.mask;
        CategoryMask {
            width: mask.width() as u32,
            height: mask.height() as u32,
            classes: mask.classes().to_vec().into(),
        }
    }

    /// The share of the pixels of each lesion class, 0..1.
    pub fn class_fractions(&self) -> Bytes {
        bytes(self.segmentation.classes.iter().map(|class| class.fraction))
    }

    /// The mean probability of each lesion class over its pixels, 0 if there are none.
    pub fn class_confidences(&self) -> Bytes {
        bytes(self.segmentation.classes.iter().map(|class| class.confidence))
    }

    /// The connected lesions, the largest first.
    pub fn lesions(&self) -> Vec<Lesion> {
        let lesion = |lesion: &mcdrl_runtime::Lesion| Lesion {
            name: lesion.class.clone(),
            confidence: lesion.confidence,
            fraction: lesion.fraction,
            pixels: lesion.pixels as u64,
            area_mm2: lesion.area_mm2,
            bounds: lesion.bounds.to_vec(),
            outline: lesion.outline.concat(),
        };
        self.segmentation.lesions.iter().map(lesion).collect()
    }

    /// The share of each confounder in the correction, 0..1. The weights sum to one.
    pub fn confounder_weights(&self) -> Bytes {
        bytes(self.segmentation.confounders.iter().map(|confounder| confounder.weight))
    }

    /// The probability that each confounder is visible, 0..1, independent of the others.
    pub fn confounder_presences(&self) -> Bytes {
        bytes(self.segmentation.confounders.iter().map(|confounder| confounder.presence))
    }

    /// The share of the active area where each confounder is visible, 0..1.
    pub fn confounder_areas(&self) -> Bytes {
        bytes(self.segmentation.confounders.iter().map(|confounder| confounder.area))
    }

    /// The part of the image that was segmented: left, top, width, height, in pixels. It is the picture, without wide borders, panels and
    /// text around it.
    pub fn active_area(&self) -> Vec<u32> {
        let mcdrl_image::Bounds { left, top, width, height } = self.segmentation.area;
        vec![left, top, width, height]
    }

    /// The disturbances that the image shows, the most certain first, in plain words: "glare on 8 % of the picture".
    pub fn disturbances(&self) -> Vec<String> {
        self.segmentation.disturbances.clone()
    }

    /// Remarks about the image, one sentence each: left out pages, scaled bits, what is around the picture.
    pub fn notes(&self) -> Vec<String> {
        self.segmentation.notes.clone()
    }

    /// The lesion Dice that the model expects of the mask, 0..1.
    pub fn expected_dice(&self) -> f32 {
        self.segmentation.expected_dice
    }

    /// How unlike the training images the image is, 0..1. Above 0.5, do not trust the mask.
    pub fn unfamiliar(&self) -> f32 {
        self.segmentation.unfamiliar
    }

    /// The mean uncertainty of the active area.
    pub fn mean_uncertainty(&self) -> f32 {
        self.segmentation.uncertainty()
    }

    /// The time that the model took, in milliseconds.
    pub fn milliseconds(&self) -> f64 {
        self.milliseconds
    }

    /// The probability of label `index` (0 is the background) at every pixel; `None` for an unknown label.
    pub fn confidence_mask(&self, index: u32) -> Option<Bytes> {
        self.segmentation.confidence_mask(index as usize).map(bytes)
    }

    /// The model's uncertainty at every pixel: normalised entropy, 0..1.
    pub fn uncertainty(&self) -> Bytes {
        bytes(self.segmentation.uncertainty_map())
    }

    /// The grid of candidate regions.
    pub fn regions(&self) -> RegionMap {
        let map = &self.segmentation.regions;
        let retained: Vec<u8> = map.retained.iter().map(|kept| u8::from(*kept)).collect();
        RegionMap {
            rows: map.rows as u32,
            columns: map.columns as u32,
            similarity: bytes(map.similarity.iter().copied()),
            retained: retained.into(),
            confounders: map.confounders.iter().map(|map| bytes(map.iter().copied())).collect(),
        }
    }
}

impl Segmentation {
    pub(crate) fn new(segmentation: mcdrl_runtime::Segmentation, milliseconds: f64) -> Self {
        Self { segmentation, milliseconds }
    }
}

fn bytes(values: impl IntoIterator<Item = f32>) -> Bytes {
    values.into_iter().flat_map(f32::to_le_bytes).collect::<Vec<u8>>().into()
}
