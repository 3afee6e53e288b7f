//! Batch normalisation (Ioffe and Szegedy 2015), fused with the ReLU that usually follows it.

use super::parallel::{for_each_chunk, map_each};

/// The number of values that are summed in parallel: the width of an AVX-512 register.
const LANES: usize = 16;

/// The extent of a tensor `[batch, channels, plane]`.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Images.
    pub batch: usize,
    /// Channels.
    pub channels: usize,
    /// Pixels.
    pub plane: usize,
}

/// Each channel's factor and offset.
pub struct Affine {
    scales: Vec<f32>,
    shifts: Vec<f32>,
}

impl Affine {
    /// γ · (x - mean) / √(variance + ε) + β; all `[channels]`.
    pub fn new(gamma: &[f32], beta: &[f32], mean: &[f32], variance: &[f32], epsilon: f64) -> Self {
        let scales: Vec<f32> = inverse_deviations(variance, epsilon)
            .zip(gamma)
            .map(|(inverse, gamma)| inverse * gamma)
            .collect();
        let shifts = (0..scales.len()).map(|c| beta[c] - mean[c] * scales[c]).collect();
        Self { scales, shifts }
    }

    /// The normalised input; negative values become 0 if `relu` is set.
    pub fn apply(&self, extent: Extent, input: &[f32], relu: bool) -> Vec<f32> {
        let mut output = vec![0.0; input.len()];
        for_each_chunk(&mut output, extent.plane, |number, output| {
            let channel = number % extent.channels;
            let (scale, shift) = (self.scales[channel], self.shifts[channel]);
            let input = &input[number * extent.plane..][..extent.plane];
            for (output, input) in output.iter_mut().zip(input) {
                let value = input * scale + shift;
                // NaN stays NaN, so that it is not hidden.
                *output = if relu && value <= 0.0 { 0.0 } else { value };
            }
        });
        output
    }
}

/// Mean and biased variance of every channel.
pub fn statistics(extent: Extent, input: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let count = (extent.batch * extent.plane) as f32;
    map_each(extent.channels, |channel| {
        let planes = || extent.planes(channel).map(|start| &input[start..][..extent.plane]);
        let mean = planes().map(|plane| sum(plane, |value| value)).sum::<f32>() / count;
        let square = |value: f32| (value - mean) * (value - mean);
        (mean, planes().map(|plane| sum(plane, square)).sum::<f32>() / count)
    })
    .into_iter()
    .unzip()
}

/// The gradients of [`backward`].
pub struct Gradients {
    /// Of the input.
    pub input: Vec<f32>,
    /// Of γ.
    pub gamma: Vec<f32>,
    /// Of β.
    pub beta: Vec<f32>,
}

/// The gradients of a normalisation with the batch's own `mean` and `variance`.
#[allow(clippy::too_many_arguments)] // The operation needs all of them.
pub fn backward(
    extent: Extent,
    input: &[f32],
    gamma: &[f32],
    beta: &[f32],
    (mean, variance): (&[f32], &[f32]),
    epsilon: f64,
    relu: bool,
    gradient: &[f32],
) -> Gradients {
    let affine = Affine::new(gamma, beta, mean, variance, epsilon);
    let inverses: Vec<f32> = inverse_deviations(variance, epsilon).collect();
    // No gradient passes where the ReLU gave 0.
    let passes = |channel: usize, value: f32| {
        let is_cut = value * affine.scales[channel] + affine.shifts[channel] <= 0.0;
        !(relu && is_cut)
    };
    let sums = map_each(extent.channels, |channel| {
        let (mut of_gamma, mut of_beta) = (0.0, 0.0);
        for start in extent.planes(channel) {
            let values = &input[start..][..extent.plane];
            let gradients = &gradient[start..][..extent.plane];
            let passed = |value, gradient| if passes(channel, value) { gradient } else { 0.0 };
            of_beta += sum_of_pairs(values, gradients, passed);
            of_gamma += sum_of_pairs(values, gradients, |value, gradient| {
                (value - mean[channel]) * passed(value, gradient)
            });
        }
        (of_gamma * inverses[channel], of_beta)
    });
    let (of_gamma, of_beta): (Vec<f32>, Vec<f32>) = sums.into_iter().unzip();
    let count = (extent.batch * extent.plane) as f32;
    let mut of_input = vec![0.0; input.len()];
    for_each_chunk(&mut of_input, extent.plane, |number, output| {
        let channel = number % extent.channels;
        let start = number * extent.plane;
        let values = &input[start..][..extent.plane];
        let gradients = &gradient[start..][..extent.plane];
        let scale = affine.scales[channel];
        let even = of_beta[channel] / count;
        let slope = of_gamma[channel] / count * inverses[channel];
        let mean = mean[channel];
        for ((output, value), gradient) in output.iter_mut().zip(values).zip(gradients) {
            let gradient = if passes(channel, *value) { *gradient } else { 0.0 };
            *output = scale * (gradient - even - (value - mean) * slope);
        }
    });
    Gradients { input: of_input, gamma: of_gamma, beta: of_beta }
}

impl Extent {
    /// The offsets of a channel's planes.
    fn planes(self, channel: usize) -> impl Iterator<Item = usize> {
        (0..self.batch).map(move |image| (image * self.channels + channel) * self.plane)
    }
}

fn inverse_deviations(variance: &[f32], epsilon: f64) -> impl Iterator<Item = f32> {
    variance.iter().map(move |variance| 1.0 / (variance + epsilon as f32).sqrt())
}

fn sum(values: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0; LANES];
    let chunks = values.chunks_exact(LANES);
    let rest: f32 = chunks.remainder().iter().map(|value| term(*value)).sum();
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, value)| *lane += term(*value));
    }
    lanes.iter().sum::<f32>() + rest
}

fn sum_of_pairs(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0.0; LANES];
    let (of_a, of_b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = of_a.remainder().iter().zip(of_b.remainder());
    let rest: f32 = rest.map(|(a, b)| term(*a, *b)).sum();
    for (a, b) in of_a.zip(of_b) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += term(*a, *b);
        }
    }
    lanes.iter().sum::<f32>() + rest
}
