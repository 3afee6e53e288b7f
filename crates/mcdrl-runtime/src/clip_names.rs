//! Tensor names of CLIP checkpoints: OpenAI's and Hugging Face's.

use crate::weights::Weights;
use crate::{Error, Result};

/// OpenAI's name → the field path in [`Clip`].
pub fn field_name(name: &str) -> String {
    let top_level = name.starts_with("visual.") || name == "logit_scale";
    if top_level { name.into() } else { format!("text.{name}") }
}

/// The field path in [`Clip`] → OpenAI's name.
pub fn openai_name(field: &str) -> String {
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
    // Hugging Face spells these names this way.
    ("visual.ln_pre.weight", "vision_model.pre_layrnorm.weight"),
    ("visual.ln_pre.bias", "vision_model.pre_layrnorm.bias"),
    ("visual.ln_post.weight", "vision_model.post_layernorm.weight"),
    ("visual.ln_post.bias", "vision_model.post_layernorm.bias"),
    ("visual.proj", "visual_projection.weight"),
    ("visual.conv1.bias", "vision_model.embeddings.patch_embedding.bias"),
];

/// Pairs of (OpenAI, Hugging Face) names of the blocks and their parts.
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

pub fn hugging_face_name(openai: &str) -> String {
    if let Some((_, theirs)) = NAMES.iter().find(|(ours, _)| *ours == openai) {
        return (*theirs).into();
    }
    let rename = |name: String, (ours, theirs): &(&str, &str)| name.replacen(ours, theirs, 1);
    BLOCK_NAMES.iter().fold(openai.into(), rename)
}

/// Hugging Face's tensors under OpenAI's names. Projections are transposed; query, key and value are joined.
pub fn to_openai(mut weights: Weights) -> Result<Weights> {
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
