//! Mean, spread and quantiles of a score.

use serde::{Deserialize, Serialize};

/// Mean and spread of a score over the frames where it is defined. Collect `Option<f64>` into it.
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

/// The value that a share of the values does not reach; `None` without a value.
pub fn quantile(mut values: Vec<f64>, share: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let at = (share * values.len().saturating_sub(1) as f64).round() as usize;
    values.get(at).copied()
}
