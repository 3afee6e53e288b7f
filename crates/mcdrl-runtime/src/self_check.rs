//! The self-check of a device: a built-in image and the model's reference answer to it.
//!
//! Some GPU drivers compute wrongly without an error. The reference answer is in the model file, so that every device is
//! checked before it sees a patient's image. The image is computed, not stored.

use mcdrl_image::Image;
use serde::{Deserialize, Serialize};

use crate::segmentation::Segmentation;
use crate::{Error, Result};

/// Side of the image, pixels.
const SIDE: usize = 96;

/// Side of the grid in which probabilities are averaged, cells.
const CELLS: usize = 8;

/// The largest difference that half precision or another order of single-precision operations explains.
const TOLERANCE: f32 = 0.02;

/// A model's reference answer to the built-in image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SelfCheck {
    /// The mean probability of every class (the background first) in every cell of an 8×8 grid, row-major.
    probabilities: Vec<f32>,
    /// The presence of every confounder.
    confounders: Vec<f32>,
}

impl SelfCheck {
    /// The answer of a trusted device.
    pub(crate) fn of(segmentation: &Segmentation) -> Self {
        let rounded = |value: f32| (value * 1000.0).round() / 1000.0;
        let confounders = segmentation.confounders.iter().map(|c| rounded(c.presence)).collect();
        let probabilities = segmentation.probabilities.cell_means(CELLS);
        Self { probabilities: probabilities.into_iter().map(rounded).collect(), confounders }
    }

    /// Compares another device's answer with this one.
    ///
    /// # Errors
    /// [`Error::WrongAnswer`] if they differ by more than rounding.
    pub(crate) fn verify(&self, segmentation: &Segmentation) -> Result<()> {
        let found = Self::of(segmentation);
        let pairs =
            [(&self.probabilities, &found.probabilities), (&self.confounders, &found.confounders)];
        let mut difference = 0.0f32;
        for (expected, found) in pairs {
            if expected.len() != found.len() {
                return Err(Error::ModelHeader("its self-check belongs to another model".into()));
            }
            for (a, b) in expected.iter().zip(found) {
                let apart = (a - b).abs();
                // NaN counts as the largest difference.
                difference = difference.max(if apart.is_nan() { f32::INFINITY } else { apart });
            }
        }
        if difference > TOLERANCE {
            return Err(Error::WrongAnswer { difference });
        }
        Ok(())
    }
}

/// The built-in image: a reddish wall that darkens outwards, a brighter bump with a highlight, and grain. It uses
/// only integers, so that it is the same on every platform.
pub(crate) fn built_in_image() -> Image {
    let mut pixels = Vec::with_capacity(SIDE * SIDE * 3);
    let mut grain = 1u32;
    for y in 0..SIDE as i32 {
        for x in 0..SIDE as i32 {
            let from = |cx: i32, cy: i32| (x - cx) * (x - cx) + (y - cy) * (y - cy);
            let shade = 200 - from(48, 48) / 40;
            let bump = (90 - from(60, 40) / 4).max(0);
            let highlight = (160 - 12 * from(54, 34)).max(0);
            grain = grain.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = (grain >> 28) as i32;
            let channels = [
                shade + bump / 3 + highlight,
                shade / 2 + bump / 2 + highlight,
                shade / 3 + bump / 4 + highlight,
            ];
            pixels.extend(channels.map(|value| (value + noise).clamp(0, 255) as u8));
        }
    }
    Image::from_rgb(SIDE, SIDE, pixels).expect("the buffer has the image's size")
}
