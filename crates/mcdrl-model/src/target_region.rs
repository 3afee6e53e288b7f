//! Target-region selection (MTRS, paper section 3.2): where the text says a lesion may be.

use burn::config::Config;
use burn::tensor::Tensor;

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
    /// Row n is 1 at the position with the n-th highest Ŝ and 0 elsewhere: `[batch, N, H·W]`.
    pub selection: Tensor<3>,
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
        let positions = dense.dims()[1];
        let classes = normalize(classes).transpose().unsqueeze::<3>();
        // S = cos(C[h,w], e_k), Ŝ its maximum over the classes (equations 5 and 6).
        let similarity = normalize(dense).matmul(classes).max_dim(2).squeeze_dim::<2>(2);
        let rank = ranks(similarity.clone().detach()).unsqueeze_dim::<3>(1);
        let retained = self.retained(positions);
        let wanted = Tensor::<1, _>::arange(0..retained as i64, &rank.device()).float();
        let selection = rank.equal(wanted.reshape([1, retained, 1])).float();
        TargetRegions { similarity, selection }
    }
}

/// How many positions come before each, by falling score and then in order. Counted rather than sorted: GPUs sort on
/// the host, for which a browser cannot wait.
///
/// - `scores`, output: `[batch, H·W]`
fn ranks(scores: Tensor<2>) -> Tensor<2> {
    let [batch, positions] = scores.dims();
    let order = Tensor::<1, _>::arange(0..positions as i64, &scores.device()).float();
    let own = scores.clone().unsqueeze_dim::<3>(2);
    let other = scores.unsqueeze_dim::<3>(1);
    let earlier =
        order.clone().reshape([1, positions, 1]).greater(order.reshape([1, 1, positions]));
    let tied =
        own.clone().equal(other.clone()).bool_and(earlier.expand([batch, positions, positions]));
    own.lower(other).bool_or(tied).float().sum_dim(2).squeeze_dim(2)
}

impl TargetRegions {
    /// 1 at retained positions, else 0: `[batch, H·W]`.
    pub fn mask(&self) -> Tensor<2> {
        self.selection.clone().sum_dim(1).squeeze_dim(1)
    }

    /// Packs the retained positions: F.
    ///
    /// - `dense`: `[batch, H·W, d]`
    /// - output: `[batch, N, d]`
    pub fn pack(&self, dense: Tensor<3>) -> Tensor<3> {
        self.selection.clone().matmul(dense)
    }

    /// Ŝ at the retained positions: `[batch, N]`.
    pub fn retained_similarity(&self) -> Tensor<2> {
        self.pack(self.similarity.clone().unsqueeze_dim(2)).squeeze_dim(2)
    }

    /// Puts packed rows back on the grid; the rest is 0.
    ///
    /// - `packed`: `[batch, N, width]`
    /// - output: `[batch, H·W, width]`
    pub fn scatter(&self, packed: Tensor<3>) -> Tensor<3> {
        self.selection.clone().transpose().matmul(packed)
    }

    /// Puts packed positions back on the grid; the rest is `elsewhere`.
    ///
    /// - `packed`: `[batch, N, d]`
    /// - `elsewhere`, output: `[batch, H·W, d]`
    pub fn unpack(&self, packed: Tensor<3>, elsewhere: Tensor<3>) -> Tensor<3> {
        let outside = self.mask().neg().add_scalar(1.0).unsqueeze_dim::<3>(2);
        elsewhere * outside + self.scatter(packed)
    }
}
