//! A model's test of the device that it runs on: an image that is computed, not stored, and what the model says of it.
//!
//! Some GPU drivers compute wrongly without an error. The answer travels in the model file, so that every device can
//! be held to it before it sees a patient's image.

use serde::{Deserialize, Serialize};

use crate::segmentation::Segmentation;
use crate::{Error, Image, Result};

/// Side of the image, pixels.
const SIDE: usize = 96;

/// Cells a side in which probabilities are averaged.
const CELLS: usize = 8;

/// The largest difference that single precision in another order, or half precision, explains.
const TOLERANCE: f32 = 0.02;

/// What a model says about the built-in image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SelfCheck {
    /// The mean probability of every class (the background first) in every cell of an 8×8 grid, row-major.
    probabilities: Vec<f32>,
    /// The weight of every confounder.
    confounders: Vec<f32>,
}

impl SelfCheck {
    /// The answer of a device that is trusted.
    pub(crate) fn of(segmentation: &Segmentation) -> Self {
        let rounded = |value: f32| (value * 1000.0).round() / 1000.0;
        let confounders = segmentation.confounders.iter().map(|c| rounded(c.weight)).collect();
        let probabilities = segmentation.cell_probabilities(CELLS);
        Self { probabilities: probabilities.into_iter().map(rounded).collect(), confounders }
    }

    /// Holds another device's answer to this one.
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
                return Err(Error::ModelHeader("its self-check is another model's".into()));
            }
            for (a, b) in expected.iter().zip(found) {
                let apart = (a - b).abs();
                // What is no number is as far away as can be.
                difference = difference.max(if apart.is_nan() { f32::INFINITY } else { apart });
            }
        }
        if difference > TOLERANCE {
            return Err(Error::WrongAnswer { difference });
        }
        Ok(())
    }
}

/// The built-in image: a reddish wall that darkens outwards, a brighter bump with a highlight, and grain. Integers
/// only, so that it is the same everywhere.
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
