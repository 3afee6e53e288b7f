//! The paper's intervention network A(F, Z) (section 3.4): attention of the positions over the dictionary.
//!
//! Query: the retained positions F. Key and value: the confounder dictionary Z. Each layer estimates the contribution of the
//! confounders to a position and subtracts it.

use burn::module::{Initializer, Module, Param};
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::activation::{gelu, softmax};
use burn::tensor::{Device, Tensor};
use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::clip::LARGEST_LOGIT_SCALE;
use crate::similarity::l2_normalize;

/// The sizes of a [`CausalAttention`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct CausalAttentionConfig {
    /// Number of layers (paper: 3).
    #[garde(range(min = 1, max = 64))]
    pub layers: usize,
    /// Attention heads, a divisor of d. Default: the largest of 4, 2 and 1 that leaves at least 32 channels per head.
    #[garde(inner(range(min = 1, max = 1024)))]
    pub heads: Option<usize>,
    /// Width of the feed-forward layers, in multiples of d.
    #[garde(range(min = 1, max = 64))]
    pub mlp_ratio: usize,
}

/// A stack of attention layers over the dictionary.
#[derive(Module, Debug)]
pub struct CausalAttention {
    layers: Vec<AttentionLayer>,
}

#[derive(Module, Debug)]
struct AttentionLayer {
    norm: LayerNorm,
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    /// ln of the softmax's inverse temperature, one a head: `[heads]`.
    logit_scale: Param<Tensor<1>>,
    feed_norm: LayerNorm,
    expand: Linear,
    contract: Linear,
    #[module(skip)]
    heads: usize,
}

/// The result of the attention.
#[derive(Clone, Debug)]
pub struct Attended {
    /// F_ca: `[batch, N, d]`.
    pub features: Tensor<3>,
    /// The weight of each confounder in each image, a mean over positions, layers and heads: `[batch, M]`, rows sum to one.
    pub weights: Tensor<2>,
}

impl Default for CausalAttentionConfig {
    fn default() -> Self {
        Self { layers: 3, heads: None, mlp_ratio: 2 }
    }
}

/// The default number of heads leaves at least this number of channels per head. CLIP has 64; small CLIPs are narrow.
const HEAD_WIDTH: usize = 32;

/// Standard deviation of the weights that add to the features, in multiples of the usual 1/√width. Each layer adds little at
/// first, so that the intervention can join a trained head.
const QUIET: f64 = 0.1;

/// The softmax's inverse temperature at first. Cosines lie in -1..1, so it lets attention differ between confounders, but
/// not yet choose one.
const INITIAL_LOGIT_SCALE: f32 = 10.0;

impl CausalAttentionConfig {
    /// The number of heads in a joint space of `width` channels.
    fn heads(&self, width: usize) -> usize {
        let fits = |heads: &usize| width.is_multiple_of(*heads) && width / heads >= HEAD_WIDTH;
        self.heads.unwrap_or_else(|| [4, 2].into_iter().find(fits).unwrap_or(1))
    }

    /// The fault of this configuration in a joint space of `width` channels.
    pub fn fault_at(&self, width: usize) -> Option<String> {
        let heads = self.heads(width);
        let text = || format!("{heads} intervention heads do not divide the joint width {width}");
        (!width.is_multiple_of(heads)).then(text)
    }

    /// Attention with random weights that starts close to the identity.
    ///
    /// - `width`: d, `text_width`: of the dictionary
    pub fn init(&self, width: usize, text_width: usize, device: &Device) -> CausalAttention {
        let heads = self.heads(width);
        let linear = |from, to| LinearConfig::new(from, to).init(device);
        let quiet = |from, to| {
            let std = QUIET * (from as f64).powf(-0.5);
            let initializer = Initializer::Normal { mean: 0.0, std };
            LinearConfig::new(from, to).with_initializer(initializer).init(device)
        };
        let scale = || Tensor::full([heads], INITIAL_LOGIT_SCALE.ln(), device);
        let layer = || AttentionLayer {
            norm: LayerNormConfig::new(width).init(device),
            query: linear(width, width),
            key: linear(text_width, width),
            value: linear(text_width, width),
            output: quiet(width, width),
            logit_scale: Param::from_tensor(scale()),
            feed_norm: LayerNormConfig::new(width).init(device),
            expand: linear(width, self.mlp_ratio * width),
            contract: quiet(self.mlp_ratio * width, width),
            heads,
        };
        CausalAttention { layers: (0..self.layers).map(|_| layer()).collect() }
    }
}

impl CausalAttention {
    /// Subtracts the confounders' contributions from the retained positions.
    ///
    /// - `retained`: F, `[batch, N, d]`
    /// - `entries`: Z, `[M, text width]`
    pub fn forward(&self, retained: Tensor<3>, entries: Tensor<2>) -> Attended {
        let mut features = retained;
        let mut weights = Vec::new();
        for layer in &self.layers {
            let (attention, values) = layer.attend(features.clone(), entries.clone());
            features = layer.feed(features - layer.combine(attention.clone(), values));
            // Heads and positions.
            let explained = attention.mean_dim(1).mean_dim(2);
            weights.push(explained.squeeze_dims::<2>(&[1, 2]).unsqueeze::<3>());
        }
        let weights = Tensor::cat(weights, 0).mean_dim(0).squeeze_dim(0);
        Attended { features, weights }
    }
}

/// The mean over positions, weighted by their similarity to the classes. The paper does not define Pool. With a plain mean,
/// L_causal would pull every retained healthy position towards the lesion's class.
///
/// - `features`: `[batch, N, d]`, `similarity`: `[batch, N]`
/// - output: `[batch, d]`
pub fn pool(features: Tensor<3>, similarity: Tensor<2>, temperature: f64) -> Tensor<2> {
    let weights = softmax(similarity.detach() / temperature, 1).unsqueeze_dim::<3>(1);
    weights.matmul(features).squeeze_dim(1)
}

impl AttentionLayer {
    /// Cosine attention of positions over confounders.
    ///
    /// - `features`: `[batch, N, d]`, `entries`: `[M, text width]`
    /// - output: weights `[batch, heads, N, M]`, values `[heads, M, d / heads]`
    fn attend(&self, features: Tensor<3>, entries: Tensor<2>) -> (Tensor<4>, Tensor<3>) {
        let [batch, positions, width] = features.dims();
        let [count, _] = entries.dims();
        let head_width = width / self.heads;
        let query = self.query.forward(self.norm.forward(features));
        let query = query.reshape([batch, positions, self.heads, head_width]).swap_dims(1, 2);
        let split = |rows: Tensor<2>| rows.reshape([count, self.heads, head_width]).swap_dims(0, 1);
        let key = split(self.key.forward(entries.clone()));
        let value = split(self.value.forward(entries));
        let scores = l2_normalize(query).matmul(l2_normalize(key).transpose().unsqueeze::<4>());
        let scale = self.logit_scale.val().clamp_max(LARGEST_LOGIT_SCALE.ln()).exp();
        let scores = scores * scale.reshape([1, self.heads, 1, 1]);
        (softmax(scores, 3), value)
    }

    /// The contribution of the weighted confounders: `[batch, N, d]`.
    ///
    /// - `weights`: `[batch, heads, N, M]`, `values`: `[heads, M, d / heads]`
    fn combine(&self, weights: Tensor<4>, values: Tensor<3>) -> Tensor<3> {
        let [batch, heads, positions, _] = weights.dims();
        let head_width = values.dims()[2];
        let mixed = weights.matmul(values.unsqueeze::<4>()).swap_dims(1, 2);
        self.output.forward(mixed.reshape([batch, positions, heads * head_width]))
    }

    /// The feed-forward part: `[batch, N, d]` → `[batch, N, d]`.
    fn feed(&self, features: Tensor<3>) -> Tensor<3> {
        let hidden = gelu(self.expand.forward(self.feed_norm.forward(features.clone())));
        features + self.contract.forward(hidden)
    }
}
