//! Segmentation metrics whose numbers agree with MONAI's.
//!
//! Overlap and surface metrics compare two class masks of one frame, a [`MaskPair`], for one choice
//! of [`Foreground`]. Distances are in pixels. A score that is not defined for a frame is `None`,
//! which [`Summary`] leaves out, as MONAI's `do_metric_reduction` leaves out NaN.
//!
//! The agreement with MONAI 1.3 is held by the vectors in `tests/conformance/metrics_monai.json`.

use std::{array, error::Error, fmt, ops::Range};

use serde::{Deserialize, Serialize};

/// The number of equal-width confidence bins of [`Calibration`], as in Guo et al. 2017.
pub const CALIBRATION_BINS: usize = 15;

/// Which mask values count as foreground; all others are background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreground {
    /// The union of all classes: every value but 0.
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
    /// When a mask does not have exactly that many pixels, or the frame has none.
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
    /// MONAI: `DiceMetric(include_background=False, ignore_empty=True)`. `None` when the truth has
    /// no foreground, whatever the prediction; 0 when only the prediction has none.
    pub fn dice(&self, of: Foreground) -> Option<f64> {
        let overlap = self.overlap(of);
        (overlap.truth > 0).then(|| ratio(2 * overlap.both, overlap.prediction + overlap.truth))
    }

    /// Intersection over union: |P ∩ T| / |P ∪ T|.
    ///
    /// MONAI: `MeanIoU(include_background=False, ignore_empty=True)`. `None` when the truth has no
    /// foreground, whatever the prediction; 0 when only the prediction has none.
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

    /// The distances between the edges of the two masks, for when both [`hd95`](Self::hd95) and
    /// [`assd`](Self::assd) are wanted: they share the costly part. Linear in the size of the
    /// foreground's bounding box, except for one sort of the edge pixels' distances.
    ///
    /// `None` when either mask has no foreground, where MONAI gives NaN or infinity.
    pub fn surface_distances(&self, of: Foreground) -> Option<SurfaceDistances> {
        let overlap = self.overlap(of);
        if overlap.prediction == 0 || overlap.truth == 0 {
            return None;
        }
        let frame = self.bounding_box(of);
        let prediction = Grid::cropped(self.prediction, self.width, of, &frame).edges();
        let truth = Grid::cropped(self.truth, self.width, of, &frame).edges();
        Some(SurfaceDistances {
            prediction_to_truth: prediction.select_sorted(&truth.distance_transform()),
            truth_to_prediction: truth.select_sorted(&prediction.distance_transform()),
        })
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
            "masks of {prediction} (prediction) and {truth} (truth) pixels are not two frames of \
             {width} × {height}"
        )
    }
}

impl Error for MaskSizeError {}

/// For each edge pixel of a mask, the Euclidean distance in pixels to the nearest edge pixel of the
/// other.
///
/// An edge pixel is a foreground pixel with background, or the outside of the frame, above, below,
/// left or right of it. MONAI: `get_mask_edges` (without spacing) and `get_surface_distance`.
#[derive(Clone, Debug)]
pub struct SurfaceDistances {
    // Both sorted and never empty.
    prediction_to_truth: Vec<f64>,
    truth_to_prediction: Vec<f64>,
}

impl SurfaceDistances {
    /// 95th-percentile Hausdorff distance in pixels: the larger of the two directions' 95th
    /// percentiles, which are interpolated linearly as by `numpy.percentile`.
    ///
    /// MONAI: `HausdorffDistanceMetric(percentile=95, directed=False)`.
    pub fn hd95(&self) -> f64 {
        percentile(&self.prediction_to_truth, 95.0).max(percentile(&self.truth_to_prediction, 95.0))
    }

    /// Average symmetric surface distance in pixels: the mean over all edge pixels of both masks,
    /// so that the longer edge weighs more.
    ///
    /// MONAI: `SurfaceDistanceMetric(symmetric=True)`.
    pub fn assd(&self) -> f64 {
        let sum = self.prediction_to_truth.iter().chain(&self.truth_to_prediction).sum::<f64>();
        sum / (self.prediction_to_truth.len() + self.truth_to_prediction.len()) as f64
    }
}

/// Counts of frames by whether a lesion is there and whether one is predicted.
///
/// Overlap metrics skip the frames without a lesion; this is where false alarms on them show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detection {
    /// Frames with a lesion and with a predicted one.
    pub true_positive: u64,
    /// Frames without a lesion but with a predicted one.
    pub false_positive: u64,
    /// Frames without a lesion and without a predicted one.
    pub true_negative: u64,
    /// Frames with a lesion but without a predicted one.
    pub false_negative: u64,
}

impl Detection {
    /// Counts a frame by whether a lesion is predicted and whether one is there. Where the predicted lesion lies
    /// does not matter.
    pub fn add(&mut self, predicted: bool, present: bool) {
        let count = match (predicted, present) {
            (true, true) => &mut self.true_positive,
            (true, false) => &mut self.false_positive,
            (false, false) => &mut self.true_negative,
            (false, true) => &mut self.false_negative,
        };
        *count += 1;
    }

    /// TP / (TP + FP); `None` when no lesion was predicted.
    pub fn precision(&self) -> Option<f64> {
        share(self.true_positive, self.false_positive)
    }

    /// TP / (TP + FN), also called sensitivity; `None` when no frame has a lesion.
    pub fn recall(&self) -> Option<f64> {
        share(self.true_positive, self.false_negative)
    }

    /// TN / (TN + FP); `None` when every frame has a lesion.
    pub fn specificity(&self) -> Option<f64> {
        share(self.true_negative, self.false_positive)
    }
}

/// How well the confidence of pixels matches how often they are correct.
///
/// Confidences fall into [`CALIBRATION_BINS`] equal bins over 0 to 1, each without its lower and
/// with its upper bound (Guo et al. 2017, "On Calibration of Modern Neural Networks"); values
/// beyond count in the outermost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    bins: [BinSums; CALIBRATION_BINS],
}

impl Calibration {
    /// Counts a pixel: the probability of its predicted class, and whether that class is the true
    /// one.
    ///
    /// A NaN confidence makes [`ece`](Self::ece) NaN.
    pub fn add(&mut self, confidence: f32, correct: bool) {
        // A float to integer cast saturates, and takes NaN to 0.
        let above = (confidence * CALIBRATION_BINS as f32).ceil() as usize;
        let bin = &mut self.bins[above.clamp(1, CALIBRATION_BINS) - 1];
        bin.count += 1;
        bin.correct += u64::from(correct);
        bin.confidence += f64::from(confidence);
    }

    /// Expected calibration error: Σ over bins of (bin pixels / pixels) · |accuracy − mean
    /// confidence|.
    ///
    /// 0 is perfect, 1 the worst. `None` before the first pixel.
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
                lower: ratio(index, CALIBRATION_BINS),
                upper: ratio(index + 1, CALIBRATION_BINS),
                count,
                confidence: mean(confidence),
                accuracy: mean(correct as f64),
            }
        })
    }
}

/// The pixels whose confidence is in one interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalibrationBin {
    /// The interval's lower bound, not in it.
    pub lower: f64,
    /// The interval's upper bound, in it.
    pub upper: f64,
    /// The number of pixels.
    pub count: u64,
    /// The pixels' mean confidence; `None` without pixels.
    pub confidence: Option<f64>,
    /// The share of the pixels that are correct; `None` without pixels.
    pub accuracy: Option<f64>,
}

/// Mean and spread of a score over frames, of those where it is defined: collect `Option<f64>` into
/// it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The arithmetic mean; `None` without a value.
    pub mean: Option<f64>,
    /// The sample standard deviation (divisor count − 1); `None` below two values.
    pub std: Option<f64>,
    /// The number of values that are not `None`.
    pub count: usize,
}

impl FromIterator<Option<f64>> for Summary {
    fn from_iter<I: IntoIterator<Item = Option<f64>>>(scores: I) -> Self {
        let values: Vec<f64> = scores.into_iter().flatten().collect();
        let count = values.len();
        let mean = (count > 0).then(|| values.iter().sum::<f64>() / count as f64);
        let std = mean.filter(|_| count > 1).map(|mean| {
            let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
            (squares / (count - 1) as f64).sqrt()
        });
        Self { mean, std, count }
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

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

/// The columns and rows of a rectangle of pixels.
#[derive(Default)]
struct Frame {
    columns: Range<usize>,
    rows: Range<usize>,
}

/// Extends the range, 0..0 if there is none yet, to contain the index.
fn grow(range: &mut Range<usize>, index: usize) {
    let start = if range.end == 0 { index } else { range.start.min(index) };
    *range = start..range.end.max(index + 1);
}

/// A binary image whose outermost pixels are not set.
struct Grid {
    width: usize,
    pixels: Vec<bool>,
}

impl Grid {
    /// The foreground inside a frame of a mask, with a margin of one pixel around it.
    fn cropped(mask: &[u8], mask_width: usize, of: Foreground, frame: &Frame) -> Self {
        let width = frame.columns.len() + 2;
        let mut pixels = vec![false; width * (frame.rows.len() + 2)];
        let rows = mask.chunks_exact(mask_width).skip(frame.rows.start).take(frame.rows.len());
        for (target, row) in pixels.chunks_exact_mut(width).skip(1).zip(rows) {
            for (pixel, &class) in target[1..].iter_mut().zip(&row[frame.columns.clone()]) {
                *pixel = of.contains(class);
            }
        }
        Self { width, pixels }
    }

    /// The pixels that erosion with a 3 × 3 cross would remove.
    fn edges(&self) -> Self {
        let Self { width, pixels } = self;
        // The margin gives every set pixel four neighbours.
        let is_edge = |i: usize| {
            let inner = || pixels[i - 1] && pixels[i + 1] && pixels[i - width] && pixels[i + width];
            pixels[i] && !inner()
        };
        Self { width: *width, pixels: (0..pixels.len()).map(is_edge).collect() }
    }

    /// The Euclidean distance of every pixel to the nearest set one, exact and in linear time
    /// (Felzenszwalb and Huttenlocher 2012, "Distance Transforms of Sampled Functions"). Infinite
    /// when no pixel is set.
    fn distance_transform(&self) -> Vec<f64> {
        let mut distances: Vec<f64> =
            self.pixels.iter().map(|&set| if set { 0.0 } else { f64::INFINITY }).collect();
        // Along columns it is a matter of counting: down, then up.
        for i in self.width..distances.len() {
            distances[i] = distances[i].min(distances[i - self.width] + 1.0);
        }
        for i in (self.width..distances.len()).rev() {
            distances[i - self.width] = distances[i - self.width].min(distances[i] + 1.0);
        }
        let mut envelope = Vec::new();
        for row in distances.chunks_exact_mut(self.width) {
            transform_row(row, &mut envelope);
        }
        distances
    }

    /// The values at the set pixels, in ascending order.
    fn select_sorted(&self, values: &[f64]) -> Vec<f64> {
        let set = self.pixels.iter().zip(values).filter(|(set, _)| **set);
        let mut selected: Vec<f64> = set.map(|(_, &value)| value).collect();
        selected.sort_unstable_by(f64::total_cmp);
        selected
    }
}

/// y = (x − vertex)² + height, the lowest parabola of an envelope from `start` on.
struct Parabola {
    vertex: f64,
    height: f64,
    start: f64,
}

/// Turns distances along the columns into Euclidean distances: their squares are the heights of
/// parabolas, and the squares of the result are the lower envelope of these.
fn transform_row(row: &mut [f64], envelope: &mut Vec<Parabola>) {
    envelope.clear();
    for (x, distance) in row.iter().enumerate().filter(|(_, distance)| distance.is_finite()) {
        let (vertex, height) = (x as f64, distance * distance);
        let mut start = f64::NEG_INFINITY;
        while let Some(last) = envelope.last() {
            let rise = (height + vertex * vertex) - (last.height + last.vertex * last.vertex);
            start = rise / (2.0 * (vertex - last.vertex));
            if start > last.start {
                break;
            }
            envelope.pop();
        }
        envelope.push(Parabola { vertex, height, start });
    }
    let mut lowest = 0;
    for (x, distance) in row.iter_mut().enumerate() {
        let x = x as f64;
        while envelope.get(lowest + 1).is_some_and(|next| next.start < x) {
            lowest += 1;
        }
        if let Some(parabola) = envelope.get(lowest) {
            *distance = ((x - parabola.vertex).powi(2) + parabola.height).sqrt();
        }
    }
}

/// The percentile (0 to 100) of ascending values, linear between the two nearest ranks; NaN without
/// values.
fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let rank = percent / 100.0 * sorted.len().saturating_sub(1) as f64;
    let at = |index: f64| sorted.get(index as usize).copied().unwrap_or(f64::NAN);
    let (below, above) = (at(rank.floor()), at(rank.ceil()));
    below + (above - below) * rank.fract()
}

fn share(part: u64, rest: u64) -> Option<f64> {
    (part + rest > 0).then(|| part as f64 / (part + rest) as f64)
}

/// The pixels of one confidence bin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct BinSums {
    count: u64,
    correct: u64,
    confidence: f64,
}
