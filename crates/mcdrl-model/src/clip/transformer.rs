//! The pre-norm residual attention blocks of both of CLIP's transformers.

use burn::module::{Initializer, Module, Param};
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::activation::{gelu, sigmoid, softmax};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

/// The non-linearity of the feed-forward layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Activation {
    /// `x · σ(1.702 x)`: OpenAI's models.
    #[default]
    QuickGelu,
    /// Exact GELU: most of LAION's models.
    Gelu,
}

/// A stack of residual attention blocks.
#[derive(Module, Debug)]
pub struct Transformer {
    pub(super) resblocks: Vec<ResidualAttentionBlock>,
}

/// `x + attn(ln_1 x)`, then `x + mlp(ln_2 x)`.
#[derive(Module, Debug)]
pub struct ResidualAttentionBlock {
    ln_1: LayerNorm,
    attn: MultiHeadAttention,
    ln_2: LayerNorm,
    mlp: Mlp,
}

/// Self-attention with one projection for query, key and value, as PyTorch's `nn.MultiheadAttention`.
#[derive(Module, Debug)]
struct MultiHeadAttention {
    /// `[width, 3 · width]`
    in_proj_weight: Param<Tensor<2>>,
    /// `[3 · width]`
    in_proj_bias: Param<Tensor<1>>,
    out_proj: Linear,
    #[module(skip)]
    heads: usize,
}

#[derive(Module, Debug)]
struct Mlp {
    c_fc: Linear,
    c_proj: Linear,
    #[module(skip)]
    activation: Activation,
}

impl Transformer {
    pub(super) fn new(
        width: usize,
        layers: usize,
        heads: usize,
        activation: Activation,
        device: &Device,
    ) -> Self {
        // The standard deviations of OpenAI's CLIP.initialize_parameters.
        let attention = (width as f64).powf(-0.5);
        let residual = attention * (2.0 * layers as f64).powf(-0.5);
        let normal = |std| Initializer::Normal { mean: 0.0, std };
        let linear =
            |from, to, std| LinearConfig::new(from, to).with_initializer(normal(std)).init(device);
        let block = || ResidualAttentionBlock {
            ln_1: LayerNormConfig::new(width).init(device),
            attn: MultiHeadAttention {
                in_proj_weight: normal(attention).init([width, 3 * width], device),
                in_proj_bias: Initializer::Zeros.init([3 * width], device),
                out_proj: linear(width, width, residual),
                heads,
            },
            ln_2: LayerNormConfig::new(width).init(device),
            mlp: Mlp {
                c_fc: linear(width, 4 * width, (2.0 * width as f64).powf(-0.5)),
                c_proj: linear(4 * width, width, residual),
                activation,
            },
        };
        Self { resblocks: (0..layers).map(|_| block()).collect() }
    }

    /// - `tokens`, output: `[batch, positions, width]`
    /// - `bias`: `[1, 1, positions, positions]`, added to the attention scores
    pub(super) fn forward(&self, tokens: Tensor<3>, bias: Option<&Tensor<4>>) -> Tensor<3> {
        self.resblocks.iter().fold(tokens, |tokens, block| block.forward(tokens, bias))
    }
}

impl ResidualAttentionBlock {
    /// - `tokens`, output: `[batch, positions, width]`
    /// - `bias`: `[1, 1, positions, positions]`
    pub(super) fn forward(&self, tokens: Tensor<3>, bias: Option<&Tensor<4>>) -> Tensor<3> {
        let tokens = tokens.clone() + self.attn.forward(self.ln_1.forward(tokens), bias);
        tokens.clone() + self.mlp.forward(self.ln_2.forward(tokens))
    }

    /// The value path: the attention's result if every position attended only to itself.
    ///
    /// - `tokens`, output: `[batch, positions, width]`
    pub(super) fn value_path(&self, tokens: Tensor<3>) -> Tensor<3> {
        self.attn.value_path(self.ln_1.forward(tokens))
    }
}

impl MultiHeadAttention {
    /// - `tokens`, output: `[batch, positions, width]`
    /// - `bias`: `[1, 1, positions, positions]`
    fn forward(&self, tokens: Tensor<3>, bias: Option<&Tensor<4>>) -> Tensor<3> {
        let [batch, positions, width] = tokens.dims();
        let head_width = width / self.heads;
        let projected = tokens.matmul(self.in_proj_weight.val().unsqueeze())
            + self.in_proj_bias.val().unsqueeze();
        let heads = |part: usize| {
            projected
                .clone()
                .narrow(2, part * width, width)
                .reshape([batch, positions, self.heads, head_width])
                .swap_dims(1, 2)
        };
        let scores = heads(0).matmul(heads(1).transpose()) * (head_width as f64).powf(-0.5);
        let scores = match bias {
            Some(bias) => scores + bias.clone(),
            None => scores,
        };
        let attended = softmax(scores, 3).matmul(heads(2));
        self.out_proj.forward(attended.swap_dims(1, 2).reshape([batch, positions, width]))
    }

    /// - `tokens`, output: `[batch, positions, width]`
    fn value_path(&self, tokens: Tensor<3>) -> Tensor<3> {
        let width = tokens.dims()[2];
        let weight = self.in_proj_weight.val().narrow(1, 2 * width, width);
        let bias = self.in_proj_bias.val().narrow(0, 2 * width, width);
        self.out_proj.forward(tokens.matmul(weight.unsqueeze()) + bias.unsqueeze())
    }
}

impl Mlp {
    /// - `tokens`, output: `[batch, positions, width]`
    fn forward(&self, tokens: Tensor<3>) -> Tensor<3> {
        let hidden = self.c_fc.forward(tokens);
        self.c_proj.forward(match self.activation {
            Activation::QuickGelu => hidden.clone() * sigmoid(hidden * 1.702),
            Activation::Gelu => gelu(hidden),
        })
    }
}
