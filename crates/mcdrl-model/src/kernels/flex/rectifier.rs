//! The ReLU at the end of a residual block, with the addition before it, on the CPU. What is no number stays none.

use super::parallel::for_each_chunk;

/// Values to a thread at a time.
const CHUNK: usize = 16 * 1024;

/// max(a + b, 0), place by place.
pub fn add_relu(a: &[f32], b: &[f32]) -> Vec<f32> {
    places(a, b, |a, b| if a + b <= 0.0 { 0.0 } else { a + b })
}

/// The gradient of either input of [`add_relu`], which gave `output`.
pub fn add_relu_gradient(output: &[f32], gradient: &[f32]) -> Vec<f32> {
    places(output, gradient, |output, gradient| if output <= 0.0 { 0.0 } else { gradient })
}

fn places(a: &[f32], b: &[f32], of: impl Fn(f32, f32) -> f32 + Send + Sync) -> Vec<f32> {
    let mut result = vec![0.0; a.len()];
    for_each_chunk(&mut result, CHUNK, |number, result| {
        let start = number * CHUNK;
        let (a, b) = (&a[start..][..result.len()], &b[start..][..result.len()]);
        for ((result, a), b) in result.iter_mut().zip(a).zip(b) {
            *result = of(*a, *b);
        }
    });
    result
}
