//! The options of a segmenter.

use std::path::Path;

use mcdrl_runtime::{DeviceChoice, OpenStage};

use crate::bytes::Bytes;
use crate::error::{CallbackError, Result, SegmenterError};

/// The device that computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, uniffi::Enum)]
pub enum Device {
    /// Tries the CPU and, if there is one, the hardware GPU. Keeps the faster one that gives the right answer.
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

/// A confounder that a model knows.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct Confounder {
    /// Its name.
    pub name: String,
    /// The family it belongs to.
    pub family: String,
    /// The weight from which on it disturbs a picture enough for a quality hint. Nothing: never a hint.
    #[uniffi(default)]
    pub hint_weight: Option<f32>,
}

impl From<&mcdrl_runtime::Confounder> for Confounder {
    fn from(confounder: &mcdrl_runtime::Confounder) -> Self {
        let mcdrl_runtime::Confounder { name, family, hint_weight, .. } = confounder.clone();
        Self { name, family, hint_weight }
    }
}

/// A stage of creating a segmenter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum CreationStage {
    /// The device is opened.
    Device,
    /// The model is read onto it.
    Model,
    /// The built-in image is segmented and checked. A GPU compiles its kernels for it.
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

/// Hears about the stages of creating a segmenter, on one of its threads. With [`Device::Auto`] and a hardware GPU the
/// stages come twice.
#[uniffi::export(with_foreign)]
pub trait CreationListener: Send + Sync {
    /// A stage begins.
    ///
    /// # Errors
    /// Exceptions of the caller's code. They are dropped.
    fn on_stage(&self, stage: CreationStage) -> Result<(), CallbackError>;
}
