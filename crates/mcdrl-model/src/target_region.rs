//! Target-region selection (MTRS, paper section 3.2): where the text says a lesion may be.

use burn::config::Config;
use burn::tensor::{Int, Tensor};

use crate::clip::normalize;

/// Selects the positions whose dense features agree best with a class prompt.
#[derive(Config, Debug)]
pub struct TargetRegionSelectionConfig {
    /// The share α of positions that are kept: N = α·H·W, at least one. The paper leaves its value open;
    /// half keeps every lesion of up to half the frame whole.
    #[config(default = 0.5)]
    pub alpha: f64,
}

/// The retained positions of a batch.
#[derive(Clone, Debug)]
pub struct TargetRegions {
    /// Ŝ = max_k cos(C, e_k): `[batch, H·W]`, in -1..1.
    pub similarity: Tensor<2>,
    /// Indices of the N positions with the highest Ŝ: `[batch, N]`.
    pub indices: Tensor<2, Int>,
    /// 1 at retained positions, else 0: `[batch, H·W]`.
    pub mask: Tensor<2>,
}

impl TargetRegionSelectionConfig {
    /// N for a grid of `positions`.
    pub fn retained(&self, positions: usize) -> usize {
        ((self.alpha * positions as f64).round() as usize).clamp(1, positions)
    }

    /// Selects the N most lesion-like positions; exactly N, ties or not.
    ///
    /// - `dense`: `[batch, H·W, d]`
    /// - `classes`: class text embeddings `[K, d]`
    pub fn select(&self, dense: Tensor<3>, classes: Tensor<2>) -> TargetRegions {
        let [batch, positions, _] = dense.dims();
        let classes = normalize(classes).transpose().unsqueeze::<3>();
        // S = cos(C[h,w], e_k), Ŝ its maximum over the classes (equations 5 and 6).
        let similarity = normalize(dense).matmul(classes).max_dim(2).squeeze_dim::<2>(2);
        let retained = self.retained(positions);
        let indices = similarity.clone().detach().argsort_descending(1).narrow(1, 0, retained);
        let device = similarity.device();
        let mask = Tensor::zeros([batch, positions], &device).scatter(
            1,
            indices.clone(),
            Tensor::ones([batch, retained], &device),
            burn::tensor::IndexingUpdateOp::Add,
        );
        TargetRegions { similarity, indices, mask }
    }
}

impl TargetRegions {
    /// Packs the retained positions: F.
    ///
    /// - `dense`: `[batch, H·W, d]`
    /// - output: `[batch, N, d]`
    pub fn pack(&self, dense: Tensor<3>) -> Tensor<3> {
        let [batch, _, width] = dense.dims();
        let retained = self.indices.dims()[1];
        dense.gather(1, self.indices.clone().unsqueeze_dim::<3>(2).expand([batch, retained, width]))
    }

    /// Ŝ at the retained positions: `[batch, N]`.
    pub fn retained_similarity(&self) -> Tensor<2> {
        self.similarity.clone().gather(1, self.indices.clone())
    }

    /// Puts packed positions back on the grid; the rest is `elsewhere`.
    ///
    /// - `packed`: `[batch, N, d]`
    /// - `elsewhere`, output: `[batch, H·W, d]`
    pub fn unpack(&self, packed: Tensor<3>, elsewhere: Tensor<3>) -> Tensor<3> {
        let [batch, retained, width] = packed.dims();
        let indices = self.indices.clone().unsqueeze_dim::<3>(2).expand([batch, retained, width]);
        let outside = self.mask.clone().neg().add_scalar(1.0).unsqueeze_dim::<3>(2);
        (elsewhere * outside).scatter(1, indices, packed, burn::tensor::IndexingUpdateOp::Add)
    }
}
