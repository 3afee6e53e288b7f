//! Sensitivity, specificity and Dice at several thresholds of the probability of a lesion.

use serde::Serialize;

/// The bins of a probability. A threshold lies at a border.
const BINS: usize = 100;

/// The bins between two thresholds of a table.
const STEP: usize = 5;

/// The scores at a threshold: a pixel is a lesion if its probability is higher.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ThresholdScore {
    /// The threshold, 0..1.
    pub threshold: f64,
    /// The mean lesion Dice of the images that have a lesion.
    pub lesion_dice: Option<f64>,
    /// The share of the lesions' pixels that are found.
    pub sensitivity: Option<f64>,
    /// The share of the other pixels that are left alone.
    pub specificity: Option<f64>,
}

/// Counts pixels by their probability of a lesion.
#[derive(Clone, Debug, PartialEq)]
pub struct Thresholds {
    all: Counts,
    dice: [f64; BINS],
    images_with_lesion: usize,
}

/// The pixels above each border, in lesions and elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Counts {
    lesion: [u64; BINS],
    other: [u64; BINS],
}

impl Counts {
    /// Counts the pixels of an image: the probability of a lesion, and whether there is one.
    pub fn of(pixels: impl IntoIterator<Item = (f32, bool)>) -> Self {
        let mut counts = Self { lesion: [0; BINS], other: [0; BINS] };
        for (probability, is_lesion) in pixels {
            let of = if is_lesion { &mut counts.lesion } else { &mut counts.other };
            // A bin excludes its lower border, as a threshold does.
            let above = (probability * BINS as f32).ceil() as usize;
            of[above.clamp(1, BINS) - 1] += 1;
        }
        for of in [&mut counts.lesion, &mut counts.other] {
            for bin in (1..BINS).rev() {
                of[bin - 1] += of[bin];
            }
        }
        counts
    }
}

impl Default for Thresholds {
    fn default() -> Self {
        let all = Counts { lesion: [0; BINS], other: [0; BINS] };
        Self { all, dice: [0.0; BINS], images_with_lesion: 0 }
    }
}

impl Thresholds {
    /// Adds an image.
    pub fn add(&mut self, image: &Counts) {
        let truth = image.lesion[0];
        self.images_with_lesion += usize::from(truth > 0);
        for bin in 0..BINS {
            self.all.lesion[bin] += image.lesion[bin];
            self.all.other[bin] += image.other[bin];
            if truth > 0 {
                let predicted = image.lesion[bin] + image.other[bin];
                self.dice[bin] += 2.0 * image.lesion[bin] as f64 / (predicted + truth) as f64;
            }
        }
    }

    /// The scores at 0.05, 0.10 … 0.95.
    pub fn scores(&self) -> Vec<ThresholdScore> {
        (STEP..BINS).step_by(STEP).map(|bin| self.score(bin)).collect()
    }

    /// The area under the ROC curve of all pixels, with 100 thresholds. `None` without pixels of both kinds.
    pub fn auroc(&self) -> Option<f64> {
        let curve = (0..BINS).map(|bin| {
            let score = self.score(bin);
            Some((1.0 - score.specificity?, score.sensitivity?))
        });
        let mut points: Vec<(f64, f64)> = curve.collect::<Option<_>>()?;
        points.push((0.0, 0.0));
        let area = |pair: &[(f64, f64)]| (pair[0].0 - pair[1].0) * (pair[0].1 + pair[1].1) / 2.0;
        Some(points.windows(2).map(area).sum())
    }

    fn score(&self, bin: usize) -> ThresholdScore {
        let share = |of: &[u64; BINS]| (of[0] > 0).then(|| of[bin] as f64 / of[0] as f64);
        let images = self.images_with_lesion;
        ThresholdScore {
            threshold: bin as f64 / BINS as f64,
            lesion_dice: (images > 0).then(|| self.dice[bin] / images as f64),
            sensitivity: share(&self.all.lesion),
            specificity: share(&self.all.other).map(|wrong| 1.0 - wrong),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(images: &[&[(f32, bool)]]) -> Thresholds {
        let mut thresholds = Thresholds::default();
        images.iter().for_each(|image| thresholds.add(&Counts::of(image.iter().copied())));
        thresholds
    }

    #[test]
    fn scores_are_those_of_the_pixels_above_the_threshold() {
        let first = [(0.92, true), (0.42, true), (0.62, false), (0.02, false)];
        let thresholds = of(&[&first, &[(0.32, false); 4]]);
        let at = |threshold: f64| {
            let near = |score: &ThresholdScore| (score.threshold - threshold).abs() < 1e-9;
            thresholds.scores().into_iter().find(near).unwrap()
        };
        let half = at(0.5);
        assert_eq!(half.sensitivity, Some(0.5));
        assert!((half.specificity.unwrap() - 5.0 / 6.0).abs() < 1e-9);
        assert_eq!(half.lesion_dice, Some(0.5));
        let low = at(0.4);
        assert_eq!((low.sensitivity, low.lesion_dice), (Some(1.0), Some(0.8)));
        assert_eq!(thresholds.scores().len(), 19);
    }

    #[test]
    fn the_area_is_one_for_right_orders_and_half_without_any() {
        let right = of(&[&[(0.9, true), (0.8, true), (0.1, false), (0.2, false)]]);
        assert_eq!(right.auroc(), Some(1.0));
        let wrong = of(&[&[(0.1, true), (0.9, false)]]);
        assert_eq!(wrong.auroc(), Some(0.0));
        let none = of(&[&[(0.5, true), (0.5, false)]]);
        assert_eq!(none.auroc(), Some(0.5));
        assert_eq!(of(&[&[(0.5, true)]]).auroc(), None);
    }
}
