//! The causal intervention network (CDRL, paper section 3.4): P(Y | do(F)) on features.
//!
//! Query: the retained positions F. Key and value: the confounder dictionary Z. Each layer estimates what the
//! confounders contribute to a position and takes it away; the attention weights are the explanation.

use burn::config::Config;
use burn::module::{Initializer, Module, Param};
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::activation::{gelu, softmax};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::clip::normalize;
use crate::confounder_dictionary::ConfounderDictionary;

/// How the confounders are weighted in the expectation over z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Weighting {
    /// The paper's: by attention, a posterior given the image.
    #[default]
    Attention,
    /// By the prior P(z), each z intervened on alone and the results averaged: the back-door formula.
    Backdoor,
}

/// Builds a [`CausalIntervention`].
#[derive(Config, Debug)]
pub struct CausalInterventionConfig {
    /// Width d of the joint space.
    pub width: usize,
    /// Number of layers.
    #[config(default = 3)]
    pub layers: usize,
    /// Attention heads.
    #[config(default = 4)]
    pub heads: usize,
    /// Width of the feed-forward layers, in multiples of d.
    #[config(default = 2)]
    pub expansion: usize,
    /// How the confounders are weighted.
    #[config(default = "Weighting::Attention")]
    pub weighting: Weighting,
}

/// The causal intervention network A(F, Z).
#[derive(Module, Debug)]
pub struct CausalIntervention {
    layers: Vec<InterventionLayer>,
    #[module(skip)]
    weighting: Weighting,
}

#[derive(Module, Debug)]
struct InterventionLayer {
    norm: LayerNorm,
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    /// ln of the softmax's inverse temperature, one a head: `[heads]`.
    sharpness: Param<Tensor<1>>,
    feed_norm: LayerNorm,
    expand: Linear,
    contract: Linear,
    #[module(skip)]
    heads: usize,
}

/// What an intervention gives.
#[derive(Clone, Debug)]
pub struct Intervened {
    /// F_ca, the features without the confounders' influence: `[batch, N, d]`.
    pub features: Tensor<3>,
    /// How much each confounder explains each position, the mean over layers and heads:
    /// `[batch, N, M]`, rows sum to one.
    pub weights: Tensor<3>,
}

impl CausalInterventionConfig {
    /// A network with random weights that begins close to the identity.
    pub fn init(&self, device: &Device) -> CausalIntervention {
        let linear = |from, to| LinearConfig::new(from, to).init(device);
        // What a layer adds is small at first, so that the intervention can join a warmed-up head.
        let quiet = |from, to| {
            let std = 0.1 * (from as f64).powf(-0.5);
            let initializer = Initializer::Normal { mean: 0.0, std };
            LinearConfig::new(from, to).with_initializer(initializer).init(device)
        };
        let layer = || InterventionLayer {
            norm: LayerNormConfig::new(self.width).init(device),
            query: linear(self.width, self.width),
            key: linear(self.width, self.width),
            value: linear(self.width, self.width),
            output: quiet(self.width, self.width),
            sharpness: Param::from_tensor(Tensor::full([self.heads], 10.0f32.ln(), device)),
            feed_norm: LayerNormConfig::new(self.width).init(device),
            expand: linear(self.width, self.expansion * self.width),
            contract: quiet(self.expansion * self.width, self.width),
            heads: self.heads,
        };
        CausalIntervention {
            layers: (0..self.layers).map(|_| layer()).collect(),
            weighting: self.weighting,
        }
    }
}

impl CausalIntervention {
    /// Takes the confounders' influence out of the retained positions.
    ///
    /// - `features`: F, `[batch, N, d]`
    pub fn forward(&self, features: Tensor<3>, dictionary: &ConfounderDictionary) -> Intervened {
        let entries = dictionary.entries();
        let mut features = features;
        let mut weights: Option<Tensor<3>> = None;
        for layer in &self.layers {
            let (attention, values) = layer.attend(features.clone(), entries.clone());
            features = match self.weighting {
                Weighting::Attention => {
                    layer.feed(features - layer.combine(attention.clone(), values))
                }
                Weighting::Backdoor => layer.expectation(features, values, dictionary.prior()),
            };
            let explained = attention.mean_dim(1).squeeze_dim::<3>(1);
            weights = Some(match weights {
                Some(sum) => sum + explained,
                None => explained,
            });
        }
        let depth = self.layers.len() as f64;
        let weights = weights.expect("an intervention has at least one layer") / depth;
        Intervened { features, weights }
    }
}

impl InterventionLayer {
    /// Cosine attention of positions over confounders.
    ///
    /// - `features`: `[batch, N, d]`, `entries`: `[M, d]`
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
        let scores = normalize(query).matmul(normalize(key).transpose().unsqueeze::<4>());
        let sharpness = self.sharpness.val().clamp_max(100.0f32.ln()).exp();
        let scores = scores * sharpness.reshape([1, self.heads, 1, 1]);
        (softmax(scores, 3), value)
    }

    /// What the weighted confounders contribute: `[batch, N, d]`.
    fn combine(&self, weights: Tensor<4>, values: Tensor<3>) -> Tensor<3> {
        let [batch, heads, positions, _] = weights.dims();
        let head_width = values.dims()[2];
        let mixed = weights.matmul(values.unsqueeze::<4>()).swap_dims(1, 2);
        self.output.forward(mixed.reshape([batch, positions, heads * head_width]))
    }

    /// E_z[A(F, z)] under the prior: every confounder's contribution taken away alone, the results averaged
    /// after the non-linearity.
    fn expectation(&self, features: Tensor<3>, values: Tensor<3>, prior: Tensor<1>) -> Tensor<3> {
        let [batch, positions, width] = features.dims();
        let [heads, count, head_width] = values.dims();
        let rows = values.swap_dims(0, 1).reshape([count, heads * head_width]);
        // [M, d]: with a single confounder to look at, attention gives it the weight one.
        let contributions = self.output.forward(rows);
        let without = features.unsqueeze_dim::<4>(1) - contributions.reshape([1, count, 1, width]);
        let fed = self.feed(without.reshape([batch * count, positions, width]));
        let prior = prior.reshape([1, count, 1, 1]);
        (fed.reshape([batch, count, positions, width]) * prior).sum_dim(1).squeeze_dim(1)
    }

    fn feed(&self, features: Tensor<3>) -> Tensor<3> {
        let hidden = gelu(self.expand.forward(self.feed_norm.forward(features.clone())));
        features + self.contract.forward(hidden)
    }
}
