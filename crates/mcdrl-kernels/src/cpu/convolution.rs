//! Convolution and its gradients, by the fastest of three methods: a product with the image, products with patches of it, or
//! Winograd's minimal filtering.

use super::finish::Finish;
use super::parallel::for_each_chunk;
use super::shape::ConvShape;
use super::{patches, pointwise, winograd};
use crate::padding::Padding;

/// The convolution.
///
/// - `input`: `[N, C, height, width]`, `weight`: `[O, C, kernel, kernel]`
/// - output: `[N, O, rows, columns]`
pub fn forward(shape: &ConvShape, input: &[f32], weight: &[f32]) -> Vec<f32> {
    if shape.is_pointwise() {
        return pointwise::forward(shape, input, weight, None);
    }
    // On x86-64, multiplications on wide vectors are cheaper than the additions of Winograd's transforms.
    if !cfg!(target_arch = "x86_64") && winograd::suits(shape) {
        return winograd::forward(shape, input, weight);
    }
    patches::forward(shape, input, weight)
}

/// The convolution, and what follows it. The arguments are those of [`forward`].
pub fn forward_finished(
    shape: &ConvShape,
    input: &[f32],
    weight: &[f32],
    finish: &Finish,
) -> Vec<f32> {
    if shape.is_pointwise() {
        return pointwise::forward(shape, input, weight, Some(finish));
    }
    let mut output = forward(shape, input, weight);
    for_each_chunk(&mut output, shape.output_plane(), |number, output| {
        finish.apply(number % shape.outputs, output);
    });
    output
}

/// The gradient of the input.
///
/// - `weight`: `[O, C, kernel, kernel]`, `gradient` of the output: `[N, O, rows, columns]`
/// - output: `[N, C, height, width]`
pub fn input_gradient(shape: &ConvShape, weight: &[f32], gradient: &[f32]) -> Vec<f32> {
    let Some(padding) = turned_padding(shape).filter(|_| shape.stride == 1) else {
        return patches::input_gradient(shape, weight, gradient);
    };
    // This is a convolution from the outputs to the inputs, with the rotated kernel.
    let [height, width] = shape.output();
    let turned = ConvShape {
        inputs: shape.outputs,
        outputs: shape.inputs,
        height,
        width,
        padding,
        ..*shape
    };
    forward(&turned, gradient, &turned_weight(shape, weight))
}

/// The gradient of the weight.
///
/// - `input`: `[N, C, height, width]`, `gradient` of the output: `[N, O, rows, columns]`
/// - output: `[O, C, kernel, kernel]`
pub fn weight_gradient(shape: &ConvShape, input: &[f32], gradient: &[f32]) -> Vec<f32> {
    patches::weight_gradient(shape, input, gradient)
}

/// The zeros around the gradient of the output, unless the input has more of them than the kernel covers.
fn turned_padding(shape: &ConvShape) -> Option<Padding> {
    let [down, across] = shape.kernel.map(|kernel| kernel - 1);
    let Padding { top, left, bottom, right } = shape.padding;
    Some(Padding {
        top: down.checked_sub(top)?,
        left: across.checked_sub(left)?,
        bottom: down.checked_sub(bottom)?,
        right: across.checked_sub(right)?,
    })
}

/// `[O, C, kernel, kernel]` → `[C, O, kernel, kernel]`, each kernel rotated by 180°.
fn turned_weight(shape: &ConvShape, weight: &[f32]) -> Vec<f32> {
    let kernel = shape.kernel[0] * shape.kernel[1];
    let mut turned = vec![0.0; weight.len()];
    for (pair, values) in weight.chunks_exact(kernel).enumerate() {
        let (output, input) = (pair / shape.inputs, pair % shape.inputs);
        let target = &mut turned[(input * shape.outputs + output) * kernel..][..kernel];
        target.iter_mut().zip(values.iter().rev()).for_each(|(target, value)| *target = *value);
    }
    turned
}
