//! The schedule of the learning rate.

use std::f64::consts::PI;

/// The learning rate after `done` of `total` steps: a linear rise over the share `warmup` of the steps, times a cosine that
/// falls from `highest` to zero.
pub fn learning_rate(highest: f64, done: usize, total: usize, warmup: f64) -> f64 {
    let (done, total) = (done as f64, total as f64);
    let fall = 0.5 * (1.0 + (PI * done / total).cos());
    highest * fall * ((done + 1.0) / (warmup * total).max(1.0)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_then_falls_to_zero() {
        let rates: Vec<f64> = (0..100).map(|done| learning_rate(0.1, done, 100, 0.1)).collect();
        assert!(rates[..10].is_sorted() && rates[10..].is_sorted_by(|a, b| a >= b));
        assert!(rates[9] > 0.09 && rates[99] < 1e-4);
    }
}
