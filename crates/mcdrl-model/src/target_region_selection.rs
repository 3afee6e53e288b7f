//! Target-region selection (MTRS, paper section 3.2): the positions where a lesion may be, found by text.

use burn::tensor::Tensor;
use burn::tensor::module::interpolate;
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};
use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::similarity::l2_normalize;

/// Selects the positions whose dense features agree best with a class prompt.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct TargetRegionSelection {
    /// `false`: every position is kept, as in the paper's ablation "without MTRS".
    pub enabled: bool,
    /// The share α of positions that are kept: N = α·H·W, at least one. The paper does not state it. With
    /// one half, a lesion of up to half the frame can be kept completely.
    #[garde(custom(share))]
    pub alpha: f64,
}

/// The retained positions of a batch.
#[derive(Clone, Debug)]
pub struct TargetRegions {
    /// H and W.
    pub grid: [usize; 2],
    /// Ŝ = max_k cos(C, e_k): `[batch, H·W]`, in -1..1.
    pub similarity: Tensor<2>,
    /// Row n is 1 at the position with the n-th highest Ŝ and 0 elsewhere: `[batch, N, H·W]`. `None`: all positions, in
    /// their own order.
    selection: Option<Tensor<3>>,
}

impl Default for TargetRegionSelection {
    fn default() -> Self {
        Self { enabled: true, alpha: 0.5 }
    }
}

impl TargetRegionSelection {
    /// Selects exactly the N most lesion-like positions. Of equal ones, the first are selected.
    ///
    /// - `dense`: `[batch, H·W, d]`
    /// - `class_texts`: `[K, d]`
    pub fn forward(
        &self,
        dense: Tensor<3>,
        class_texts: Tensor<2>,
        grid: [usize; 2],
    ) -> TargetRegions {
        // S = cos(C[h,w], e_k), Ŝ its maximum over the classes (equations 5 and 6).
        let class_texts = l2_normalize(class_texts).transpose().unsqueeze::<3>();
        let similarity = l2_normalize(dense).matmul(class_texts).max_dim(2).squeeze_dim::<2>(2);
        if !self.enabled {
            return TargetRegions::all(similarity, grid);
        }
        let rank = ranks(similarity.clone().detach()).unsqueeze_dim::<3>(1);
        let retained = self.retained(grid[0] * grid[1]);
        let wanted = Tensor::<1, _>::arange(0..retained as i64, &rank.device()).float();
        let selection = rank.equal(wanted.reshape([1, retained, 1])).float();
        TargetRegions { grid, similarity, selection: Some(selection) }
    }

    /// N for a grid of `positions`.
    pub fn retained(&self, positions: usize) -> usize {
        ((self.alpha * positions as f64).round() as usize).clamp(1, positions)
    }
}

/// The rank of each position by descending score, and by position among equal scores. Ranks are counted, because Burn's GPU
/// backends sort on the host, and a browser cannot wait for the host.
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
    /// Retains every position.
    ///
    /// - `similarity`: Ŝ, `[batch, H·W]`
    pub fn all(similarity: Tensor<2>, grid: [usize; 2]) -> Self {
        Self { grid, similarity, selection: None }
    }

    /// 1 at retained positions, else 0: `[batch, H·W]`.
    pub fn mask(&self) -> Tensor<2> {
        match &self.selection {
            Some(selection) => selection.clone().sum_dim(1).squeeze_dim(1),
            None => self.similarity.ones_like(),
        }
    }

    /// Packs the retained positions: F.
    ///
    /// - `dense`: `[batch, H·W, d]`
    /// - output: `[batch, N, d]`
    pub fn pack(&self, dense: Tensor<3>) -> Tensor<3> {
        match &self.selection {
            Some(selection) => selection.clone().matmul(dense),
            None => dense,
        }
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
        match &self.selection {
            Some(selection) => selection.clone().transpose().matmul(packed),
            None => packed,
        }
    }

    /// Puts packed features back on the grid. A mask token fills the other positions.
    ///
    /// - `packed`: `[batch, N, d]`, `mask_token`: `[d]`
    /// - output: a map, `[batch, d, H, W]`
    pub fn unpack(&self, packed: Tensor<3>, mask_token: Tensor<1>) -> Tensor<4> {
        let [batch, _, width] = packed.dims();
        let [rows, columns] = self.grid;
        let positions = match &self.selection {
            Some(_) => {
                let dropped = self.mask().neg().add_scalar(1.0).unsqueeze_dim::<3>(2);
                let token = mask_token.unsqueeze::<3>().expand([batch, rows * columns, width]);
                token * dropped + self.scatter(packed)
            }
            None => packed,
        };
        positions.swap_dims(1, 2).reshape([batch, width, rows, columns])
    }

    /// Maps that are zero at dropped positions.
    ///
    /// - `maps`, output: `[batch, channels, rows, columns]`, at least as fine as the grid
    pub fn gate(&self, maps: Tensor<4>) -> Tensor<4> {
        if self.selection.is_none() {
            return maps;
        }
        let [batch, _, rows, columns] = maps.dims();
        let grid = self.mask().reshape([batch, 1, self.grid[0], self.grid[1]]);
        let nearest = InterpolateOptions::new(InterpolateMode::Nearest);
        maps * interpolate(grid, nearest.with_output_size([rows, columns]))
    }
}

fn share(value: &f64, _: &()) -> garde::Result {
    if (0.0..=1.0).contains(value) {
        Ok(())
    } else {
        Err(garde::Error::new("must lie between 0 and 1"))
    }
}
