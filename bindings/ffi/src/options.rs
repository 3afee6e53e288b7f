//! What a segmenter is made of.

use std::path::Path;

use mcdrl_model::{DeviceChoice, OpenStage};

use crate::bytes::Bytes;
use crate::error::{CallbackError, Result, SegmenterError};

/// Where to compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, uniffi::Enum)]
pub enum Device {
    /// A real GPU that gives the model's own answer to the built-in image and is faster than the CPU, else the CPU.
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
    /// Where to compute.
    pub device: Device,
    /// Threads on the CPU; by default as many as it has cores.
    #[uniffi(default)]
    pub threads: Option<u32>,
}

/// A model file.
#[derive(Clone, Debug, uniffi::Enum)]
pub enum ModelSource {
    /// Its bytes.
    Bytes {
        /// The whole file.
        bytes: Bytes,
    },
    /// Its place.
    Path {
        /// A path of this machine.
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

/// A confounder that a model knows.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Confounder {
    /// Its name.
    pub name: String,
    /// The family it belongs to.
    pub family: String,
}

/// A step of making a segmenter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum CreationStage {
    /// The device is opened.
    Device,
    /// The model is read onto it.
    Model,
    /// The built-in image is segmented, for which a GPU's kernels are compiled.
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

/// Hears what making a segmenter is at, on one of the segmenter's threads. With [`Device::Auto`] and a GPU the model is
/// opened on both, and the first three stages come twice.
#[uniffi::export(with_foreign)]
pub trait CreationListener: Send + Sync {
    /// A stage begins.
    ///
    /// # Errors
    /// What the caller's code throws, which is dropped.
    fn on_stage(&self, stage: CreationStage) -> Result<(), CallbackError>;
}
