//! L2 normalisation and cosine similarity in CLIP's joint space.

use burn::tensor::Tensor;

/// Scales rows to length one (L2 normalisation).
///
/// - `rows`, output: `[.., width]`
pub fn l2_normalize<const D: usize>(rows: Tensor<D>) -> Tensor<D> {
    let length = rows.clone().square().sum_dim(D - 1).clamp_min(1e-12).sqrt();
    rows / length
}

/// The cosine of every pair of rows.
///
/// - `a`: `[A, d]`, `b`: `[B, d]`
/// - output: `[A, B]`
pub fn cosine_similarity(a: Tensor<2>, b: Tensor<2>) -> Tensor<2> {
    l2_normalize(a).matmul(l2_normalize(b).transpose())
}
