//! Convolution and its gradients as matrix products over patches of the image.
//!
//! The patches under the kernel are copied side by side (Chellapilla et al. 2006, "im2col"), in the order of the weights in
//! memory. A few rows of the image are copied at a time, so that they stay in the cache. Images of a batch go to different
//! threads.

use super::matrix::{Matrix, MatrixMut, product};
use super::parallel::{for_each_chunk, map_each};
use super::shape::ConvShape;

/// The number of parts of a batch whose weight gradients are summed separately. It is constant, so that the sum is the same
/// on every machine.
const PARTS: usize = 4;

/// The convolution.
///
/// - `input`: `[N, C, height, width]`, `weight`: `[O, C, kernel, kernel]`
/// - output: `[N, O, rows, columns]`
pub fn forward(shape: &ConvShape, input: &[f32], weight: &[f32]) -> Vec<f32> {
    let plane = shape.output_plane();
    let columns = shape.output()[1];
    let size = shape.inputs * shape.input_plane();
    let tiles = shape.tiles();
    let mut output = vec![0.0; shape.batch * shape.outputs * plane];
    if shape.batch != 1 {
        for_each_chunk(&mut output, shape.outputs * plane, |number, output| {
            let image = &input[number * size..][..size];
            let mut scratch = Vec::new();
            for tile in &tiles {
                let values = &mut output[tile.0 * columns..];
                let out = MatrixMut { values, row: plane, column: 1 };
                tile_product(shape, image, weight, *tile, &mut scratch, out);
            }
        });
    } else {
        // One image: its tiles go to different threads.
        let results = map_each(tiles.len(), |number| {
            let (first, end) = tiles[number];
            let positions = (end - first) * columns;
            let mut values = vec![0.0; shape.outputs * positions];
            let out = MatrixMut { values: &mut values, row: positions, column: 1 };
            tile_product(shape, input, weight, (first, end), &mut Vec::new(), out);
            values
        });
        for ((first, end), result) in tiles.iter().zip(results) {
            let positions = (end - first) * columns;
            for (channel, values) in result.chunks_exact(positions).enumerate() {
                output[channel * plane + first * columns..][..positions].copy_from_slice(values);
            }
        }
    }
    output
}

/// Some rows of the convolution of one image.
fn tile_product(
    shape: &ConvShape,
    image: &[f32],
    weight: &[f32],
    (first, end): (usize, usize),
    scratch: &mut Vec<f32>,
    out: MatrixMut<'_>,
) {
    let positions = (end - first) * shape.output()[1];
    let patches = patches(shape, image, (first, end), scratch);
    let weight = Matrix { values: weight, row: shape.patch(), column: 1 };
    product([shape.outputs, shape.patch(), positions], weight, patches, out, false);
}

/// The gradient of the input, for any stride and padding: adds patches of the gradient to their positions.
///
/// - `weight`: `[O, C, kernel, kernel]`, `gradient` of the output: `[N, O, rows, columns]`
/// - output: `[N, C, height, width]`
pub fn input_gradient(shape: &ConvShape, weight: &[f32], gradient: &[f32]) -> Vec<f32> {
    let plane = shape.output_plane();
    let columns = shape.output()[1];
    let tiles = shape.tiles();
    let mut input = vec![0.0; shape.batch * shape.inputs * shape.input_plane()];
    for_each_chunk(&mut input, shape.inputs * shape.input_plane(), |number, image| {
        let gradient = &gradient[number * shape.outputs * plane..][..shape.outputs * plane];
        let mut patches = Vec::new();
        for (first, end) in &tiles {
            let positions = (end - first) * columns;
            patches.resize(shape.patch() * positions, 0.0);
            let weight = Matrix { values: weight, row: 1, column: shape.patch() };
            let gradient = Matrix { values: &gradient[first * columns..], row: plane, column: 1 };
            let out = MatrixMut { values: &mut patches, row: positions, column: 1 };
            product([shape.patch(), shape.outputs, positions], weight, gradient, out, false);
            add_patches(shape, &patches, (*first, *end), image);
        }
    });
    input
}

/// The gradient of the weight.
///
/// - `input`: `[N, C, height, width]`, `gradient` of the output: `[N, O, rows, columns]`
/// - output: `[O, C, kernel, kernel]`
pub fn weight_gradient(shape: &ConvShape, input: &[f32], gradient: &[f32]) -> Vec<f32> {
    let plane = shape.output_plane();
    let columns = shape.output()[1];
    let size = shape.inputs * shape.input_plane();
    let tiles = shape.tiles();
    let images = shape.batch.div_ceil(PARTS).max(1);
    let parts = shape.batch.div_ceil(images);
    // Transposed, `[patch, O]`, so that the patches are read along their rows.
    let mut sums = map_each(parts, |part| {
        let mut sum = vec![0.0; shape.patch() * shape.outputs];
        let mut scratch = Vec::new();
        for number in part * images..((part + 1) * images).min(shape.batch) {
            let image = &input[number * size..][..size];
            let gradient = &gradient[number * shape.outputs * plane..][..shape.outputs * plane];
            for (first, end) in &tiles {
                let positions = (end - first) * columns;
                let patches = patches(shape, image, (*first, *end), &mut scratch);
                let patches =
                    Matrix { values: patches.values, row: patches.column, column: patches.row };
                let gradient =
                    Matrix { values: &gradient[first * columns..], row: plane, column: 1 };
                let out = MatrixMut { values: &mut sum, row: 1, column: shape.outputs };
                product([shape.outputs, positions, shape.patch()], gradient, patches, out, true);
            }
        }
        sum
    })
    .into_iter();
    let mut total = sums.next().unwrap_or_else(|| vec![0.0; shape.patch() * shape.outputs]);
    for sum in sums {
        total.iter_mut().zip(sum).for_each(|(total, part)| *total += part);
    }
    transposed(&total, shape.patch(), shape.outputs)
}

/// The patches under the kernel for some rows of the output: `[patch, positions]`.
fn patches<'a>(
    shape: &ConvShape,
    image: &'a [f32],
    (first, end): (usize, usize),
    scratch: &'a mut Vec<f32>,
) -> Matrix<'a> {
    let columns = shape.output()[1];
    if shape.is_pointwise() {
        let plane = shape.input_plane();
        return Matrix { values: &image[first * columns..], row: plane, column: 1 };
    }
    let positions = (end - first) * columns;
    scratch.resize(shape.patch() * positions, 0.0);
    let mut rows = scratch.chunks_exact_mut(columns);
    for plane in image.chunks_exact(shape.input_plane()) {
        for down in 0..shape.kernel[0] {
            for right in 0..shape.kernel[1] {
                let (left, stop) = shape.inside(right);
                for row in first..end {
                    let target =
                        rows.next().expect("a row for each kernel position and output row");
                    let Some(source) = shape.source_row(row, down).filter(|_| left < stop) else {
                        target.fill(0.0);
                        continue;
                    };
                    let source = &plane[source * shape.width..][..shape.width];
                    target[..left].fill(0.0);
                    target[stop..].fill(0.0);
                    let start = left * shape.stride + right - shape.padding.left;
                    let target = &mut target[left..stop];
                    if shape.stride == 1 {
                        target.copy_from_slice(&source[start..start + target.len()]);
                    } else {
                        let source = source[start..].iter().step_by(shape.stride);
                        target.iter_mut().zip(source).for_each(|(target, value)| *target = *value);
                    }
                }
            }
        }
    }
    Matrix { values: scratch, row: positions, column: 1 }
}

/// The reverse of [`patches`]: adds each value to its pixel.
fn add_patches(
    shape: &ConvShape,
    patches: &[f32],
    (first, end): (usize, usize),
    image: &mut [f32],
) {
    let columns = shape.output()[1];
    let mut rows = patches.chunks_exact(columns);
    for plane in image.chunks_exact_mut(shape.input_plane()) {
        for down in 0..shape.kernel[0] {
            for right in 0..shape.kernel[1] {
                let (left, stop) = shape.inside(right);
                for row in first..end {
                    let values =
                        rows.next().expect("a row for each kernel position and output row");
                    let Some(target) = shape.source_row(row, down).filter(|_| left < stop) else {
                        continue;
                    };
                    let target = &mut plane[target * shape.width..][..shape.width];
                    let start = left * shape.stride + right - shape.padding.left;
                    let target = target[start..].iter_mut().step_by(shape.stride);
                    target.zip(&values[left..stop]).for_each(|(target, value)| *target += value);
                }
            }
        }
    }
}

fn transposed(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let mut out = vec![0.0; values.len()];
    for (row, values) in values.chunks_exact(columns.max(1)).enumerate() {
        for (column, value) in values.iter().enumerate() {
            out[column * rows + row] = *value;
        }
    }
    out
}
