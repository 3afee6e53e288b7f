//! `dataset.toml`: the differences of a dataset from the endoscopy profile, and how its files are read.

use std::collections::BTreeMap;
use std::path::Path;

use mcdrl_image::MaskValue;
use mcdrl_runtime::{Confounder, Profile};
use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::mask_values::ValueTable;
use crate::text_file::read_text;
use crate::{Error, Result};

/// The class of a dataset that names none.
pub const UNNAMED: &str = "lesion";

/// How the files of a dataset are read.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// The class of each mask value; the rules of [`crate::mask_values`] if it is empty.
    pub values: ValueTable,
    /// What EXIF's turn means for the masks.
    pub masks_drawn_on: DrawnOn,
    /// Whether a mask of another size but the same aspect is scaled to its image.
    pub resize_masks: bool,
    /// The pattern of the groups in the names of the images.
    pub groups: Option<Regex>,
    /// The number of classes.
    pub classes: usize,
}

/// The picture that masks were drawn on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DrawnOn {
    /// The picture as viewers show it, turned by EXIF.
    #[default]
    Upright,
    /// The picture as it lies in the file.
    Raw,
}

/// The content of the file. The endoscopy profile supplies all absent keys of the profile except `classes`.
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
    values: Option<BTreeMap<String, ClassName>>,
    masks_drawn_on: Option<DrawnOn>,
    resize_masks: Option<bool>,
    groups: Option<String>,
}

/// A class in the table `[values]`: its name, `background`, or its number.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum ClassName {
    Number(u8),
    Name(String),
}

/// The profile and the reading of a dataset without `dataset.toml`.
pub fn unstated() -> (Profile, Reading) {
    let profile = Profile { classes: vec![UNNAMED.into()], ..Profile::endoscopy() };
    (profile, Reading { classes: 1, ..Reading::default() })
}

/// The profile of a dataset and how its files are read. Without the file or its `classes`, there is one class, [`UNNAMED`].
pub fn read_dataset_toml(path: &Path) -> Result<(Profile, Reading)> {
    let toml = if path.is_file() {
        toml::from_str(&read_text(path)?).map_err(Error::text(path))?
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
    let groups = toml.groups.map(|pattern| Regex::new(&pattern)).transpose();
    let reading = Reading {
        values: table(toml.values.unwrap_or_default(), &profile.classes)
            .map_err(Error::text(path))?,
        masks_drawn_on: toml.masks_drawn_on.unwrap_or_default(),
        resize_masks: toml.resize_masks.unwrap_or_default(),
        groups: groups.map_err(|e| Error::text(path)(format!("the pattern `groups`: {e}")))?,
        classes: profile.classes.len(),
    };
    Ok((profile, reading))
}

fn table(values: BTreeMap<String, ClassName>, classes: &[String]) -> Result<ValueTable, String> {
    const BACKGROUND: &str = "background";
    let class = |name: &ClassName| match name {
        ClassName::Number(number) if usize::from(*number) <= classes.len() => Ok(*number),
        ClassName::Number(number) => Err(format!("[values]: there is no class {number}")),
        ClassName::Name(name) if name == BACKGROUND => Ok(0),
        ClassName::Name(name) => match classes.iter().position(|class| class == name) {
            Some(index) => Ok(index as u8 + 1),
            None => Err(format!(
                "[values]: there is no class `{name}`; write {BACKGROUND} or one of {}",
                classes.join(", ")
            )),
        },
    };
    values.iter().map(|(value, name)| Ok((value.parse::<MaskValue>()?, class(name)?))).collect()
}
