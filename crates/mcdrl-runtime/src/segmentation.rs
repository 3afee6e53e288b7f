//! The result for one image, at the image's own size.

use mcdrl_image::{Bounds, Mask};
use serde::Serialize;

use crate::grid_map::GridMap;
use crate::lesions::Lesion;

/// A segmented image.
#[derive(Clone, Debug)]
pub struct Segmentation {
    /// A class for every pixel of the image.
    pub mask: Mask,
    /// Every lesion class, in the order of the mask values.
    pub classes: Vec<ClassShare>,
    /// The connected lesions, the largest first. A lesion has one class.
    pub lesions: Vec<Lesion>,
    /// What the image shows of every confounder.
    pub confounders: Vec<ConfounderWeight>,
    /// The disturbances that the image shows, the most certain first, in plain words: "glare on 8 % of the picture".
    pub disturbances: Vec<String>,
    /// How unlike the training images the image is, 0..1. Above 0.5, the mask should not be trusted.
    pub unfamiliar: f32,
    /// The expected Dice coefficient of all lesions, 0..1: twice the expected overlap over the area of the mask and the expected
    /// area of the lesions, under the predicted probabilities, then calibrated. 0 for an empty mask.
    pub expected_dice: f32,
    /// Remarks about the image, one sentence each: left out pages, scaled bits, what is around the picture.
    pub notes: Vec<String>,
    /// The part of the image that was segmented, in pixels: the picture, without wide borders, panels and text around it. Elsewhere is
    /// background.
    pub area: Bounds,
    /// The candidate regions that the text prompts selected.
    pub regions: RegionMap,
    pub(crate) probabilities: GridMap,
    pub(crate) entropy: GridMap,
}

/// A class's share of an image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassShare {
    /// The class's name.
    pub name: String,
    /// Its share of the pixels, 0..1.
    pub fraction: f32,
    /// The mean probability of the class over its pixels, 0 if it has no pixels.
    pub confidence: f32,
}

/// A named confounder in an image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConfounderWeight {
    /// The confounder's name.
    pub name: String,
    /// The family it belongs to.
    pub family: String,
    /// Its name in plain words.
    pub words: String,
    /// Its share of the correction, 0..1. The weights sum to one.
    pub weight: f32,
    /// The probability that it is visible, 0..1, independent of the others.
    pub presence: f32,
    /// The share of the active area where it is visible, 0..1.
    pub area: f32,
}

/// The grid on which regions were selected. It lies on [`Segmentation::area`].
#[derive(Clone, Debug, PartialEq)]
pub struct RegionMap {
    /// H.
    pub rows: usize,
    /// W.
    pub columns: usize,
    /// Ŝ, the similarity to the best class prompt, row-major, -1..1.
    pub similarity: Vec<f32>,
    /// Whether a position was retained, row-major.
    pub retained: Vec<bool>,
    /// For every confounder a map of its dose, 0..1, row-major.
    pub confounders: Vec<Vec<f32>>,
}

impl Segmentation {
    /// The probability of label `index` (0 is the background) at every pixel of the image, row-major. `None` if there is
    /// no such label. In weak regions the probability of a lesion is halved (see [`crate::ModelHeader::sure_region`]).
    pub fn confidence_mask(&self, index: usize) -> Option<Vec<f32>> {
        let map = &self.probabilities;
        let outside = if index == 0 { 1.0 } else { 0.0 };
        (index < map.channels).then(|| map.on_image(index, self.area, self.size(), outside))
    }

    /// The dose of confounder `index` at every pixel of the image, 0..1, row-major. `None` if there is no such confounder.
    pub fn confounder_map(&self, index: usize) -> Option<Vec<f32>> {
        let RegionMap { rows, columns, confounders, .. } = &self.regions;
        let values = confounders.get(index)?.clone();
        let map = GridMap { channels: 1, rows: *rows, columns: *columns, values };
        Some(map.on_image(0, self.area, self.size(), 0.0))
    }

    /// The model's uncertainty at every pixel of the image: the entropy of its class probabilities divided by the largest
    /// possible one, 0..1, row-major. It is computed on the network's own grid and interpolated.
    pub fn uncertainty_map(&self) -> Vec<f32> {
        self.entropy.on_image(0, self.area, self.size(), 0.0)
    }

    fn size(&self) -> [usize; 2] {
        [self.mask.width(), self.mask.height()]
    }

    /// The mean uncertainty of the picture, on the network's own grid.
    pub fn uncertainty(&self) -> f32 {
        self.entropy.values.iter().sum::<f32>() / self.entropy.values.len() as f32
    }
}
