//! A sentence encoder: BERT (Devlin et al. 2019) with mean pooling, as all-MiniLM-L6-v2 (Reimers and Gurevych 2019).

use burn::config::Config;
use burn::module::Module;
use burn::nn::{Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::activation::{gelu, softmax};
use burn::tensor::{Device, Int, Tensor};

use crate::similarity::l2_normalize;

/// Builds a [`SentenceEncoder`]; the defaults are all-MiniLM-L6-v2's.
#[derive(Config, Debug)]
pub struct SentenceEncoderConfig {
    /// Entries of the vocabulary.
    #[config(default = 30522)]
    pub vocab_size: usize,
    /// Token positions.
    #[config(default = 512)]
    pub positions: usize,
    /// Kinds of segments. A sentence is of the first kind.
    #[config(default = 2)]
    pub segments: usize,
    /// Width of the tokens and of the embedding.
    #[config(default = 384)]
    pub width: usize,
    /// Number of layers.
    #[config(default = 6)]
    pub layers: usize,
    /// Attention heads.
    #[config(default = 12)]
    pub heads: usize,
    /// Width inside the feed-forward parts.
    #[config(default = 1536)]
    pub mlp_width: usize,
    /// ε of the layer normalisations.
    #[config(default = 1e-12)]
    pub epsilon: f64,
}

/// A sentence encoder.
#[derive(Module, Debug)]
pub struct SentenceEncoder {
    word_embeddings: Embedding,
    position_embeddings: Embedding,
    token_type_embeddings: Embedding,
    norm: LayerNorm,
    layers: Vec<EncoderLayer>,
}

/// `norm(x + attention(x))`, then `norm(x + mlp(x))`.
#[derive(Module, Debug)]
struct EncoderLayer {
    query: Linear,
    key: Linear,
    value: Linear,
    attention_output: Linear,
    attention_norm: LayerNorm,
    intermediate: Linear,
    output: Linear,
    output_norm: LayerNorm,
    #[module(skip)]
    heads: usize,
}

impl SentenceEncoderConfig {
    /// The faults of this configuration, one sentence each. Empty if it is valid.
    pub fn faults(&self) -> Vec<String> {
        let Self { width, heads, .. } = self;
        let mut faults = Vec::new();
        let sizes = [self.vocab_size, self.positions, self.segments, self.layers, self.mlp_width];
        if sizes.contains(&0) {
            faults.push("the sentence encoder has a size of zero".into());
        }
        if *heads == 0 || *width == 0 || !width.is_multiple_of(*heads) {
            faults.push(format!(
                "{heads} heads of the sentence encoder do not divide its width {width}"
            ));
        }
        faults
    }

    /// An encoder with random weights.
    pub fn init(&self, device: &Device) -> SentenceEncoder {
        let embedding = |entries| EmbeddingConfig::new(entries, self.width).init(device);
        let norm = || LayerNormConfig::new(self.width).with_epsilon(self.epsilon).init(device);
        let linear = |from, to| LinearConfig::new(from, to).init(device);
        let (width, inside) = (self.width, self.mlp_width);
        let layer = |_| EncoderLayer {
            query: linear(width, width),
            key: linear(width, width),
            value: linear(width, width),
            attention_output: linear(width, width),
            attention_norm: norm(),
            intermediate: linear(width, inside),
            output: linear(inside, width),
            output_norm: norm(),
            heads: self.heads,
        };
        SentenceEncoder {
            word_embeddings: embedding(self.vocab_size),
            position_embeddings: embedding(self.positions),
            token_type_embeddings: embedding(self.segments),
            norm: norm(),
            layers: (0..self.layers).map(layer).collect(),
        }
    }
}

impl SentenceEncoder {
    /// The device that the weights are on.
    pub fn device(&self) -> Device {
        self.word_embeddings.weight.val().device()
    }

    /// The embeddings of sentences with equally many tokens, of unit length: the mean over the tokens.
    ///
    /// - `tokens`: `[batch, positions]`
    /// - output: `[batch, width]`
    pub fn forward(&self, tokens: Tensor<2, Int>) -> Tensor<2> {
        let [_, positions] = tokens.dims();
        let place = Tensor::<1, Int>::arange(0..positions as i64, &tokens.device()).unsqueeze();
        let embedded = self.word_embeddings.forward(tokens.clone())
            + self.position_embeddings.forward(place)
            + self.token_type_embeddings.forward(tokens.zeros_like());
        let embedded = self.norm.forward(embedded);
        let hidden = self.layers.iter().fold(embedded, |hidden, layer| layer.forward(hidden));
        l2_normalize(hidden.mean_dim(1).squeeze_dim(1))
    }
}

impl EncoderLayer {
    /// - `tokens`, output: `[batch, positions, width]`
    fn forward(&self, tokens: Tensor<3>) -> Tensor<3> {
        let attended = self.attention_norm.forward(tokens.clone() + self.attention(tokens));
        let inside = gelu(self.intermediate.forward(attended.clone()));
        self.output_norm.forward(attended + self.output.forward(inside))
    }

    /// - `tokens`, output: `[batch, positions, width]`
    fn attention(&self, tokens: Tensor<3>) -> Tensor<3> {
        let [batch, positions, width] = tokens.dims();
        let head_width = width / self.heads;
        let heads = |linear: &Linear| {
            let projected = linear.forward(tokens.clone());
            projected.reshape([batch, positions, self.heads, head_width]).swap_dims(1, 2)
        };
        let scores = heads(&self.query).matmul(heads(&self.key).transpose());
        let weights = softmax(scores * (head_width as f64).powf(-0.5), 3);
        let mixed = weights.matmul(heads(&self.value)).swap_dims(1, 2);
        self.attention_output.forward(mixed.reshape([batch, positions, width]))
    }
}
