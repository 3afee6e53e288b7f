//! CLIP's attention pooling: the image embedding of its ResNets.

use burn::module::{Initializer, Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};

use super::features::VisionFeatures;
use super::position_embedding::positions_for_grid;

/// Attention with the mean position as the only query.
#[derive(Module, Debug)]
pub struct AttentionPool {
    positional_embedding: Param<Tensor<2>>,
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    c_proj: Linear,
    #[module(skip)]
    heads: usize,
}

impl AttentionPool {
    /// A pool with random weights over `positions` positions.
    pub fn new(
        positions: usize,
        width: usize,
        heads: usize,
        embed_dim: usize,
        device: &Device,
    ) -> Self {
        let std = (width as f64).powf(-0.5);
        let normal = Initializer::Normal { mean: 0.0, std };
        let linear =
            |to| LinearConfig::new(width, to).with_initializer(normal.clone()).init(device);
        Self {
            positional_embedding: normal.init([positions + 1, width], device),
            q_proj: linear(width),
            k_proj: linear(width),
            v_proj: linear(width),
            c_proj: linear(embed_dim),
            heads,
        }
    }

    /// The features of an encoder whose last map is `map`: the value path at each position, and the pooled embedding.
    ///
    /// - `map`: `[batch, width, rows, columns]`, `skips`: each `[batch, channels, rows, columns]`
    pub fn features(&self, map: Tensor<4>, skips: Vec<Tensor<4>>) -> VisionFeatures {
        let [batch, width, rows, columns] = map.dims();
        let positions = map.reshape([batch, width, rows * columns]).swap_dims(1, 2);
        VisionFeatures {
            skips,
            dense: self.c_proj.forward(self.v_proj.forward(positions.clone())),
            grid: [rows, columns],
            pooled: self.forward(positions, [rows, columns]),
        }
    }

    /// - `positions`: `[batch, rows · columns, width]`
    /// - output: `[batch, embed_dim]`
    fn forward(&self, positions: Tensor<3>, grid: [usize; 2]) -> Tensor<2> {
        let [batch, count, width] = positions.dims();
        let head_width = width / self.heads;
        let embedding = positions_for_grid(self.positional_embedding.val(), grid).unsqueeze::<3>();
        // The mean and the positions are projected separately, and attention with one query is written as sums of
        // products. Burn 0.22 with fusion gave a wrong pool for joined positions and a batch of one (seen on Mesa's
        // software Vulkan). Fusion is off today, but this form is right in both cases.
        let mean = positions.clone().mean_dim(1) + embedding.clone().narrow(1, 0, 1);
        let positions = positions + embedding.narrow(1, 1, count);
        let heads = |projected: Tensor<3>, positions: usize| {
            projected.reshape([batch, positions, self.heads, head_width]).swap_dims(1, 2)
        };
        let both = |linear: &Linear| {
            let mean = heads(linear.forward(mean.clone()), 1);
            Tensor::cat(vec![mean, heads(linear.forward(positions.clone()), count)], 2)
        };
        let query = heads(self.q_proj.forward(mean.clone()), 1);
        let scores = (both(&self.k_proj) * query).sum_dim(3) * (head_width as f64).powf(-0.5);
        let attended = (softmax(scores, 2) * both(&self.v_proj)).sum_dim(2);
        self.c_proj.forward(attended.reshape([batch, width]))
    }
}
