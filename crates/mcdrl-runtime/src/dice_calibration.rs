//! How far a model's probabilities can be believed on images of a hospital that it was not trained on.

use serde::{Deserialize, Serialize};

use crate::logistic_regression::{Observation, logistic_regression};

/// The calibrated expectation of the lesion Dice: its logit is `slope` times the logit of the uncalibrated one, plus `offset`
/// (Platt 1999).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiceCalibration {
    /// Above 0.
    pub slope: f32,
    /// Below 0 for a model that is too sure of itself.
    pub offset: f32,
}

/// Expectations closer to 0 or 1 than this count as this close.
const CLOSEST: f64 = 1e-4;

impl Default for DiceCalibration {
    /// Changes nothing.
    fn default() -> Self {
        Self { slope: 1.0, offset: 0.0 }
    }
}

impl DiceCalibration {
    /// The calibrated expectation. That of an empty mask stays 0.
    pub fn apply(self, expected: f32) -> f32 {
        if self == Self::default() || expected <= 0.0 {
            return expected;
        }
        let logit = f64::from(self.slope) * logit(expected) + f64::from(self.offset);
        (1.0 / (1.0 + (-logit).exp())) as f32
    }

    /// The calibration that fits best to uncalibrated expectations and true values, by logistic regression. `None` for fewer
    /// than two different expectations, or if higher expectations mean lower values.
    ///
    /// - `pairs`: 0..1 each; pairs without an expectation are left out
    pub fn fit(pairs: &[(f32, f64)]) -> Option<Self> {
        let pairs: Vec<_> = pairs.iter().filter(|(expected, _)| *expected > 0.0).collect();
        let weight = 1.0 / pairs.len().max(1) as f64;
        let observe = |(expected, target): &&(f32, f64)| Observation {
            x: logit(*expected),
            target: *target,
            weight,
        };
        let observations: Vec<Observation> = pairs.iter().map(observe).collect();
        let first = observations.first()?.x;
        if observations.iter().all(|observation| (observation.x - first).abs() < 1e-6) {
            return None;
        }
        let [slope, offset] = logistic_regression(&observations, 1e-9);
        (slope.is_finite() && offset.is_finite() && slope > 0.0)
            .then_some(Self { slope: slope as f32, offset: offset as f32 })
    }

    /// The faults, one sentence each. Empty if it is valid.
    pub(crate) fn faults(self) -> Vec<String> {
        let is_valid = self.slope.is_finite() && self.slope > 0.0 && self.offset.is_finite();
        let fault = || "`expected_dice` needs a positive slope and a finite offset".to_owned();
        (!is_valid).then(fault).into_iter().collect()
    }
}

fn logit(probability: f32) -> f64 {
    let probability = f64::from(probability).clamp(CLOSEST, 1.0 - CLOSEST);
    (probability / (1.0 - probability)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_is_too_sure_is_corrected() {
        let truth =
            |expected: f32| f64::from(DiceCalibration { slope: 0.8, offset: -1.0 }.apply(expected));
        let pairs: Vec<(f32, f64)> = (1..100)
            .map(|at| at as f32 / 100.0)
            .map(|expected| (expected, truth(expected)))
            .collect();
        let found = DiceCalibration::fit(&pairs).unwrap();
        assert!((found.slope - 0.8).abs() < 1e-3 && (found.offset + 1.0).abs() < 1e-3, "{found:?}");
        assert_eq!(found.apply(0.0), 0.0);
        assert!(found.apply(0.9) < 0.8 && found.apply(1.0) < 1.0);
        assert_eq!(DiceCalibration::default().apply(0.3), 0.3);
    }

    #[test]
    fn pairs_that_say_nothing_give_no_calibration() {
        assert_eq!(DiceCalibration::fit(&[]), None);
        assert_eq!(DiceCalibration::fit(&[(0.5, 0.2), (0.5, 0.9), (0.0, 0.0)]), None);
        assert_eq!(DiceCalibration::fit(&[(0.2, 0.9), (0.5, 0.5), (0.9, 0.1)]), None);
    }
}
