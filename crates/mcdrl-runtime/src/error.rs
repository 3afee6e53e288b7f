use std::fmt;
use std::time::Duration;

use mcdrl_image::FileKind;
use thiserror::Error;

/// A failure to read or run a model. Every message says what is wrong, where, and what to do.
#[derive(Debug, Error)]
pub enum Error {
    /// An image that cannot be used.
    #[error(transparent)]
    Image(#[from] mcdrl_image::Error),
    /// A safetensors file cannot be read.
    #[error("not a readable safetensors file: {0}; it may be cut off or have another format")]
    Safetensors(String),
    /// A file of another kind where a safetensors file is expected: a web page, an archive, a network of another runtime.
    #[error("not a readable safetensors file: this is {}; {}", .0.name, .0.advice)]
    OtherFile(FileKind),
    /// A checkpoint lacks a tensor.
    #[error(
        "the checkpoint has no tensor `{name}` (shape {shape:?}), which this architecture needs"
    )]
    MissingTensor {
        /// The tensor's name in the checkpoint's own layout.
        name: String,
        /// The expected shape.
        shape: Vec<usize>,
    },
    /// A tensor has the wrong shape.
    #[error("tensor `{name}` has shape {found:?} but this architecture needs {expected:?}")]
    TensorShape {
        /// The tensor's name in the checkpoint's own layout.
        name: String,
        /// The expected shape.
        expected: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// A tensor holds NaN or infinity.
    #[error(
        "tensor `{name}` holds NaN or infinite values; the file is damaged or its training diverged"
    )]
    NotFinite {
        /// The tensor's name in the checkpoint's own layout.
        name: String,
    },
    /// A file of PyTorch cannot be read.
    #[error("not a readable PyTorch file: {0}; it may be cut off or have another format")]
    StateDict(String),
    /// Weights of another network than the pre-trained encoders.
    #[error("not a known pre-trained encoder: {0}")]
    UnknownEncoder(String),
    /// A checkpoint whose layout is not CLIP's.
    #[error("not a CLIP checkpoint of a known layout: {0}")]
    UnknownCheckpoint(String),
    /// A model file without `mcdrl` metadata.
    #[error("the safetensors file has no MCDRL model: its metadata has no `mcdrl` entry")]
    NotAModel,
    /// A model file's header cannot be understood.
    #[error("the model file's `mcdrl` header is damaged: {0}")]
    ModelHeader(String),
    /// A model file of another format version.
    #[error(
        "the model file has format version {found}, but this build reads version {supported}: {}",
        if found > supported { "update mcdrl" } else { "train the model again" }
    )]
    ModelVersion {
        /// The version in the file.
        found: u32,
        /// The version that this build reads.
        supported: u32,
    },
    /// The digest of the tensors differs from the one in the header.
    #[error(
        "the model file is damaged: the SHA-256 of its tensors is {found} but its header says {expected}; download or copy it \
         again"
    )]
    ModelDigest {
        /// The digest in the header.
        expected: String,
        /// The digest of the tensors in the file.
        found: String,
    },
    /// A profile that is not valid.
    #[error("the profile cannot be used: {0}")]
    Profile(String),
    /// The device is missing, or this build has no backend for it.
    #[error("{0}")]
    Device(String),
    /// The device computes wrongly.
    #[error(
        "the device computes wrongly: its answer to a known image differs by {difference:.3} from the reference answer; use \
         the CPU"
    )]
    WrongAnswer {
        /// The largest difference of a probability or a weight, or the largest relative difference of an embedding.
        difference: f32,
    },
    /// The device failed while it computed.
    #[error("the device failed while computing: {0}")]
    Execution(String),
    /// The device did not answer in time.
    #[error("the GPU took longer than {} s {step}", limit.as_secs_f64())]
    Timeout {
        /// The step, such as "to open".
        step: &'static str,
        /// The limit.
        limit: Duration,
    },
}

/// The kind of an error, for programs. Every package has these codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// `image`: the bytes are not a readable image.
    Image,
    /// `image-too-large`: the image has too many pixels.
    ImageTooLarge,
    /// `input`: pixels or a frame that cannot be segmented.
    Input,
    /// `model`: the file is not a model, or it is damaged.
    Model,
    /// `model-version`: the model file has an unknown format version.
    ModelVersion,
    /// `device`: the device is missing or failed.
    Device,
    /// `wrong-answer`: the device computes wrongly.
    WrongAnswer,
    /// `timeout`: the device did not answer in time.
    Timeout,
}

impl Error {
    /// The kind of this error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Image(
                mcdrl_image::Error::Decode { .. }
                | mcdrl_image::Error::Kind(_)
                | mcdrl_image::Error::Encode { .. },
            ) => ErrorKind::Image,
            Self::Image(mcdrl_image::Error::TooLarge { .. }) => ErrorKind::ImageTooLarge,
            Self::Image(mcdrl_image::Error::BufferLength { .. } | mcdrl_image::Error::Frame(_)) => {
                ErrorKind::Input
            }
            Self::ModelVersion { .. } => ErrorKind::ModelVersion,
            Self::Safetensors(_)
            | Self::OtherFile(_)
            | Self::MissingTensor { .. }
            | Self::TensorShape { .. }
            | Self::NotFinite { .. }
            | Self::StateDict(_)
            | Self::UnknownEncoder(_)
            | Self::UnknownCheckpoint(_)
            | Self::NotAModel
            | Self::ModelHeader(_)
            | Self::ModelDigest { .. }
            | Self::Profile(_) => ErrorKind::Model,
            Self::WrongAnswer { .. } => ErrorKind::WrongAnswer,
            Self::Timeout { .. } => ErrorKind::Timeout,
            Self::Device(_) | Self::Execution(_) => ErrorKind::Device,
        }
    }
}

impl ErrorKind {
    /// The code that packages show, such as `image-too-large`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::ImageTooLarge => "image-too-large",
            Self::Input => "input",
            Self::Model => "model",
            Self::ModelVersion => "model-version",
            Self::Device => "device",
            Self::WrongAnswer => "wrong-answer",
            Self::Timeout => "timeout",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// The crate's result type.
pub type Result<T, E = Error> = std::result::Result<T, E>;
