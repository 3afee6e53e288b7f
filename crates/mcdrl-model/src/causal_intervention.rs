//! The causal intervention (CDRL, paper section 3.4): P(Y | do(F)) on features.
//!
//! Query: the retained positions F. Key and value: the confounder dictionary Z. Each layer estimates the
//! contribution of the confounders to a position and subtracts it. The attention weights are the explanation.

use burn::module::{Initializer, Module, Param};
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::activation::{gelu, softmax};
use burn::tensor::{Device, Tensor};
use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::clip::LARGEST_LOGIT_SCALE;
use crate::confounder_dictionary::ConfounderDictionary;
use crate::similarity::l2_normalize;
use crate::target_region_selection::TargetRegions;

/// The sizes of a [`CausalIntervention`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct CausalInterventionConfig {
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

/// Run-time settings of an intervention. They do not change the tensors of the network.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct InterventionRun {
    /// `false`: the features pass unchanged, as in the paper's ablation "without CDRL".
    pub enabled: bool,
    /// The weighting of the confounders.
    pub weighting: Weighting,
    /// Temperature of Pool(F_ca), the input of L_causal.
    #[garde(custom(positive))]
    pub pool_temperature: f64,
}

/// The weighting of the confounders in the expectation over z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Weighting {
    /// By attention, as in the paper: a posterior given the image.
    #[default]
    Attention,
    /// By the prior P(z): each z is subtracted alone, and the results are averaged (the back-door formula).
    Backdoor,
}

/// The causal intervention network A(F, Z).
#[derive(Module, Debug)]
pub struct CausalIntervention {
    layers: Vec<InterventionLayer>,
}

#[derive(Module, Debug)]
struct InterventionLayer {
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

/// The result of an intervention.
#[derive(Clone, Debug)]
pub struct Intervened {
    /// F_ca, the features without the confounders' influence: `[batch, N, d]`.
    pub features: Tensor<3>,
    /// The weight of each confounder at each position, a mean over layers and heads: `[batch, N, M]`, rows sum to one.
    pub weights: Tensor<3>,
    /// The mean of `weights` over the positions: `[batch, M]`, rows sum to one.
    pub image_weights: Tensor<2>,
    /// Σ_z w(z) z, the mixture of confounders in the image: `[batch, d]`.
    pub mixture: Tensor<2>,
    /// Pool(F_ca): `[batch, d]`.
    pub pooled: Tensor<2>,
}

impl Default for CausalInterventionConfig {
    fn default() -> Self {
        Self { layers: 3, heads: None, mlp_ratio: 2 }
    }
}

impl Default for InterventionRun {
    fn default() -> Self {
        Self { enabled: true, weighting: Weighting::Attention, pool_temperature: 0.1 }
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

impl CausalInterventionConfig {
    /// The number of heads in a joint space of `width` channels.
    pub fn heads(&self, width: usize) -> usize {
        let fits = |heads: &usize| width.is_multiple_of(*heads) && width / heads >= HEAD_WIDTH;
        self.heads.unwrap_or_else(|| [4, 2].into_iter().find(fits).unwrap_or(1))
    }

    /// The fault of this configuration in a joint space of `width` channels.
    pub fn fault_at(&self, width: usize) -> Option<String> {
        let heads = self.heads(width);
        let text = || format!("{heads} intervention heads do not divide the joint width {width}");
        (!width.is_multiple_of(heads)).then(text)
    }

    /// An intervention with random weights that starts close to the identity.
    ///
    /// - `width`: d
    pub fn init(&self, width: usize, device: &Device) -> CausalIntervention {
        let heads = self.heads(width);
        let linear = |from, to| LinearConfig::new(from, to).init(device);
        let quiet = |from, to| {
            let std = QUIET * (from as f64).powf(-0.5);
            let initializer = Initializer::Normal { mean: 0.0, std };
            LinearConfig::new(from, to).with_initializer(initializer).init(device)
        };
        let layer = || InterventionLayer {
            norm: LayerNormConfig::new(width).init(device),
            query: linear(width, width),
            key: linear(width, width),
            value: linear(width, width),
            output: quiet(width, width),
            logit_scale: Param::from_tensor(Tensor::full(
                [heads],
                INITIAL_LOGIT_SCALE.ln(),
                device,
            )),
            feed_norm: LayerNormConfig::new(width).init(device),
            expand: linear(width, self.mlp_ratio * width),
            contract: quiet(self.mlp_ratio * width, width),
            heads,
        };
        CausalIntervention { layers: (0..self.layers).map(|_| layer()).collect() }
    }
}

impl CausalIntervention {
    /// Removes the confounders' influence from the retained positions. `None` if `run` disables it.
    ///
    /// - `retained`: F, `[batch, N, d]`
    pub fn forward(
        &self,
        retained: Tensor<3>,
        regions: &TargetRegions,
        dictionary: &ConfounderDictionary,
        run: &InterventionRun,
    ) -> Option<Intervened> {
        if !run.enabled {
            return None;
        }
        let (features, weights) = self.deconfound(retained, dictionary, run.weighting);
        let image_weights = weights.clone().mean_dim(1).squeeze_dim::<2>(1);
        Some(Intervened {
            mixture: image_weights.clone().matmul(dictionary.entries()),
            pooled: pool(features.clone(), regions.retained_similarity(), run.pool_temperature),
            features,
            weights,
            image_weights,
        })
    }

    /// F_ca and the weights: `[batch, N, d]` and `[batch, N, M]`.
    fn deconfound(
        &self,
        mut features: Tensor<3>,
        dictionary: &ConfounderDictionary,
        weighting: Weighting,
    ) -> (Tensor<3>, Tensor<3>) {
        let mut weights: Option<Tensor<3>> = None;
        for layer in &self.layers {
            let (attention, values) = layer.attend(features.clone(), dictionary.entries());
            features = match weighting {
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
        let weights = weights.expect("an intervention has at least one layer");
        (features, weights / self.layers.len() as f64)
    }
}

/// The mean over positions, weighted by their similarity to the classes. The paper does not define Pool. With a plain mean,
/// L_causal would pull every retained healthy position towards the lesion's class.
///
/// - `features`: `[batch, N, d]`, `similarity`: `[batch, N]`
/// - output: `[batch, d]`
fn pool(features: Tensor<3>, similarity: Tensor<2>, temperature: f64) -> Tensor<2> {
    let weights = softmax(similarity.detach() / temperature, 1).unsqueeze_dim::<3>(1);
    weights.matmul(features).squeeze_dim(1)
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

    /// E_z[A(F, z)] under the prior: each confounder's contribution is subtracted alone, and the results are averaged
    /// after the non-linearity.
    ///
    /// - `features`, output: `[batch, N, d]`, `values`: `[heads, M, d / heads]`, `prior`: `[M]`
    fn expectation(&self, features: Tensor<3>, values: Tensor<3>, prior: Tensor<1>) -> Tensor<3> {
        let [batch, positions, width] = features.dims();
        let [heads, count, head_width] = values.dims();
        let rows = values.swap_dims(0, 1).reshape([count, heads * head_width]);
        // [M, d]: attention over a single confounder gives it the weight one.
        let contributions = self.output.forward(rows);
        let without = features.unsqueeze_dim::<4>(1) - contributions.reshape([1, count, 1, width]);
        let fed = self.feed(without.reshape([batch * count, positions, width]));
        let prior = prior.reshape([1, count, 1, 1]);
        (fed.reshape([batch, count, positions, width]) * prior).sum_dim(1).squeeze_dim(1)
    }

    /// The feed-forward part: `[batch, N, d]` → `[batch, N, d]`.
    fn feed(&self, features: Tensor<3>) -> Tensor<3> {
        let hidden = gelu(self.expand.forward(self.feed_norm.forward(features.clone())));
        features + self.contract.forward(hidden)
    }
}

fn positive(value: &f64, _: &()) -> garde::Result {
    if value.is_finite() && *value > 0.0 {
        Ok(())
    } else {
        Err(garde::Error::new("must be positive"))
    }
}
