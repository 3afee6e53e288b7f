//! Distances between the edges of two masks.

use std::ops::Range;

/// For each edge pixel of a mask, the Euclidean distance in pixels to the nearest edge pixel of the other mask.
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
    /// The distances between the edges of two masks in one frame. Neither may be empty.
    pub(super) fn between(prediction: &Grid, truth: &Grid) -> Self {
        Self {
            prediction_to_truth: prediction.select_sorted(&truth.distance_transform()),
            truth_to_prediction: truth.select_sorted(&prediction.distance_transform()),
        }
    }

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

/// The columns and rows of a rectangle of pixels.
#[derive(Default)]
pub(super) struct Frame {
    pub(super) columns: Range<usize>,
    pub(super) rows: Range<usize>,
}

/// A binary image whose outermost pixels are not set.
pub(super) struct Grid {
    width: usize,
    pixels: Vec<bool>,
}

impl Grid {
    /// The foreground inside a frame of a mask, with a margin of one pixel around it.
    pub(super) fn cropped(
        mask: &[u8],
        mask_width: usize,
        is_set: impl Fn(u8) -> bool,
        frame: &Frame,
    ) -> Self {
        let width = frame.columns.len() + 2;
        let mut pixels = vec![false; width * (frame.rows.len() + 2)];
        let rows = mask.chunks_exact(mask_width).skip(frame.rows.start).take(frame.rows.len());
        for (target, row) in pixels.chunks_exact_mut(width).skip(1).zip(rows) {
            for (pixel, &class) in target[1..].iter_mut().zip(&row[frame.columns.clone()]) {
                *pixel = is_set(class);
            }
        }
        Self { width, pixels }
    }

    /// The pixels that erosion with a 3 × 3 cross would remove.
    pub(super) fn edges(&self) -> Self {
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
        // Along columns, count the steps: one pass down, one pass up.
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

/// Turns distances along the columns into Euclidean distances. Their squares are the heights of parabolas. The lower envelope
/// of the parabolas gives the squares of the result.
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
