//! One image with its mask: on disk and in memory.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use mcdrl_image::{Image, Mask};
use serde::{Deserialize, Serialize};

use crate::dataset_toml::Reading;

/// The mask value of a lesion of an unknown class; see [`crate::Dataset::open_all`].
pub const UNKNOWN_CLASS: u8 = 255;

/// One image with its mask, on disk.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The name of the site.
    pub site: String,
    /// The image's file name without its extension.
    pub name: String,
    /// The video sequence or patient, from the site's `groups.csv`, from the pattern `groups` in `dataset.toml`, or else from the
    /// name: the group of `seq01_007` is `seq01`.
    /// All samples of a group stay on the same side of a split.
    pub group: String,
    /// The image file.
    pub image: PathBuf,
    /// The mask file, or the files of its parts.
    pub masks: Vec<PathBuf>,
    /// The known factors of a synthetic image.
    pub factors: Option<Factors>,
    /// The class of every mask value except 0; `None` if the values are class indices.
    pub(crate) single_class: Option<u8>,
    /// How the files of its dataset are read.
    pub(crate) reading: Arc<Reading>,
}

/// The factors of a synthetic image, which are known exactly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Factors {
    /// The lesion's class; `None` for a lesion-free image.
    pub class: Option<String>,
    /// Strength of each named confounder, 0..1.
    pub confounders: BTreeMap<String, f32>,
}

/// An image with its mask, in memory.
#[derive(Clone, Debug)]
pub struct LabelledImage {
    /// The image.
    pub image: Image,
    /// Its mask, of the same size.
    pub mask: Mask,
}

impl Sample {
    /// `site/name`, as reports show it.
    pub fn label(&self) -> String {
        format!("{}/{}", self.site, self.name)
    }
}
