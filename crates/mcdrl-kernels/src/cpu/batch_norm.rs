//! Batch normalisation (Ioffe and Szegedy 2015), fused with the activation that usually follows it.

use super::finish::{Finish, inverse_deviations};
use super::parallel::{for_each_chunk, map_each};
use super::vectorized::{sum, sum_of_pairs, vectorized};
use crate::activation::Activation;

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

/// The normalised input after the activation.
pub fn forward(extent: Extent, input: &[f32], finish: &Finish) -> Vec<f32> {
    let mut output = vec![0.0; input.len()];
    for_each_chunk(&mut output, extent.plane, |number, output| {
        let input = &input[number * extent.plane..][..extent.plane];
        finish.write(number % extent.channels, input, output);
    });
    output
}

/// Mean and biased variance of every channel.
pub fn statistics(extent: Extent, input: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let count = (extent.batch * extent.plane) as f32;
    map_each(extent.channels, |channel| {
        vectorized(|| {
            let planes = || extent.planes(channel).map(|start| &input[start..][..extent.plane]);
            let mean = planes().map(|plane| sum(plane, |value| value)).sum::<f32>() / count;
            let square = |value: f32| (value - mean) * (value - mean);
            (mean, planes().map(|plane| sum(plane, square)).sum::<f32>() / count)
        })
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

/// Where the mean and the variance of a normalisation come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistics {
    /// From the batch itself: they change with the input.
    OfBatch,
    /// Given, such as running statistics.
    Given,
}

/// The gradients of a normalisation and its activation.
#[allow(clippy::too_many_arguments)] // The operation needs all of them.
pub fn backward(
    extent: Extent,
    input: &[f32],
    gamma: &[f32],
    beta: &[f32],
    (mean, variance): (&[f32], &[f32]),
    statistics: Statistics,
    epsilon: f64,
    activation: Activation,
    gradient: &[f32],
) -> Gradients {
    let affine = Finish::of_norm(gamma, beta, (mean, variance), epsilon, activation);
    let inverses: Vec<f32> = inverse_deviations(variance, epsilon).collect();
    // No gradient passes where the activation gave its lowest or highest value.
    let (lowest, highest) = activation.limits();
    let passed = |channel: usize| {
        let (scale, shift) = (affine.scales()[channel], affine.shifts()[channel]);
        move |value: f32, gradient: f32| {
            let result = value * scale + shift;
            if result <= lowest || result >= highest { 0.0 } else { gradient }
        }
    };
    let sums = map_each(extent.channels, |channel| {
        vectorized(|| {
            let (mut of_gamma, mut of_beta) = (0.0, 0.0);
            let (passed, mean) = (passed(channel), mean[channel]);
            for start in extent.planes(channel) {
                let values = &input[start..][..extent.plane];
                let gradients = &gradient[start..][..extent.plane];
                of_beta += sum_of_pairs(values, gradients, passed);
                of_gamma += sum_of_pairs(values, gradients, |value, gradient| {
                    (value - mean) * passed(value, gradient)
                });
            }
            (of_gamma * inverses[channel], of_beta)
        })
    });
    let (of_gamma, of_beta): (Vec<f32>, Vec<f32>) = sums.into_iter().unzip();
    let count = (extent.batch * extent.plane) as f32;
    let mut of_input = vec![0.0; input.len()];
    for_each_chunk(&mut of_input, extent.plane, |number, output| {
        let channel = number % extent.channels;
        let start = number * extent.plane;
        let values = &input[start..][..extent.plane];
        let gradients = &gradient[start..][..extent.plane];
        let scale = affine.scales()[channel];
        // The input also changes the statistics of its batch.
        let (even, slope) = match statistics {
            Statistics::OfBatch => {
                (of_beta[channel] / count, of_gamma[channel] / count * inverses[channel])
            }
            Statistics::Given => (0.0, 0.0),
        };
        let (passed, mean) = (passed(channel), mean[channel]);
        vectorized(|| {
            for ((output, value), gradient) in output.iter_mut().zip(values).zip(gradients) {
                let gradient = passed(*value, *gradient);
                *output = scale * (gradient - even - (value - mean) * slope);
            }
        });
    });
    Gradients { input: of_input, gamma: of_gamma, beta: of_beta }
}

impl Extent {
    /// The offsets of a channel's planes.
    fn planes(self, channel: usize) -> impl Iterator<Item = usize> {
        (0..self.batch).map(move |image| (image * self.channels + channel) * self.plane)
    }
}
