//! Convolution with 3×3 kernels by Winograd's minimal filtering, F(4×4, 3×3) (Lavin and Gray 2015): tiles of 6×6 values
//! of the input give tiles of 4×4 of the output with 36 multiplications per pair of channels instead of 144.
//!
//! The method needs more additions. It is faster on the four-wide vectors of WebAssembly and phones, where multiplications
//! are slow.

use std::array::from_fn;

use super::matrix::{Matrix, MatrixMut, product};
use super::parallel::map_each;
use super::shape::ConvShape;

/// The number of tiles or kernels that are transformed together.
const LANES: usize = 4;
/// Values of a transformed tile.
const POINTS: usize = 36;
/// Side of a tile in output pixels.
const TILE: usize = 4;
/// The smallest number of tiles in an image. For fewer, the transform of the kernels takes longer than it saves.
const FEWEST: usize = 16;
/// The number of values that are transformed at a time: 256 KiB, a fraction of a second-level cache.
const TRANSFORMED: usize = 64 * 1024;

type Lane = [f32; LANES];

/// Whether Winograd's method can do this convolution and speeds it up.
pub fn suits(shape: &ConvShape) -> bool {
    let [rows, columns] = shape.output();
    let tiles = rows.div_ceil(TILE) * columns.div_ceil(TILE);
    shape.kernel == [3, 3] && shape.stride == 1 && tiles >= FEWEST && shape.inputs >= 16
}

/// The convolution.
///
/// - `input`: `[N, C, height, width]`, `weight`: `[O, C, 3, 3]`
/// - output: `[N, O, rows, columns]`
pub fn forward(shape: &ConvShape, input: &[f32], weight: &[f32]) -> Vec<f32> {
    let [rows, columns] = shape.output();
    let (down, across) = (rows.div_ceil(TILE), columns.div_ceil(TILE));
    let kernels = transform_kernels(weight);
    // At least two parts per image, so that two threads can work on it.
    let height = (TRANSFORMED / (POINTS * shape.inputs * across)).clamp(1, down.div_ceil(2));
    let parts = down.div_ceil(height);
    let size = shape.inputs * shape.height * shape.width;
    let results = map_each(shape.batch * parts, |number| {
        let image = &input[number / parts * size..][..size];
        let first = number % parts * height;
        some_tiles(shape, image, &kernels, first..(first + height).min(down))
    });
    let mut output = vec![0.0; shape.batch * shape.outputs * rows * columns];
    for (number, result) in results.iter().enumerate() {
        let length = result.len() / shape.outputs;
        let first = number % parts * height * TILE * columns;
        for (channel, values) in result.chunks_exact(length).enumerate() {
            let plane = (number / parts * shape.outputs + channel) * rows * columns;
            output[plane + first..][..length].copy_from_slice(values);
        }
    }
    output
}

/// The output rows of some rows of tiles: `[O, rows, columns]`.
fn some_tiles(
    shape: &ConvShape,
    image: &[f32],
    kernels: &[f32],
    tiles: std::ops::Range<usize>,
) -> Vec<f32> {
    let [rows, columns] = shape.output();
    let across = columns.div_ceil(TILE);
    // Rows of tiles lie one after the other. The last lanes may hold no tile.
    let count = (tiles.len() * across).next_multiple_of(LANES);
    let inputs = transform_inputs(shape, image, &tiles, across, count);
    let mut products = vec![0.0; POINTS * shape.outputs * count];
    for (point, out) in products.chunks_exact_mut(shape.outputs * count).enumerate() {
        let kernels = &kernels[point * shape.outputs * shape.inputs..];
        let kernels = Matrix { values: kernels, row: shape.inputs, column: 1 };
        let inputs = &inputs[point * shape.inputs * count..][..shape.inputs * count];
        let inputs = Matrix { values: inputs, row: count, column: 1 };
        let out = MatrixMut { values: out, row: count, column: 1 };
        product([shape.outputs, shape.inputs, count], kernels, inputs, out, false);
    }
    let height = (tiles.end * TILE).min(rows) - tiles.start * TILE;
    let mut output = vec![0.0; shape.outputs * height * columns];
    for (channel, output) in output.chunks_exact_mut(height * columns).enumerate() {
        for group in (0..count).step_by(LANES) {
            let at = |point: usize| (point * shape.outputs + channel) * count + group;
            let points: [Lane; POINTS] = from_fn(|p| from_fn(|lane| products[at(p) + lane]));
            let done = apply::<6, 4, 36, 24, 16>(points, output_line);
            for (lane, tile) in (group..group + LANES).enumerate() {
                let (row, column) = (tile / across * TILE, tile % across * TILE);
                let width = TILE.min(columns - column);
                for y in 0..TILE.min(height.saturating_sub(row)) {
                    let line: [f32; TILE] = from_fn(|x| done[y * TILE + x][lane]);
                    let out = &mut output[(row + y) * columns + column..][..width];
                    out.copy_from_slice(&line[..width]);
                }
            }
        }
    }
    output
}

/// `[O, C, 3, 3]` → `[36, O, C]`.
fn transform_kernels(weight: &[f32]) -> Vec<f32> {
    let count = weight.len() / 9;
    let mut kernels = vec![0.0; POINTS * count];
    for group in (0..count).step_by(LANES) {
        let lanes = LANES.min(count - group);
        let value = |at: usize, lane: usize| weight[(group + lane.min(lanes - 1)) * 9 + at];
        let group_of: [Lane; 9] = from_fn(|at| from_fn(|lane| value(at, lane)));
        let points = apply::<3, 6, 9, 18, 36>(group_of, kernel_line);
        for (point, lane) in points.iter().enumerate() {
            kernels[point * count + group..][..lanes].copy_from_slice(&lane[..lanes]);
        }
    }
    kernels
}

/// Some rows of tiles of an image → `[36, C, count]`.
fn transform_inputs(
    shape: &ConvShape,
    image: &[f32],
    tiles: &std::ops::Range<usize>,
    across: usize,
    count: usize,
) -> Vec<f32> {
    let mut transformed = vec![0.0; POINTS * shape.inputs * count];
    // The plane under these tiles with zeros around it, and room for lanes without a tile.
    let width = across * TILE + 2;
    let height = tiles.len() * TILE + 2;
    let mut padded = vec![0.0; (height + LANES * TILE) * width];
    for (channel, plane) in image.chunks_exact(shape.height * shape.width).enumerate() {
        for y in 0..height {
            let line = &mut padded[y * width..][..width];
            let source = (tiles.start * TILE + y).checked_sub(shape.padding.top);
            let Some(source) = source.filter(|row| *row < shape.height) else {
                line.fill(0.0);
                continue;
            };
            let source = &plane[source * shape.width..][..shape.width];
            let left = shape.padding.left;
            let end = width.min(left + shape.width);
            line[left..end].copy_from_slice(&source[..end - left]);
        }
        for group in (0..count).step_by(LANES) {
            let corners: [usize; LANES] = from_fn(|lane| {
                let tile = group + lane;
                (tile / across * width + tile % across) * TILE
            });
            let tile: [Lane; POINTS] =
                from_fn(|at| corners.map(|corner| padded[corner + at / 6 * width + at % 6]));
            let points = apply::<6, 6, 36, 36, 36>(tile, input_line);
            for (point, lane) in points.iter().enumerate() {
                let at = (point * shape.inputs + channel) * count + group;
                transformed[at..at + LANES].copy_from_slice(lane);
            }
        }
    }
    transformed
}

/// Applies a transform of lines to the columns and then to the rows of an `A × A` square. The result is `B × B`.
#[inline(always)]
fn apply<const A: usize, const B: usize, const AA: usize, const BA: usize, const BB: usize>(
    square: [Lane; AA],
    line: impl Fn([Lane; A]) -> [Lane; B],
) -> [Lane; BB] {
    let mut half = [[0.0; LANES]; BA];
    for column in 0..A {
        let done = line(from_fn(|row| square[row * A + column]));
        (0..B).for_each(|row| half[row * A + column] = done[row]);
    }
    let mut whole = [[0.0; LANES]; BB];
    for row in 0..B {
        let done = line(from_fn(|column| half[row * A + column]));
        whole[row * B..][..B].copy_from_slice(&done);
    }
    whole
}

/// Bᵀ d.
#[inline(always)]
fn input_line(d: [Lane; 6]) -> [Lane; 6] {
    let mut out = [[0.0; LANES]; 6];
    for i in 0..LANES {
        let [d0, d1, d2, d3, d4, d5] = d.map(|lane| lane[i]);
        let (even, odd) = (d4 - 4.0 * d2, d3 - 4.0 * d1);
        let (near, far) = (d4 - d2, 2.0 * (d3 - d1));
        out[0][i] = 4.0 * d0 - 5.0 * d2 + d4;
        out[1][i] = even + odd;
        out[2][i] = even - odd;
        out[3][i] = near + far;
        out[4][i] = near - far;
        out[5][i] = 4.0 * d1 - 5.0 * d3 + d5;
    }
    out
}

/// G g.
#[inline(always)]
fn kernel_line(g: [Lane; 3]) -> [Lane; 6] {
    let mut out = [[0.0; LANES]; 6];
    for i in 0..LANES {
        let [g0, g1, g2] = g.map(|lane| lane[i]);
        let (ends, far) = ((g0 + g2) / -6.0, g0 / 24.0 + g2 / 6.0);
        out[0][i] = g0 / 4.0;
        out[1][i] = ends - g1 / 6.0;
        out[2][i] = ends + g1 / 6.0;
        out[3][i] = far + g1 / 12.0;
        out[4][i] = far - g1 / 12.0;
        out[5][i] = g2;
    }
    out
}

/// Aᵀ m.
#[inline(always)]
fn output_line(m: [Lane; 6]) -> [Lane; 4] {
    let mut out = [[0.0; LANES]; 4];
    for i in 0..LANES {
        let [m0, m1, m2, m3, m4, m5] = m.map(|lane| lane[i]);
        let (sum, difference) = (m1 + m2, m1 - m2);
        let (far_sum, far_difference) = (m3 + m4, m3 - m4);
        out[0][i] = m0 + sum + far_sum;
        out[1][i] = difference + 2.0 * far_difference;
        out[2][i] = sum + 4.0 * far_sum;
        out[3][i] = difference + 8.0 * far_difference + m5;
    }
    out
}
