//! Learned position embeddings.

use burn::tensor::Tensor;
use burn::tensor::module::interpolate;
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};

/// Position embeddings for a grid. Those of another grid are interpolated (bicubic, as DeiT and Hugging Face do).
///
/// - `embedding`: `[1 + side², width]`, the class token or the mean first
/// - output: `[1 + rows · columns, width]`
pub fn positions_for_grid(embedding: Tensor<2>, [rows, columns]: [usize; 2]) -> Tensor<2> {
    let [positions, width] = embedding.dims();
    let side = (positions - 1).isqrt();
    if (side, side) == (rows, columns) {
        return embedding;
    }
    let first = embedding.clone().narrow(0, 0, 1);
    let grid = embedding.narrow(0, 1, side * side);
    let grid = grid.swap_dims(0, 1).reshape([1, width, side, side]);
    let options = InterpolateOptions::new(InterpolateMode::Bicubic)
        .with_output_size([rows, columns])
        .with_align_corners(false);
    let grid = interpolate(grid, options).reshape([width, rows * columns]).swap_dims(0, 1);
    Tensor::cat(vec![first, grid], 0)
}
