//! CLIP's byte-pair tokenizer with OpenAI's vocabulary.

use burn::tensor::{Device, Int, Tensor, TensorData};
use instant_clip_tokenizer::{Token, Tokenizer};
use mcdrl_model::clip::{CONTEXT_LENGTH, Clip};

/// Texts → token ids.
pub struct ClipTokenizer(Tokenizer);

impl Default for ClipTokenizer {
    fn default() -> Self {
        Self::new()
    }
}

impl ClipTokenizer {
    /// Reads the vocabulary. This is slow, so reuse the tokenizer.
    pub fn new() -> Self {
        Self(Tokenizer::new())
    }

    /// The ids of a text between the start and the end token. Longer texts are cut so that the end token is the last of
    /// [`CONTEXT_LENGTH`].
    pub fn encode(&self, text: &str) -> Vec<u16> {
        let mut tokens = vec![self.0.start_of_text()];
        self.0.encode(text, &mut tokens);
        tokens.truncate(CONTEXT_LENGTH - 1);
        tokens.push(self.0.end_of_text());
        tokens.into_iter().map(Token::to_u16).collect()
    }

    /// The ids of texts, padded with zeros to the longest. Padding does not change the results of a causal transformer.
    ///
    /// - output: `[texts, longest]`
    pub fn tokens(&self, texts: &[impl AsRef<str>], device: &Device) -> Tensor<2, Int> {
        let rows: Vec<Vec<u16>> = texts.iter().map(|text| self.encode(text.as_ref())).collect();
        let longest = rows.iter().map(Vec::len).max().unwrap_or(1);
        let padded = rows.iter().flat_map(|row| {
            let padding = std::iter::repeat_n(0, longest - row.len());
            row.iter().map(|id| i32::from(*id)).chain(padding)
        });
        Tensor::from_data(TensorData::new(padded.collect(), [rows.len(), longest]), device)
    }

    /// The embeddings of texts in CLIP's joint space, not normalised, one row per text.
    ///
    /// - output: `[texts, d]`
    pub fn embed(&self, clip: &Clip, texts: &[impl AsRef<str>]) -> Tensor<2> {
        let device = clip.logit_scale.val().device();
        clip.text.forward(self.tokens(texts, &device))
    }
}
