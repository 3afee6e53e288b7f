//! Overlap of two masks.

use std::error::Error;
use std::fmt;
use std::ops::Range;

use super::surface::{Frame, Grid, SurfaceDistances};

/// The mask values that count as foreground. All others are background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreground {
    /// The union of all classes: every value except 0.
    Any,
    /// One class: the value itself.
    Class(u8),
}

/// A predicted and a true class mask of one frame, both row-major with one class per pixel.
#[derive(Clone, Copy, Debug)]
pub struct MaskPair<'a> {
    prediction: &'a [u8],
    truth: &'a [u8],
    width: usize,
}

impl<'a> MaskPair<'a> {
    /// Pairs two masks of `width` × `height` pixels.
    ///
    /// # Errors
    ///
    /// If a mask does not have exactly `width` · `height` pixels, or if that is zero.
    pub fn new(
        prediction: &'a [u8],
        truth: &'a [u8],
        width: usize,
        height: usize,
    ) -> Result<Self, MaskSizeError> {
        let pixels = width.checked_mul(height).filter(|&pixels| pixels > 0);
        if pixels == Some(prediction.len()) && pixels == Some(truth.len()) {
            Ok(Self { prediction, truth, width })
        } else {
            Err(MaskSizeError { prediction: prediction.len(), truth: truth.len(), width, height })
        }
    }

    /// The share of pixels with the same class in both masks, background included.
    pub fn label_accuracy(&self) -> f64 {
        let equal = self.pixels().filter(|(prediction, truth)| prediction == truth).count();
        ratio(equal, self.truth.len())
    }

    /// Pixel accuracy of foreground against the rest: (TP + TN) / pixels.
    ///
    /// MONAI: `ConfusionMatrixMetric(metric_name="accuracy")`. For [`Foreground::Any`] of a binary
    /// mask this is [`label_accuracy`](Self::label_accuracy).
    pub fn accuracy(&self, of: Foreground) -> f64 {
        let overlap = self.overlap(of);
        let wrong = overlap.prediction + overlap.truth - 2 * overlap.both;
        ratio(self.truth.len() - wrong, self.truth.len())
    }

    /// Dice coefficient: 2 |P ∩ T| / (|P| + |T|).
    ///
    /// MONAI: `DiceMetric(include_background=False, ignore_empty=True)`. `None` if the truth has no foreground. 0 if only the
    /// truth has foreground.
    pub fn dice(&self, of: Foreground) -> Option<f64> {
        let overlap = self.overlap(of);
        (overlap.truth > 0).then(|| ratio(2 * overlap.both, overlap.prediction + overlap.truth))
    }

    /// Intersection over union: |P ∩ T| / |P ∪ T|.
    ///
    /// MONAI: `MeanIoU(include_background=False, ignore_empty=True)`. `None` if the truth has no foreground. 0 if only the
    /// truth has foreground.
    pub fn iou(&self, of: Foreground) -> Option<f64> {
        let overlap = self.overlap(of);
        let union = overlap.prediction + overlap.truth - overlap.both;
        (overlap.truth > 0).then(|| ratio(overlap.both, union))
    }

    /// [`SurfaceDistances::hd95`] of the two masks, in pixels; `None` when either has no
    /// foreground.
    pub fn hd95(&self, of: Foreground) -> Option<f64> {
        Some(self.surface_distances(of)?.hd95())
    }

    /// [`SurfaceDistances::assd`] of the two masks, in pixels; `None` when either has no
    /// foreground.
    pub fn assd(&self, of: Foreground) -> Option<f64> {
        Some(self.surface_distances(of)?.assd())
    }

    /// The distances between the edges of the two masks. This is the expensive part of [`hd95`](Self::hd95) and
    /// [`assd`](Self::assd), so call it once if you need both. The time is linear in the size of the foreground's bounding
    /// box, plus one sort of the edge pixels' distances.
    ///
    /// `None` when either mask has no foreground, where MONAI gives NaN or infinity.
    pub fn surface_distances(&self, of: Foreground) -> Option<SurfaceDistances> {
        let overlap = self.overlap(of);
        if overlap.prediction == 0 || overlap.truth == 0 {
            return None;
        }
        let frame = self.bounding_box(of);
        let edges =
            |mask| Grid::cropped(mask, self.width, |class| of.contains(class), &frame).edges();
        Some(SurfaceDistances::between(&edges(self.prediction), &edges(self.truth)))
    }

    fn pixels(&self) -> impl Iterator<Item = (u8, u8)> {
        self.prediction.iter().copied().zip(self.truth.iter().copied())
    }

    fn overlap(&self, of: Foreground) -> Overlap {
        let mut overlap = Overlap::default();
        for (prediction, truth) in self.pixels() {
            let (prediction, truth) = (of.contains(prediction), of.contains(truth));
            overlap.prediction += usize::from(prediction);
            overlap.truth += usize::from(truth);
            overlap.both += usize::from(prediction && truth);
        }
        overlap
    }

    /// The bounding box of the foreground of both masks.
    fn bounding_box(&self, of: Foreground) -> Frame {
        let mut frame = Frame::default();
        for (index, (prediction, truth)) in self.pixels().enumerate() {
            if of.contains(prediction) || of.contains(truth) {
                grow(&mut frame.columns, index % self.width);
                grow(&mut frame.rows, index / self.width);
            }
        }
        frame
    }
}

/// Two masks that cannot be compared pixel by pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaskSizeError {
    /// Pixels of the prediction.
    pub prediction: usize,
    /// Pixels of the truth.
    pub truth: usize,
    /// Columns that both should have.
    pub width: usize,
    /// Rows that both should have.
    pub height: usize,
}

impl fmt::Display for MaskSizeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { prediction, truth, width, height } = self;
        write!(
            formatter,
            "the prediction has {prediction} pixels and the truth has {truth}, but the frame has \
             {width} × {height}"
        )
    }
}

impl Error for MaskSizeError {}

/// Numbers of foreground pixels.
#[derive(Clone, Copy, Default)]
struct Overlap {
    prediction: usize,
    truth: usize,
    both: usize,
}

impl Foreground {
    fn contains(self, class: u8) -> bool {
        match self {
            Self::Any => class != 0,
            Self::Class(wanted) => class == wanted,
        }
    }
}

/// Extends the range to contain the index. 0..0 is an empty range.
fn grow(range: &mut Range<usize>, index: usize) {
    let start = if range.end == 0 { index } else { range.start.min(index) };
    *range = start..range.end.max(index + 1);
}

fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}
