//! Bilinear resizing of maps, corners not aligned, as in PyTorch's `interpolate`.

use super::parallel::for_each_chunk;
use crate::bilinear::mixes;

/// Resizes every plane.
///
/// - `input`: `[planes, from[0], from[1]]`
/// - output: `[planes, to[0], to[1]]`
pub fn resize(input: &[f32], from: [usize; 2], to: [usize; 2]) -> Vec<f32> {
    let planes = input.len() / (from[0] * from[1]);
    let (down, across) = (mixes(from[0], to[0]), mixes(from[1], to[1]));
    let mut output = vec![0.0; planes * to[0] * to[1]];
    for_each_chunk(&mut output, to[0] * to[1], |number, output| {
        let input = &input[number * from[0] * from[1]..][..from[0] * from[1]];
        let mut mixed = vec![0.0; from[1]];
        for (row, (first, second, share)) in output.chunks_exact_mut(to[1]).zip(&down) {
            let first = &input[first * from[1]..][..from[1]];
            let second = &input[second * from[1]..][..from[1]];
            for ((mixed, first), second) in mixed.iter_mut().zip(first).zip(second) {
                *mixed = first + (second - first) * share;
            }
            for (value, (first, second, share)) in row.iter_mut().zip(&across) {
                *value = mixed[*first] + (mixed[*second] - mixed[*first]) * share;
            }
        }
    });
    output
}

/// The gradient of [`resize`]'s input: each output adds to the inputs that it was mixed from.
///
/// - `gradient` of the output: `[planes, to[0], to[1]]`
/// - output: `[planes, from[0], from[1]]`
pub fn resize_gradient(gradient: &[f32], from: [usize; 2], to: [usize; 2]) -> Vec<f32> {
    let planes = gradient.len() / (to[0] * to[1]);
    let (down, across) = (mixes(from[0], to[0]), mixes(from[1], to[1]));
    let mut input = vec![0.0; planes * from[0] * from[1]];
    for_each_chunk(&mut input, from[0] * from[1], |number, input| {
        let gradient = &gradient[number * to[0] * to[1]..][..to[0] * to[1]];
        let mut mixed = vec![0.0; from[1]];
        for (row, (above, below, share)) in gradient.chunks_exact(to[1]).zip(&down) {
            mixed.fill(0.0);
            for (value, (first, second, share)) in row.iter().zip(&across) {
                mixed[*first] += value * (1.0 - share);
                mixed[*second] += value * share;
            }
            for (row, share) in [(above, 1.0 - share), (below, *share)] {
                let row = &mut input[row * from[1]..][..from[1]];
                row.iter_mut().zip(&mixed).for_each(|(value, mixed)| *value += mixed * share);
            }
        }
    });
    input
}
