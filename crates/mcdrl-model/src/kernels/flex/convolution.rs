//! Convolution and its gradients on the CPU, as products of matrices over patches of the image.
//!
//! The patches under the kernel are copied side by side (Chellapilla et al. 2006, "im2col"), a few rows of the image at
//! a time so that they stay in the cache, in the order of the weights as they lie in memory. Images of a batch go to
//! different threads.

use super::matrix::{Matrix, MatrixMut, product};
use super::parallel::{for_each_chunk, map_each};
use super::winograd;

/// Patches copied at a time, in values: 256 KiB, a fraction of a second-level cache.
const COPIED: usize = 64 * 1024;
/// Parts of a batch whose weight gradients are summed one by one. A constant, so that the sum is the same on every
/// machine.
const PARTS: usize = 4;

/// What is convolved with what. Square strides and paddings, one group, no dilation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Images N.
    pub batch: usize,
    /// Channels C of the input.
    pub inputs: usize,
    /// Rows of the input.
    pub height: usize,
    /// Columns of the input.
    pub width: usize,
    /// Channels O of the output.
    pub outputs: usize,
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// Pixels from one patch to the next.
    pub stride: usize,
    /// Zeros around the input.
    pub padding: usize,
}

impl Shape {
    /// Rows and columns of the output.
    ///
    /// # Panics
    /// If the kernel is larger than the input with its padding.
    pub fn output(&self) -> [usize; 2] {
        let sides = [self.height, self.width].map(|side| side + 2 * self.padding);
        assert!(
            self.kernel[0] <= sides[0] && self.kernel[1] <= sides[1],
            "a kernel of {:?} is larger than the padded input of {sides:?}",
            self.kernel
        );
        let side =
            |side: usize, kernel: usize| (side + 2 * self.padding - kernel) / self.stride + 1;
        [side(self.height, self.kernel[0]), side(self.width, self.kernel[1])]
    }

    fn input_plane(&self) -> usize {
        self.height * self.width
    }

    fn output_plane(&self) -> usize {
        let [rows, columns] = self.output();
        rows * columns
    }

    /// Values of a patch.
    fn patch(&self) -> usize {
        self.inputs * self.kernel[0] * self.kernel[1]
    }

    /// Whether the patches are the image itself.
    fn is_pointwise(&self) -> bool {
        self.kernel == [1, 1] && self.stride == 1 && self.padding == 0
    }

    /// The output's rows in tiles: first row and end.
    fn tiles(&self) -> Vec<(usize, usize)> {
        let [rows, columns] = self.output();
        let height = (COPIED / (self.patch() * columns)).clamp(1, rows);
        (0..rows).step_by(height).map(|first| (first, (first + height).min(rows))).collect()
    }
}

/// The convolution.
///
/// - `input`: `[N, C, height, width]`, `weight`: `[O, C, kernel, kernel]`
/// - output: `[N, O, rows, columns]`
pub fn forward(shape: &Shape, input: &[f32], weight: &[f32]) -> Vec<f32> {
    // Wide vectors multiply faster than the transforms of the other way can add.
    if !cfg!(target_arch = "x86_64") && winograd::suits(shape) {
        return winograd::forward(shape, input, weight);
    }
    by_patches(shape, input, weight)
}

/// [`forward`] as a product of matrices over patches of the image.
pub(super) fn by_patches(shape: &Shape, input: &[f32], weight: &[f32]) -> Vec<f32> {
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
    shape: &Shape,
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

/// The gradient of the input.
///
/// - `weight`: `[O, C, kernel, kernel]`, `gradient` of the output: `[N, O, rows, columns]`
/// - output: `[N, C, height, width]`
pub fn input_gradient(shape: &Shape, weight: &[f32], gradient: &[f32]) -> Vec<f32> {
    if shape.stride == 1
        && shape.kernel.iter().all(|kernel| *kernel > shape.padding)
        && shape.kernel[0] == shape.kernel[1]
    {
        // Again a convolution: with the turned kernel, from the outputs to the inputs.
        let [height, width] = shape.output();
        let turned = Shape {
            inputs: shape.outputs,
            outputs: shape.inputs,
            height,
            width,
            padding: shape.kernel[0] - 1 - shape.padding,
            ..*shape
        };
        return forward(&turned, gradient, &turned_weight(shape, weight));
    }
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
pub fn weight_gradient(shape: &Shape, input: &[f32], gradient: &[f32]) -> Vec<f32> {
    let plane = shape.output_plane();
    let columns = shape.output()[1];
    let size = shape.inputs * shape.input_plane();
    let tiles = shape.tiles();
    let images = shape.batch.div_ceil(PARTS).max(1);
    let parts = shape.batch.div_ceil(images);
    // Transposed, `[patch, O]`: so the patches are read along their rows.
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
    shape: &Shape,
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
                    let start = left * shape.stride + right - shape.padding;
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

/// The reverse of [`patches`]: adds each value to where it came from.
fn add_patches(shape: &Shape, patches: &[f32], (first, end): (usize, usize), image: &mut [f32]) {
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
                    let start = left * shape.stride + right - shape.padding;
                    let target = target[start..].iter_mut().step_by(shape.stride);
                    target.zip(&values[left..stop]).for_each(|(target, value)| *target += value);
                }
            }
        }
    }
}

impl Shape {
    /// The row of the input under the kernel's row `down` at the output's `row`, unless it is padding.
    fn source_row(&self, row: usize, down: usize) -> Option<usize> {
        (row * self.stride + down).checked_sub(self.padding).filter(|row| *row < self.height)
    }

    /// The output's columns, first and end, for which the kernel's column `right` lies on the input.
    fn inside(&self, right: usize) -> (usize, usize) {
        let columns = self.output()[1];
        let first = self.padding.saturating_sub(right).div_ceil(self.stride);
        let end = (self.width + self.padding).saturating_sub(right).div_ceil(self.stride);
        let end = end.min(columns);
        (first.min(end), end)
    }
}

/// `[O, C, kernel, kernel]` → `[C, O, kernel, kernel]`, each kernel turned by half a turn.
fn turned_weight(shape: &Shape, weight: &[f32]) -> Vec<f32> {
    let kernel = shape.kernel[0] * shape.kernel[1];
    let mut turned = vec![0.0; weight.len()];
    for (pair, values) in weight.chunks_exact(kernel).enumerate() {
        let (output, input) = (pair / shape.inputs, pair % shape.inputs);
        let target = &mut turned[(input * shape.outputs + output) * kernel..][..kernel];
        target.iter_mut().zip(values.iter().rev()).for_each(|(target, value)| *target = *value);
    }
    turned
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
