//! The options of a segmenter.

use std::path::Path;

use mcdrl_runtime::{DeviceChoice, OpenStage};

use crate::bytes::Bytes;
use crate::error::{CallbackError, Result, SegmenterError};

/// The device that computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, uniffi::Enum)]
pub enum Device {
    /// The faster of the CPU and the hardware GPU, if both give the right answer.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The GPU, through Vulkan or Metal.
    Gpu,
}

impl From<Device> for DeviceChoice {
    fn from(device: Device) -> Self {
        match device {
            Device::Auto => Self::Auto,
            Device::Cpu => Self::Cpu,
            Device::Gpu => Self::Gpu,
        }
    }
}

/// Options of [`crate::ImageSegmenter`].
#[derive(Clone, Debug, Default, uniffi::Record)]
pub struct SegmenterOptions {
    /// The device that computes.
    pub device: Device,
    /// Threads on the CPU. Default: one for each core.
    #[uniffi(default)]
    pub threads: Option<u32>,
    /// Segments the whole frame, also wide borders and panels around the picture.
    #[uniffi(default = false)]
    pub whole_frame: bool,
    /// Also looks at overlapping tiles of this side in pixels, for small lesions in large images. An image has at most 64 tiles: if
    /// the side needs more, they are larger.
    #[uniffi(default)]
    pub tile_side: Option<u32>,
}

/// A model file.
#[derive(Clone, Debug, uniffi::Enum)]
pub enum ModelSource {
    /// Its bytes.
    Bytes {
        /// The whole file.
        bytes: Bytes,
    },
    /// Its path.
    Path {
        /// A path on this machine.
        path: String,
    },
}

impl ModelSource {
    pub(crate) fn read(self) -> Result<Bytes> {
        match self {
            Self::Bytes { bytes } => Ok(bytes),
            Self::Path { path } => std::fs::read(Path::new(&path)).map(Bytes).map_err(|e| {
                SegmenterError::Model(format!("the model file {path} cannot be read: {e}"))
            }),
        }
    }
}

/// A confounder of a model.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct Confounder {
    /// Its name.
    pub name: String,
    /// Its family.
    pub family: String,
    /// Its name in plain words.
    pub words: String,
    /// Whether it is a disturbance. The usual state, such as white light, is not: do not show it as one.
    pub is_disturbance: bool,
    /// The smallest presence that gives a quality hint. `None`: never a hint.
    #[uniffi(default)]
    pub hint_presence: Option<f32>,
}

impl From<&mcdrl_runtime::Confounder> for Confounder {
    fn from(confounder: &mcdrl_runtime::Confounder) -> Self {
        let words = confounder.plain_name().to_owned();
        let mcdrl_runtime::Confounder { name, family, complement_of, hint_presence, .. } =
            confounder.clone();
        Self { name, family, words, is_disturbance: complement_of.is_none(), hint_presence }
    }
}

/// A stage of creating a segmenter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum CreationStage {
    /// The device is opened.
    Device,
    /// The model is loaded onto the device.
    Model,
    /// The built-in image is segmented and the result is checked. A GPU compiles its kernels.
    WarmUp,
    /// The GPU and the CPU are timed.
    Measure,
}

impl From<OpenStage> for CreationStage {
    fn from(stage: OpenStage) -> Self {
        match stage {
            OpenStage::Device => Self::Device,
            OpenStage::Model => Self::Model,
            OpenStage::WarmUp => Self::WarmUp,
            OpenStage::Measure => Self::Measure,
        }
    }
}

/// Receives the stages of creating a segmenter, on one of its threads. With [`Device::Auto`] and a hardware GPU, each stage
/// comes twice.
#[uniffi::export(with_foreign)]
pub trait CreationListener: Send + Sync {
    /// A stage begins.
    ///
    /// # Errors
    /// Exceptions of the caller's code. They are ignored.
    fn on_stage(&self, stage: CreationStage) -> Result<(), CallbackError>;
}
