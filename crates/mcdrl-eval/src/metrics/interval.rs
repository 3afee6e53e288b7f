//! Means over groups with bootstrap intervals (Efron and Tibshirani 1993).
//!
//! Frames of one video are alike. So a score is first averaged over each group (a patient, a video), then over the groups, and
//! the interval comes from drawing groups.

use std::collections::BTreeMap;
use std::fmt;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// The number of drawn samples of groups.
const DRAWS: usize = 2000;

/// The share of the draws below and above the interval.
const TAIL: f64 = 0.025;

/// The mean over groups and its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The mean over the groups; `None` without a value.
    pub mean: Option<f64>,
    /// The lower and the upper end; `None` for fewer than two groups.
    pub interval: Option<[f64; 2]>,
    /// The number of groups with a value.
    pub groups: usize,
}

impl Interval {
    /// The mean of scores with their groups. Scores that are `None` are left out. The draws are the same for equal data.
    pub fn of_groups<'a>(scores: impl IntoIterator<Item = (&'a str, Option<f64>)>) -> Self {
        let mut sums: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
        for (group, score) in scores {
            if let Some(score) = score {
                let (sum, count) = sums.entry(group).or_default();
                *sum += score;
                *count += 1.0;
            }
        }
        let means: Vec<f64> = sums.values().map(|(sum, count)| sum / count).collect();
        let groups = means.len();
        let average = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / groups as f64;
        let mean = (groups > 0).then(|| average(&mut means.iter().copied()));
        let interval = (groups > 1).then(|| {
            let mut random = ChaCha8Rng::seed_from_u64(7);
            let mut drawn: Vec<f64> = (0..DRAWS)
                .map(|_| average(&mut (0..groups).map(|_| means[random.random_range(0..groups)])))
                .collect();
            drawn.sort_by(f64::total_cmp);
            [TAIL, 1.0 - TAIL].map(|share| drawn[(share * (DRAWS - 1) as f64).round() as usize])
        });
        Self { mean, interval, groups }
    }
}

impl fmt::Display for Interval {
    /// `0.812 [0.790, 0.834], 24 groups`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(mean) = self.mean else { return f.write_str("–") };
        write!(f, "{mean:.3}")?;
        if let Some([low, high]) = self.interval {
            write!(f, " [{low:.3}, {high:.3}], {} groups", self.groups)?;
        }
        Ok(())
    }
}
