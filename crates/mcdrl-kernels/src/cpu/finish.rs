//! The end of a convolution: a normalisation and an activation. The normalisation multiplies each channel by a factor and adds an
//! offset.

use pulp::Simd;

use super::vectorized::vectorized;
use crate::activation::Activation;

/// A factor and an offset for each channel, then an activation.
pub struct Finish {
    scales: Vec<f32>,
    shifts: Vec<f32>,
    activation: Activation,
}

impl Finish {
    /// γ · (x - mean) / √(variance + ε) + β, then the activation; all `[channels]`.
    pub fn of_norm(
        gamma: &[f32],
        beta: &[f32],
        (mean, variance): (&[f32], &[f32]),
        epsilon: f64,
        activation: Activation,
    ) -> Self {
        let inverses = inverse_deviations(variance, epsilon);
        let scales: Vec<f32> =
            inverses.zip(gamma).map(|(inverse, gamma)| inverse * gamma).collect();
        let shifts = (0..scales.len()).map(|c| beta[c] - mean[c] * scales[c]).collect();
        Self { scales, shifts, activation }
    }

    /// Each channel's factor.
    pub fn scales(&self) -> &[f32] {
        &self.scales
    }

    /// Each channel's offset.
    pub fn shifts(&self) -> &[f32] {
        &self.shifts
    }

    /// Changes the values of a channel.
    #[inline(always)]
    pub fn apply(&self, channel: usize, values: &mut [f32]) {
        let finished = self.of_channel(channel);
        vectorized(|| values.iter_mut().for_each(|value| *value = finished(*value)));
    }

    /// Writes the finished values of a channel to `output`.
    #[inline(always)]
    pub fn write(&self, channel: usize, input: &[f32], output: &mut [f32]) {
        let finished = self.of_channel(channel);
        vectorized(|| {
            output.iter_mut().zip(input).for_each(|(output, input)| *output = finished(*input));
        });
    }

    #[inline(always)]
    fn of_channel(&self, channel: usize) -> impl Fn(f32) -> f32 + use<> {
        let (scale, shift) = (self.scales[channel], self.shifts[channel]);
        let (lowest, highest) = self.activation.limits();
        move |value| {
            let result = value * scale + shift;
            // Comparisons, because `clamp` needs more instructions for NaN, and `max` hides it.
            let result = if result < lowest { lowest } else { result };
            if result > highest { highest } else { result }
        }
    }

    /// A channel's values in vectors.
    #[inline(always)]
    pub(super) fn apply_in_registers<S: Simd, const VECTORS: usize>(
        &self,
        simd: S,
        channel: usize,
        values: &mut [S::f32s; VECTORS],
    ) {
        let scale = simd.splat_f32s(self.scales[channel]);
        let shift = simd.splat_f32s(self.shifts[channel]);
        let (lowest, highest) = self.activation.limits();
        let (lowest, highest) = (simd.splat_f32s(lowest), simd.splat_f32s(highest));
        for value in values {
            let result = simd.mul_add_e_f32s(*value, scale, shift);
            // Comparisons, because NaN must stay NaN.
            let low = simd.less_than_f32s(result, lowest);
            let result = simd.select_f32s(low, lowest, result);
            let high = simd.greater_than_f32s(result, highest);
            *value = simd.select_f32s(high, highest, result);
        }
    }
}

/// 1 / √(variance + ε) of each channel.
pub(super) fn inverse_deviations(variance: &[f32], epsilon: f64) -> impl Iterator<Item = f32> {
    variance.iter().map(move |variance| 1.0 / (variance + epsilon as f32).sqrt())
}
