//! Calibration: confidence compared with accuracy.

use std::array;

use serde::{Deserialize, Serialize};

/// The number of equal-width confidence bins of [`Calibration`], as in Guo et al. 2017.
pub const CALIBRATION_BINS: usize = 15;

/// Compares the confidence of pixels with their accuracy.
///
/// Confidences fall into [`CALIBRATION_BINS`] equal bins over 0 to 1. A bin includes its upper bound and excludes its lower
/// bound (Guo et al. 2017, "On Calibration of Modern Neural Networks"). Values outside 0 to 1 count in the outermost bins.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    bins: [BinSums; CALIBRATION_BINS],
}

impl Calibration {
    /// Counts a pixel: the probability of its predicted class, and whether that class is right.
    ///
    /// A NaN confidence makes [`ece`](Self::ece) NaN.
    pub fn add(&mut self, confidence: f32, correct: bool) {
        // A cast from float to integer saturates and turns NaN into 0.
        let above = (confidence * CALIBRATION_BINS as f32).ceil() as usize;
        let bin = &mut self.bins[above.clamp(1, CALIBRATION_BINS) - 1];
        bin.count += 1;
        bin.correct += u64::from(correct);
        bin.confidence += f64::from(confidence);
    }

    /// Expected calibration error: Σ over bins of (bin pixels / pixels) · |accuracy − mean
    /// confidence|.
    ///
    /// 0 is the best value, 1 the worst. `None` before the first pixel.
    pub fn ece(&self) -> Option<f64> {
        let pixels = self.bins.iter().map(|bin| bin.count).sum::<u64>();
        let gaps = self.bins.iter().map(|bin| (bin.correct as f64 - bin.confidence).abs());
        (pixels > 0).then(|| gaps.sum::<f64>() / pixels as f64)
    }

    /// The bins in order of confidence, for a reliability plot.
    pub fn bins(&self) -> [CalibrationBin; CALIBRATION_BINS] {
        array::from_fn(|index| {
            let BinSums { count, correct, confidence } = self.bins[index];
            let mean = |sum: f64| (count > 0).then(|| sum / count as f64);
            CalibrationBin {
                lower: index as f64 / CALIBRATION_BINS as f64,
                upper: (index + 1) as f64 / CALIBRATION_BINS as f64,
                count,
                confidence: mean(confidence),
                accuracy: mean(correct as f64),
            }
        })
    }
}

/// How far expected scores are from the true ones, compared in tenths of the expected ones: Σ over tenths of (scores in it /
/// scores) · |mean expected − mean true|. 0 is the best value. `None` without scores.
///
/// - `scores`: the expected score, 0..1, and the true one
pub fn score_calibration_error(scores: impl IntoIterator<Item = (f64, f64)>) -> Option<f64> {
    const TENTHS: usize = 10;
    let mut gaps = [0.0; TENTHS];
    let mut count = 0.0;
    for (expected, score) in scores {
        gaps[((expected * TENTHS as f64) as usize).min(TENTHS - 1)] += expected - score;
        count += 1.0;
    }
    (count > 0.0).then(|| gaps.iter().map(|gap: &f64| gap.abs()).sum::<f64>() / count)
}

/// The pixels whose confidence is in one interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalibrationBin {
    /// The lower bound, exclusive.
    pub lower: f64,
    /// The upper bound, inclusive.
    pub upper: f64,
    /// The number of pixels.
    pub count: u64,
    /// The pixels' mean confidence; `None` without pixels.
    pub confidence: Option<f64>,
    /// The share of the pixels that are correct; `None` without pixels.
    pub accuracy: Option<f64>,
}

/// The pixels of one confidence bin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct BinSums {
    count: u64,
    correct: u64,
    confidence: f64,
}
