//! CLIP's text encoder: token ids → the joint image-text space.

use burn::config::Config;
use burn::module::{Initializer, Module, Param};
use burn::nn::{Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig};
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::transformer::{Activation, Transformer};

/// The number of token positions of CLIP's text encoder.
pub const CONTEXT_LENGTH: usize = 77;

/// Builds a [`ClipTextEncoder`]; the defaults are ViT-B's.
#[derive(Config, Debug)]
pub struct ClipTextEncoderConfig {
    /// Entries of the vocabulary.
    #[config(default = 49408)]
    pub vocab_size: usize,
    /// Width of the tokens.
    #[config(default = 512)]
    pub width: usize,
    /// Number of blocks.
    #[config(default = 12)]
    pub layers: usize,
    /// Attention heads.
    #[config(default = 8)]
    pub heads: usize,
    /// Width of the joint space.
    #[config(default = 512)]
    pub embed_dim: usize,
    /// Non-linearity.
    #[config(default = "Activation::QuickGelu")]
    pub activation: Activation,
}

/// CLIP's text encoder.
#[derive(Module, Debug)]
pub struct ClipTextEncoder {
    token_embedding: Embedding,
    positional_embedding: Param<Tensor<2>>,
    transformer: Transformer,
    ln_final: LayerNorm,
    text_projection: Param<Tensor<2>>,
}

impl ClipTextEncoderConfig {
    /// The faults of this configuration, one sentence each. Empty if it is valid.
    pub fn faults(&self) -> Vec<String> {
        let Self { width, heads, .. } = self;
        let mut faults = Vec::new();
        if [self.vocab_size, self.layers, self.embed_dim].contains(&0) {
            faults.push("the text encoder has a size of zero".into());
        }
        if *heads == 0 || *width == 0 || !width.is_multiple_of(*heads) {
            faults
                .push(format!("{heads} heads of the text encoder do not divide its width {width}"));
        }
        faults
    }

    /// An encoder with random weights.
    pub fn init(&self, device: &Device) -> ClipTextEncoder {
        let normal = |std| Initializer::Normal { mean: 0.0, std };
        ClipTextEncoder {
            token_embedding: EmbeddingConfig::new(self.vocab_size, self.width)
                .with_initializer(normal(0.02))
                .init(device),
            positional_embedding: normal(0.01).init([CONTEXT_LENGTH, self.width], device),
            transformer: Transformer::new(
                self.width,
                self.layers,
                self.heads,
                self.activation,
                device,
            ),
            ln_final: LayerNormConfig::new(self.width).init(device),
            text_projection: normal((self.width as f64).powf(-0.5))
                .init([self.width, self.embed_dim], device),
        }
    }
}

impl ClipTextEncoder {
    /// The embeddings of texts, not normalised: the feature at each text's end token.
    ///
    /// - `tokens`: `[batch, positions]`, at most [`CONTEXT_LENGTH`] positions
    /// - output: `[batch, embed_dim]`
    pub fn forward(&self, tokens: Tensor<2, Int>) -> Tensor<2> {
        let [batch, positions] = tokens.dims();
        let embedded = self.token_embedding.forward(tokens.clone())
            + self.positional_embedding.val().narrow(0, 0, positions).unsqueeze::<3>();
        let mask = causal_mask(positions, &embedded.device());
        let features = self.ln_final.forward(self.transformer.forward(embedded, Some(&mask)));
        // The end token has the highest id of all.
        let ends = tokens.argmax(1).unsqueeze_dim::<3>(2);
        let width = features.dims()[2];
        let ends = features.gather(1, ends.expand([batch, 1, width])).squeeze_dim::<2>(1);
        ends.matmul(self.text_projection.val())
    }
}

/// `[1, 1, positions, positions]`: 0 where a position may attend, nearly -∞ at later positions.
fn causal_mask(positions: usize, device: &Device) -> Tensor<4> {
    let values: Vec<f32> = (0..positions * positions)
        .map(|i| if i % positions > i / positions { -1e9 } else { 0.0 })
        .collect();
    Tensor::from_data(TensorData::new(values, [1, 1, positions, positions]), device)
}
