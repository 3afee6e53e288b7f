//! Convolution of single pixels: the product of the weight and the image.
//!
//! The weight has few rows and the image has many columns. A general matrix product would copy all of the image into an order of its
//! own. Here a strip of the image that is a few vectors wide is copied once, and all rows of the weight use it while it is in the
//! cache. What follows a row (a normalisation, an activation) is applied in the registers.

use pulp::{Arch, Simd, WithSimd};

use super::finish::Finish;
use super::parallel::{for_each_chunk, threads};
use super::shape::ConvShape;

/// Rows of the output that are summed at a time.
const ROWS: usize = 6;

/// The convolution.
///
/// - `input`: `[N, C, height, width]`, `weight`: `[O, C, 1, 1]`
/// - output: `[N, O, height, width]`
pub fn forward(
    shape: &ConvShape,
    input: &[f32],
    weight: &[f32],
    finish: Option<&Finish>,
) -> Vec<f32> {
    let (plane, outputs) = (shape.output_plane(), shape.outputs);
    let mut output = vec![0.0; shape.batch * outputs * plane];
    if outputs * plane == 0 {
        return output;
    }
    let work = |image: usize, first: usize, output: &mut [f32]| {
        let image = &input[image * shape.inputs * plane..][..shape.inputs * plane];
        let end = first + output.len() / plane;
        let weight = &weight[first * shape.inputs..end * shape.inputs];
        Arch::new().dispatch(Product { image, plane, weight, finish, first, output });
    };
    if shape.batch >= threads() {
        let image = outputs * plane;
        for_each_chunk(&mut output, image, |number, output| work(number, 0, output));
    } else {
        // The threads share the rows of an image.
        let rows = outputs.div_ceil(threads()).next_multiple_of(ROWS);
        for (image, output) in output.chunks_exact_mut(outputs * plane).enumerate() {
            for_each_chunk(output, rows * plane, |part, output| work(image, part * rows, output));
        }
    }
    output
}

/// Some rows of the product.
struct Product<'a> {
    /// `[C, plane]`
    image: &'a [f32],
    plane: usize,
    /// `[rows, C]`
    weight: &'a [f32],
    finish: Option<&'a Finish>,
    /// The channel of the first row.
    first: usize,
    /// `[rows, plane]`
    output: &'a mut [f32],
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // As many sums as there are registers for: 32 with AVX-512 and on Arm, else 16.
        if S::F32_LANES >= 16 || cfg!(target_arch = "aarch64") {
            self.run::<S, 4>(simd);
        } else {
            self.run::<S, 2>(simd);
        }
    }
}

impl Product<'_> {
    #[inline(always)]
    fn run<S: Simd, const VECTORS: usize>(self, simd: S) {
        let Self { image, plane, weight, finish, first, output } = self;
        let (width, rows) = (VECTORS * S::F32_LANES, output.len() / plane);
        let inputs = image.len() / plane;
        let blocks = transposed_blocks(weight, inputs);
        let mut strip = vec![0.0; inputs * width];
        let mut row = vec![0.0; width];
        for start in (0..plane).step_by(width) {
            let columns = width.min(plane - start);
            for (strip, values) in strip.chunks_exact_mut(width).zip(image.chunks_exact(plane)) {
                strip[..columns].copy_from_slice(&values[start..][..columns]);
            }
            let (vectors, _) = S::as_simd_f32s(&strip);
            for (number, block) in blocks.chunks_exact(inputs * ROWS).enumerate() {
                let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
                for (weights, values) in block.chunks_exact(ROWS).zip(vectors.chunks_exact(VECTORS))
                {
                    for at in 0..ROWS {
                        let weight = simd.splat_f32s(weights[at]);
                        for vector in 0..VECTORS {
                            sums[at][vector] =
                                simd.mul_add_e_f32s(weight, values[vector], sums[at][vector]);
                        }
                    }
                }
                for (at, sums) in sums.iter_mut().enumerate().take(rows - number * ROWS) {
                    let channel = number * ROWS + at;
                    if let Some(finish) = finish {
                        finish.apply_in_registers(simd, first + channel, sums);
                    }
                    let output = &mut output[channel * plane + start..][..columns];
                    if columns == width {
                        let (vectors, _) = S::as_mut_simd_f32s(output);
                        vectors.copy_from_slice(sums);
                    } else {
                        let (vectors, _) = S::as_mut_simd_f32s(&mut row);
                        vectors.copy_from_slice(sums);
                        output.copy_from_slice(&row[..columns]);
                    }
                }
            }
        }
    }
}

/// Blocks of [`ROWS`] rows, each transposed: `[blocks, columns, ROWS]`. Missing rows are zero.
fn transposed_blocks(matrix: &[f32], columns: usize) -> Vec<f32> {
    let rows = matrix.len() / columns.max(1);
    let mut blocks = vec![0.0; rows.next_multiple_of(ROWS) * columns];
    for (row, values) in matrix.chunks_exact(columns.max(1)).enumerate() {
        let block = &mut blocks[row / ROWS * ROWS * columns..];
        let places = block[row % ROWS..].iter_mut().step_by(ROWS);
        places.zip(values).for_each(|(place, value)| *place = *value);
    }
    blocks
}
