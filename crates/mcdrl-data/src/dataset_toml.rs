//! `dataset.toml`: the differences of a dataset from the endoscopy profile.

use std::fs;
use std::path::Path;

use mcdrl_runtime::{Confounder, Profile};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The class of a dataset that names none.
pub const UNNAMED: &str = "lesion";

/// The content of the file. The endoscopy profile supplies all absent keys except `classes`.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DatasetToml {
    classes: Option<Vec<String>>,
    name: Option<String>,
    class_prompt: Option<String>,
    background_prompt: Option<String>,
    confounder_prompt: Option<String>,
    causal_prompt: Option<String>,
    confounders: Option<Vec<Confounder>>,
}

/// The profile of a dataset. Without the file or its `classes`, there is one class, [`UNNAMED`].
pub fn read_profile(path: &Path) -> Result<Profile> {
    let toml = if path.is_file() {
        let text = fs::read_to_string(path).map_err(Error::io(path))?;
        toml::from_str(&text).map_err(Error::text(path))?
    } else {
        DatasetToml::default()
    };
    let base = Profile::endoscopy();
    let profile = Profile {
        name: toml.name.unwrap_or(base.name),
        classes: toml.classes.unwrap_or_else(|| vec![UNNAMED.into()]),
        class_prompt: toml.class_prompt.unwrap_or(base.class_prompt),
        background_prompt: toml.background_prompt.unwrap_or(base.background_prompt),
        confounder_prompt: toml.confounder_prompt.unwrap_or(base.confounder_prompt),
        causal_prompt: toml.causal_prompt.unwrap_or(base.causal_prompt),
        confounders: toml.confounders.unwrap_or(base.confounders),
    };
    profile.check().map_err(Error::profile(path))?;
    Ok(profile)
}
