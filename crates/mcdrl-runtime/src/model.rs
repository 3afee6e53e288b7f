//! A model in memory.

use mcdrl_model::{Network, NetworkConfig, RunConfig};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::dice_calibration::DiceCalibration;
use crate::preprocess::Preprocess;
use crate::profile::Profile;
use crate::self_check::SelfCheck;
use crate::weights::Precision;

/// The format version that this build writes and reads. Older versions hold another network.
pub const FORMAT_VERSION: u32 = 3;

/// A network with its header and its run-time settings.
#[derive(Debug)]
pub struct Model {
    /// The header of the model file.
    pub header: ModelHeader,
    /// Run-time settings. They may change after loading.
    pub run: RunConfig,
    /// The network.
    pub network: Network,
}

/// The header of a model file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ModelHeader {
    /// The format version of the file.
    pub version: u32,
    /// The network.
    pub architecture: NetworkConfig,
    /// Classes, confounders and prompts.
    pub profile: Profile,
    /// The preprocessing of images.
    pub preprocess: Preprocess,
    /// The calibration of [`Segmentation::expected_dice`](crate::Segmentation::expected_dice).
    #[serde(default, skip_serializing_if = "is_default")]
    pub expected_dice: DiceCalibration,
    /// Beside the surest region of an image, a region counts as a lesion only if the probability reaches this somewhere in it,
    /// 0.5..1. `None`: all count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sure_region: Option<f32>,
    /// A pixel is a lesion if the probability of all lesion classes together is above this, 0..1. `None`: 0.5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f32>,
    /// Origin of the model: sites, seed, git revision, metrics, licences. Free-form.
    pub provenance: Value,
    /// The reference answer to the built-in image. Old files do not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<SelfCheck>,
    /// Bytes per stored value: 4 or 2.
    pub bytes_per_value: u8,
    /// SHA-256 of the tensors, hexadecimal.
    pub sha256: String,
    /// SHA-256 of the header's text with this field empty, hexadecimal.
    pub header_sha256: String,
}

impl ModelHeader {
    /// The precision in which the file stores its values.
    pub fn precision(&self) -> Precision {
        if self.bytes_per_value == 2 { Precision::Half } else { Precision::Full }
    }
}

impl Model {
    /// A model of these parts. [`Model::to_bytes`] computes its digests.
    pub fn new(
        network: Network,
        architecture: NetworkConfig,
        run: RunConfig,
        profile: Profile,
        preprocess: Preprocess,
        provenance: Value,
    ) -> Self {
        let header = ModelHeader {
            version: FORMAT_VERSION,
            architecture,
            profile,
            preprocess,
            expected_dice: DiceCalibration::default(),
            sure_region: None,
            threshold: None,
            provenance,
            check: None,
            bytes_per_value: 4,
            sha256: String::new(),
            header_sha256: String::new(),
        };
        Self { header, run, network }
    }
}

fn is_default(calibration: &DiceCalibration) -> bool {
    *calibration == DiceCalibration::default()
}
