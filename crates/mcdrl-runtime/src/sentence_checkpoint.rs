//! The pre-trained sentence encoder: a folder with `config.json`, `tokenizer.json` and `model.safetensors`.

use burn::tensor::{Device, Int, Tensor, TensorData};
use mcdrl_model::clip::{SentenceEncoder, SentenceEncoderConfig};
use serde::{Deserialize, Serialize};
use tokenizers::{Tokenizer, TruncationParams};

use crate::device_policy::{DeviceInfo, OpenOptions};
use crate::encoder_device::{self, EncoderFile};
use crate::weights::Weights;
use crate::{Error, Result};

/// The number of tokens after which all-MiniLM-L6-v2 cuts a text.
const LONGEST: usize = 256;

/// Parts of names in the file, and of the fields of [`SentenceEncoder`].
const NAMES: [(&str, &str); 9] = [
    ("embeddings.LayerNorm.", "norm."),
    ("embeddings.", ""),
    ("encoder.layer.", "layers."),
    (".attention.self.", "."),
    (".attention.output.dense.", ".attention_output."),
    (".attention.output.LayerNorm.", ".attention_norm."),
    (".intermediate.dense.", ".intermediate."),
    (".output.dense.", ".output."),
    (".output.LayerNorm.", ".output_norm."),
];

/// A sentence encoder with its tokenizer.
#[derive(Clone, Debug)]
pub struct SentenceCheckpoint {
    /// The architecture.
    pub config: SentenceEncoderConfig,
    weights: Weights,
    tokenizer: Tokenizer,
}

/// The values of `config.json` that decide the architecture, under Hugging Face's names.
#[derive(Deserialize, Serialize)]
struct BertConfig {
    model_type: String,
    hidden_act: String,
    vocab_size: usize,
    max_position_embeddings: usize,
    type_vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    layer_norm_eps: f64,
}

impl SentenceCheckpoint {
    /// Reads the three files of a folder in the layout of Hugging Face: `config.json`, `tokenizer.json` and
    /// `model.safetensors`.
    ///
    /// # Errors
    /// [`Error::UnknownEncoder`] for another architecture or a tokenizer that does not fit, [`Error::Safetensors`].
    pub fn from_files(config: &str, tokenizer: &[u8], weights: &[u8]) -> Result<Self> {
        let (config, tokenizer) = read_texts(config, tokenizer)?;
        Ok(Self { config, weights: Weights::from_safetensors(weights)?, tokenizer })
    }

    /// As [`Self::from_files`], with the tensors of `model.safetensors`.
    pub(crate) fn new(config: &str, tokenizer: &[u8], weights: Weights) -> Result<Self> {
        let (config, tokenizer) = read_texts(config, tokenizer)?;
        Ok(Self { config, weights, tokenizer })
    }

    /// The texts of `config.json`, with what decides the architecture, and of `tokenizer.json`.
    pub(crate) fn files(&self) -> (String, String) {
        let config = &self.config;
        let bert = BertConfig {
            model_type: "bert".into(),
            hidden_act: "gelu".into(),
            vocab_size: config.vocab_size,
            max_position_embeddings: config.positions,
            type_vocab_size: config.segments,
            hidden_size: config.width,
            num_hidden_layers: config.layers,
            num_attention_heads: config.heads,
            intermediate_size: config.mlp_width,
            layer_norm_eps: config.epsilon,
        };
        let config = serde_json::to_string(&bert).expect("plain data");
        (config, self.tokenizer.to_string(false).expect("it was read from such a text"))
    }

    /// The tensors under the names of the file.
    pub(crate) fn weights(&self) -> &Weights {
        &self.weights
    }

    /// Builds the encoder with these weights.
    ///
    /// # Errors
    /// [`Error::MissingTensor`], [`Error::TensorShape`] or [`Error::NotFinite`], naming the tensor as the file does.
    pub fn init(&self, device: &Device) -> Result<SentenceEncoder> {
        let weights = self.weights.clone().renamed(|name| Some(field_name(name)));
        let foreign = |field: &str| {
            let names = self.weights.names();
            names.into_iter().find(|name| field_name(name) == field).unwrap_or(field).to_owned()
        };
        weights.load_with_names(self.config.init(device), &foreign)
    }

    /// Loads the encoder onto the device of the user's choice. A GPU must give the CPU's embedding of a sentence.
    ///
    /// # Errors
    /// As [`Self::init`] for the weights. [`Error::Device`], [`Error::Timeout`] and [`Error::WrongAnswer`] for the device.
    pub async fn open(&self, options: OpenOptions<'_>) -> Result<(SentenceEncoder, DeviceInfo)> {
        encoder_device::open(self, options).await
    }

    /// The token ids of a text, with the start and the end token. Texts of more than 256 tokens are cut.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let encoding = self.tokenizer.encode_fast(text, true);
        encoding.expect("WordPiece has a token for everything").get_ids().to_vec()
    }

    /// The embeddings of texts, of unit length, one row per text: `[texts, width]`.
    pub fn embed(&self, encoder: &SentenceEncoder, texts: &[impl AsRef<str>]) -> Tensor<2> {
        let device = encoder.device();
        // One by one, because padding would change the mean over the tokens.
        let rows = texts.iter().map(|text| {
            let ids: Vec<i32> =
                self.encode(text.as_ref()).into_iter().map(|id| id as i32).collect();
            let shape = [1, ids.len()];
            encoder.forward(Tensor::<2, Int>::from_data(TensorData::new(ids, shape), &device))
        });
        Tensor::cat(rows.collect(), 0)
    }
}

/// The architecture of a `config.json`, and the tokenizer of a `tokenizer.json`.
fn read_texts(config: &str, tokenizer: &[u8]) -> Result<(SentenceEncoderConfig, Tokenizer)> {
    let broken = |file: &str, error: &dyn std::fmt::Display| {
        Error::UnknownEncoder(format!("its {file} cannot be read: {error}"))
    };
    let bert: BertConfig = serde_json::from_str(config).map_err(|e| broken("config.json", &e))?;
    if (bert.model_type.as_str(), bert.hidden_act.as_str()) != ("bert", "gelu") {
        return Err(Error::UnknownEncoder(format!(
            "its config.json names a `{}` with `{}`, but only a `bert` with `gelu` can be used",
            bert.model_type, bert.hidden_act
        )));
    }
    let config = SentenceEncoderConfig::new()
        .with_vocab_size(bert.vocab_size)
        .with_positions(bert.max_position_embeddings)
        .with_segments(bert.type_vocab_size)
        .with_width(bert.hidden_size)
        .with_layers(bert.num_hidden_layers)
        .with_heads(bert.num_attention_heads)
        .with_mlp_width(bert.intermediate_size)
        .with_epsilon(bert.layer_norm_eps);
    let faults = config.faults();
    if !faults.is_empty() {
        return Err(Error::UnknownEncoder(faults.join("; ")));
    }
    let mut tokenizer =
        Tokenizer::from_bytes(tokenizer).map_err(|e| broken("tokenizer.json", &e))?;
    let words = tokenizer.get_vocab_size(true);
    if words > config.vocab_size {
        return Err(Error::UnknownEncoder(format!(
            "its tokenizer.json has {words} words, but its model has {}",
            config.vocab_size
        )));
    }
    let max_length = LONGEST.min(config.positions);
    let truncation = TruncationParams { max_length, ..TruncationParams::default() };
    tokenizer
        .with_padding(None)
        .with_truncation(Some(truncation))
        .map_err(|e| broken("tokenizer.json", &e))?;
    Ok((config, tokenizer))
}

impl EncoderFile for SentenceCheckpoint {
    type Encoder = SentenceEncoder;

    fn init(&self, device: &Device) -> Result<SentenceEncoder> {
        self.init(device)
    }

    fn probe(&self, encoder: &SentenceEncoder) -> Tensor<2> {
        self.embed(encoder, &["An image of something"])
    }
}

/// The name in the file → the field path in [`SentenceEncoder`].
fn field_name(name: &str) -> String {
    NAMES.iter().fold(name.into(), |name, (theirs, ours)| name.replacen(theirs, ours, 1))
}
