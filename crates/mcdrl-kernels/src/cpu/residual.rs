//! The end of a residual block: an addition and a ReLU in one pass. NaN stays NaN.

use super::parallel::for_each_chunk;

/// The number of values that a thread takes at a time.
const CHUNK: usize = 16 * 1024;

/// max(a + b, 0), element by element.
pub fn add_relu(a: &[f32], b: &[f32]) -> Vec<f32> {
    element_wise(a, b, |a, b| if a + b <= 0.0 { 0.0 } else { a + b })
}

/// The gradient of either input of [`add_relu`], whose result was `output`.
pub fn add_relu_gradient(output: &[f32], gradient: &[f32]) -> Vec<f32> {
    element_wise(output, gradient, |output, gradient| if output <= 0.0 { 0.0 } else { gradient })
}

fn element_wise(a: &[f32], b: &[f32], of: impl Fn(f32, f32) -> f32 + Send + Sync) -> Vec<f32> {
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
