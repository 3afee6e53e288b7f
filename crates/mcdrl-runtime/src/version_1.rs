//! Model files of format version 1: renames their keys and tensors to those of version 2.

use serde_json::{Value, json};

use crate::profile::Profile;
use crate::weights::Weights;
use crate::{Error, Result};

/// Turns the header of version 1 into that of version 2. The version number stays.
pub fn rename_header(mut header: Value) -> Result<Value> {
    let missing = |key: &str| Error::ModelHeader(format!("missing field `{key}`"));
    let old = header["architecture"].take();
    let part = |key: &str| old.get(key).cloned().ok_or_else(|| missing(key));
    let intervention = part("intervention")?;
    let size = |key: &str| intervention.get(key).cloned().ok_or_else(|| missing(key));
    header["architecture"] = json!({
        "vision": part("vision")?,
        "intervention": {
            "layers": size("layers")?,
            "heads": size("heads")?,
            "mlp_ratio": size("expansion")?,
        },
        "head": { "width": part("head_width")? },
    });
    header["run"] = json!({
        "dense": part("dense")?,
        "selection": { "enabled": part("select_regions")?, "alpha": part("regions")?["alpha"] },
        "intervention": { "enabled": part("intervene")?, "weighting": size("weighting")? },
    });
    add_hint_weights(&mut header["profile"]);
    Ok(header)
}

/// Adds thresholds for quality hints, which version 1 did not have. They come from the built-in profile, by name.
fn add_hint_weights(profile: &mut Value) {
    let known = Profile::endoscopy().confounders;
    let confounders = profile.get_mut("confounders").and_then(Value::as_array_mut);
    for confounder in confounders.into_iter().flatten() {
        let known = known.iter().find(|known| confounder["name"] == known.name);
        if let (Some(weight), Some(fields)) =
            (known.and_then(|known| known.hint_weight), confounder.as_object_mut())
        {
            fields.insert("hint_weight".into(), json!(weight));
        }
    }
}

/// Renames the tensors of version 1.
pub fn rename_tensors(weights: Weights) -> Weights {
    weights.renamed(|name| {
        let name = if name == "outside" { "mask_token" } else { name };
        let layer = name.starts_with("intervention.");
        Some(match name.strip_suffix(".sharpness").filter(|_| layer) {
            Some(layer) => format!("{layer}.logit_scale"),
            None => name.to_owned(),
        })
    })
}
