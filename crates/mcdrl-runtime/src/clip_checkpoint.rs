//! CLIP checkpoints: OpenAI state dicts, Hugging Face `CLIPModel` files, and our own.

use burn::tensor::{Device, Tensor};
use mcdrl_model::clip::{
    Activation, Clip, ClipConfig, ClipTextEncoderConfig, ClipVisionEncoderConfig, DenseFeatures,
    ModifiedResNetConfig, VisionTransformerConfig,
};
use serde_json::Value;

use crate::clip_names::{field_name, hugging_face_name, openai_name, to_openai};
use crate::device::open_cpu;
use crate::device_policy::{DeviceInfo, OpenOptions};
use crate::encoder_device::{self, EncoderFile};
use crate::weights::{Precision, Weights};
use crate::{Error, Result};

/// The metadata key of the [`ClipConfig`] in our own checkpoints.
const CONFIG_KEY: &str = "mcdrl-clip";

/// A CLIP checkpoint: its architecture and its tensors under OpenAI's names.
#[derive(Clone, Debug)]
pub struct ClipCheckpoint {
    /// The architecture.
    pub config: ClipConfig,
    weights: Weights,
    hugging_face: bool,
}

impl ClipCheckpoint {
    /// Reads a checkpoint in OpenAI's or Hugging Face's layout, f32, f16 or bf16. Tensor shapes do not give the numbers
    /// of heads and the activation. They come from `config`, the text of the `config.json` beside the file. Without it, there
    /// is one head per 64 channels, as in CLIP.
    ///
    /// # Errors
    /// [`Error::Safetensors`], [`Error::UnknownCheckpoint`], or [`Error::MissingTensor`] naming a tensor.
    pub fn from_safetensors(bytes: &[u8], config: Option<&str>) -> Result<Self> {
        let weights = Weights::from_safetensors(bytes)?;
        let json: Value = match config {
            Some(text) => serde_json::from_str(text).map_err(|e| {
                Error::UnknownCheckpoint(format!("its config.json is not JSON: {e}"))
            })?,
            None => Value::Null,
        };
        let own = weights.metadata(CONFIG_KEY).map(str::to_owned);
        let hugging_face = weights.names().any(|name| name.starts_with("vision_model."));
        let weights = if hugging_face { to_openai(weights)? } else { weights };
        if !weights.names().any(|name| name.starts_with("visual.")) {
            return Err(Error::UnknownCheckpoint(
                "it has neither `visual.*` (OpenAI) nor `vision_model.*` (Hugging Face) tensors"
                    .into(),
            ));
        }
        let mut checkpoint = Self {
            config: ClipConfig::new(
                ClipVisionEncoderConfig::Vit(VisionTransformerConfig::new()),
                ClipTextEncoderConfig::new(),
            ),
            weights,
            hugging_face,
        };
        checkpoint.config = match own {
            Some(text) => serde_json::from_str(&text).map_err(|e| {
                Error::UnknownCheckpoint(format!("its `{CONFIG_KEY}` metadata is damaged: {e}"))
            })?,
            None => checkpoint.infer_config(&json)?,
        };
        let faults = checkpoint.config.faults();
        if faults.is_empty() {
            Ok(checkpoint)
        } else {
            Err(Error::UnknownCheckpoint(faults.join("; ")))
        }
    }

    /// A checkpoint with random weights.
    ///
    /// # Errors
    /// [`Error::Device`] if this build has no CPU backend.
    pub fn untrained(config: &ClipConfig) -> Result<Self> {
        let weights = Weights::of_module(&config.init(&open_cpu()?));
        let weights = weights.renamed(|name| Some(openai_name(name)));
        Ok(Self { config: config.clone(), weights, hugging_face: false })
    }

    /// Builds the model with these weights.
    ///
    /// # Errors
    /// [`Error::MissingTensor`], [`Error::TensorShape`] or [`Error::NotFinite`], naming the tensor as the file
    /// does.
    pub fn init(&self, device: &Device) -> Result<Clip> {
        let weights = self.weights.clone().renamed(|name| Some(field_name(name)));
        weights.load_with_names(self.config.init(device), &|name| self.foreign_name(name))
    }

    /// Loads CLIP onto the device of the user's choice. A GPU must give the CPU's embedding of a grey image.
    ///
    /// # Errors
    /// As [`Self::init`] for the checkpoint. [`Error::Device`], [`Error::Timeout`] and [`Error::WrongAnswer`] for the
    /// device.
    pub async fn open(&self, options: OpenOptions<'_>) -> Result<(Clip, DeviceInfo)> {
        encoder_device::open(self, options).await
    }

    /// Writes a CLIP in OpenAI's layout, with its architecture in the metadata.
    pub fn to_safetensors(clip: &Clip, config: &ClipConfig, provenance: &Value) -> Vec<u8> {
        let mut weights = Weights::of_module(clip).renamed(|name| Some(openai_name(name)));
        // One JSON entry: several would come in random order, and equal seeds must give equal bytes.
        let mut header = serde_json::to_value(config).expect("a config is plain data");
        header["provenance"] = provenance.clone();
        weights.set_metadata(CONFIG_KEY, header.to_string());
        weights.to_safetensors(Precision::Full)
    }

    /// Whether the file had Hugging Face's layout.
    pub fn is_hugging_face(&self) -> bool {
        self.hugging_face
    }

    /// SHA-256 of the tensors, hexadecimal.
    pub fn sha256(&self) -> String {
        self.weights.sha256(Precision::Full)
    }

    /// The number of parameters and statistics.
    pub fn num_values(&self) -> usize {
        self.weights.num_values()
    }

    fn foreign_name(&self, field: &str) -> String {
        let name = openai_name(field);
        if self.hugging_face { hugging_face_name(&name) } else { name }
    }

    fn shape(&self, name: &str, rank: usize) -> Result<&[usize]> {
        let shown = || if self.hugging_face { hugging_face_name(name) } else { name.into() };
        match self.weights.shape(name) {
            Some(shape) if shape.len() == rank => Ok(shape),
            Some(shape) => Err(Error::TensorShape {
                name: shown(),
                expected: vec![0; rank],
                found: shape.to_vec(),
            }),
            None => Err(Error::MissingTensor { name: shown(), shape: vec![] }),
        }
    }

    /// One more than the highest number that follows `prefix` in a name.
    fn count(&self, prefix: &str) -> usize {
        let numbers = self
            .weights
            .names()
            .filter_map(|name| name.strip_prefix(prefix)?.split('.').next()?.parse::<usize>().ok());
        numbers.max().map_or(0, |highest| highest + 1)
    }

    fn infer_config(&self, json: &Value) -> Result<ClipConfig> {
        let heads = |part: &str, width: usize| {
            let stated = [
                &json[format!("{part}_config")]["num_attention_heads"],
                &json[format!("{part}_heads")],
            ];
            let in_words = json[part].as_str().and_then(|words| {
                let mut words = words.split([' ', ',']).skip_while(|word| *word != "heads");
                words.nth(1)?.parse().ok()
            });
            let stated = stated.iter().find_map(|v| v.as_u64()).or(in_words);
            stated.map_or((width / 64).max(1), |heads| heads as usize)
        };
        let activation = |part: &str| {
            let stated = json[format!("{part}_config")]["hidden_act"].as_str();
            match stated.or(json["activation"].as_str()) {
                Some("gelu") => Activation::Gelu,
                _ => Activation::QuickGelu,
            }
        };
        let text_width = self.shape("ln_final.weight", 1)?[0];
        let embed_dim = self.shape("text_projection", 2)?[1];
        let text = ClipTextEncoderConfig::new()
            .with_vocab_size(self.shape("token_embedding.weight", 2)?[0])
            .with_width(text_width)
            .with_layers(self.count("transformer.resblocks."))
            .with_heads(heads("text", text_width))
            .with_embed_dim(embed_dim)
            .with_activation(activation("text"));
        let vision = if self.weights.contains("visual.layer1.0.conv1.weight") {
            let width = self.shape("visual.layer1.0.conv1.weight", 4)?[0];
            let positions = self.shape("visual.attnpool.positional_embedding", 2)?[0];
            let layers = [1, 2, 3, 4].map(|stage| self.count(&format!("visual.layer{stage}.")));
            ClipVisionEncoderConfig::ResNet(
                ModifiedResNetConfig::new()
                    .with_image_size(32 * (positions - 1).isqrt())
                    .with_width(width)
                    .with_layers(layers)
                    .with_heads(heads("vision", 32 * width))
                    .with_embed_dim(embed_dim),
            )
        } else {
            let patches = self.shape("visual.conv1.weight", 4)?;
            let (width, patch_size) = (patches[0], patches[3]);
            let positions = self.shape("visual.positional_embedding", 2)?[0];
            ClipVisionEncoderConfig::Vit(
                VisionTransformerConfig::new()
                    .with_image_size(patch_size * (positions - 1).isqrt())
                    .with_patch_size(patch_size)
                    .with_width(width)
                    .with_layers(self.count("visual.transformer.resblocks."))
                    .with_heads(heads("vision", width))
                    .with_embed_dim(embed_dim)
                    .with_activation(activation("vision")),
            )
        };
        Ok(ClipConfig::new(vision, text))
    }
}

impl EncoderFile for ClipCheckpoint {
    type Encoder = Clip;

    fn init(&self, device: &Device) -> Result<Clip> {
        self.init(device)
    }

    fn probe(&self, clip: &Clip) -> Tensor<2> {
        let side = self.config.vision.image_size();
        let grey = Tensor::full([1, 3, side, side], 0.3, &clip.logit_scale.val().device());
        clip.visual.forward(grey, DenseFeatures::ValuePath).pooled
    }
}
