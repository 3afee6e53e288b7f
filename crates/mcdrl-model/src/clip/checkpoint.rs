//! Reading and writing CLIP checkpoints: OpenAI state dicts, Hugging Face `CLIPModel` folders, our own.

use burn::tensor::Device;
use serde_json::Value;

use super::{
    Activation, Clip, ClipConfig, ClipTextEncoderConfig, ClipVisionEncoderConfig,
    ModifiedResNetConfig, VisionTransformerConfig,
};
use crate::weights::{Precision, Weights};
use crate::{Error, Result};

/// The metadata key under which our own checkpoints carry their [`ClipConfig`].
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
    /// Reads a checkpoint in OpenAI's or Hugging Face's layout, f32, f16 or bf16. What the shapes do not tell
    /// (numbers of heads, activation) comes from `config`, the text of the `config.json` beside the file, or
    /// else is CLIP's rule of one head per 64 channels.
    ///
    /// # Errors
    /// [`Error::Safetensors`], [`Error::UnknownCheckpoint`], or [`Error::MissingTensor`] naming a tensor.
    pub fn from_safetensors(bytes: &[u8], config: Option<&str>) -> Result<Self> {
        let weights = Weights::from_safetensors(bytes)?;
        let json: Value = match config {
            Some(text) => serde_json::from_str(text).map_err(|e| {
                Error::UnknownCheckpoint(format!("its config.json is no JSON: {e}"))
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
        let ClipConfig { vision, text } = &checkpoint.config;
        if let Some(problem) = vision.problem().or_else(|| text.problem()) {
            return Err(Error::UnknownCheckpoint(problem));
        }
        Ok(checkpoint)
    }

    /// The model with these weights.
    ///
    /// # Errors
    /// [`Error::MissingTensor`], [`Error::TensorShape`] or [`Error::NotFinite`], naming the tensor as the file
    /// does.
    pub fn init(&self, device: &Device) -> Result<Clip> {
        let weights = self.weights.clone().renamed(|name| Some(field_name(name)));
        weights.load_into(self.config.init(device), &|name| self.foreign_name(name))
    }

    /// A model as a checkpoint in OpenAI's layout, which also carries its architecture.
    pub fn to_safetensors(clip: &Clip, config: &ClipConfig, provenance: &Value) -> Vec<u8> {
        let mut weights = Weights::of_module(clip).renamed(|name| Some(openai_name(name)));
        // One JSON entry: the order of several would be random, and files of one seed equal bytes.
        let mut header = serde_json::to_value(config).expect("a config is plain data");
        header["provenance"] = provenance.clone();
        weights.set_metadata(CONFIG_KEY, header.to_string());
        weights.to_safetensors(Precision::Full)
    }

    /// Whether the file had Hugging Face's layout.
    pub fn is_hugging_face(&self) -> bool {
        self.hugging_face
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

    /// One more than the highest number after `prefix`.
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

/// OpenAI's name → the field path in [`Clip`].
fn field_name(name: &str) -> String {
    let top_level = name.starts_with("visual.") || name == "logit_scale";
    if top_level { name.into() } else { format!("text.{name}") }
}

/// The field path in [`Clip`] → OpenAI's name.
fn openai_name(field: &str) -> String {
    field.strip_prefix("text.").unwrap_or(field).into()
}

/// Pairs of (OpenAI, Hugging Face) names outside the blocks.
const NAMES: [(&str, &str); 15] = [
    ("logit_scale", "logit_scale"),
    ("token_embedding.weight", "text_model.embeddings.token_embedding.weight"),
    ("positional_embedding", "text_model.embeddings.position_embedding.weight"),
    ("ln_final.weight", "text_model.final_layer_norm.weight"),
    ("ln_final.bias", "text_model.final_layer_norm.bias"),
    ("text_projection", "text_projection.weight"),
    ("visual.class_embedding", "vision_model.embeddings.class_embedding"),
    ("visual.conv1.weight", "vision_model.embeddings.patch_embedding.weight"),
    ("visual.positional_embedding", "vision_model.embeddings.position_embedding.weight"),
    // The spelling is theirs.
    ("visual.ln_pre.weight", "vision_model.pre_layrnorm.weight"),
    ("visual.ln_pre.bias", "vision_model.pre_layrnorm.bias"),
    ("visual.ln_post.weight", "vision_model.post_layernorm.weight"),
    ("visual.ln_post.bias", "vision_model.post_layernorm.bias"),
    ("visual.proj", "visual_projection.weight"),
    ("visual.conv1.bias", "vision_model.embeddings.patch_embedding.bias"),
];

/// Pairs of (OpenAI, Hugging Face) names for a block and what is in it.
const BLOCK_NAMES: [(&str, &str); 8] = [
    ("visual.transformer.resblocks.", "vision_model.encoder.layers."),
    ("transformer.resblocks.", "text_model.encoder.layers."),
    (".ln_1.", ".layer_norm1."),
    (".ln_2.", ".layer_norm2."),
    (".mlp.c_fc.", ".mlp.fc1."),
    (".mlp.c_proj.", ".mlp.fc2."),
    (".attn.out_proj.", ".self_attn.out_proj."),
    (".attn.in_proj_", ".self_attn.{q,k,v}_proj."),
];

fn hugging_face_name(openai: &str) -> String {
    if let Some((_, theirs)) = NAMES.iter().find(|(ours, _)| *ours == openai) {
        return (*theirs).into();
    }
    let rename = |name: String, (ours, theirs): &(&str, &str)| name.replacen(ours, theirs, 1);
    BLOCK_NAMES.iter().fold(openai.into(), rename)
}

/// Hugging Face's tensors under OpenAI's names: projections turned, query, key and value joined.
fn to_openai(mut weights: Weights) -> Result<Weights> {
    let names: Vec<String> = weights.names().map(str::to_owned).collect();
    let prefixes = names.iter().filter_map(|n| n.strip_suffix("self_attn.q_proj.weight"));
    for prefix in prefixes {
        for part in ["weight", "bias"] {
            let mut joined = Vec::new();
            let mut shape = Vec::new();
            for which in ["q", "k", "v"] {
                let name = format!("{prefix}self_attn.{which}_proj.{part}");
                let (found, values) = weights
                    .remove(&name)
                    .ok_or_else(|| Error::MissingTensor { name, shape: shape.clone() })?;
                shape = found;
                joined.extend(values);
            }
            shape[0] *= 3;
            weights.insert(format!("{prefix}self_attn.in_proj_{part}"), shape, joined);
        }
    }
    for name in ["visual_projection.weight", "text_projection.weight"] {
        if let Some((shape, values)) = weights.remove(name) {
            let &[rows, columns] = shape.as_slice() else {
                let expected = vec![0, 0];
                return Err(Error::TensorShape { name: name.into(), expected, found: shape });
            };
            let turned =
                (0..rows * columns).map(|i| values[(i % rows) * columns + i / rows]).collect();
            weights.insert(name, vec![columns, rows], turned);
        }
    }
    Ok(weights.renamed(|name| {
        if let Some((ours, _)) = NAMES.iter().find(|(_, theirs)| *theirs == name) {
            return Some((*ours).into());
        }
        let rename = |name: String, (ours, theirs): &(&str, &str)| {
            name.replacen(&theirs.replace("{q,k,v}_proj.", "in_proj_"), ours, 1)
        };
        Some(BLOCK_NAMES.iter().fold(name.into(), rename))
    }))
}
