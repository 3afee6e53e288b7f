//! Errors that programs can act on; the message is for people.

/// What went wrong. The kinds are those of the npm package.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, uniffi::Error)]
#[uniffi(flat_error)]
pub enum SegmenterError {
    /// The bytes are no image that can be read.
    #[error("{0}")]
    Image(String),
    /// The image has too many pixels.
    #[error("{0}")]
    ImageTooLarge(String),
    /// The argument is nothing that can be segmented: planes too short, a late timestamp, no threads.
    #[error("{0}")]
    Input(String),
    /// The file is no model, or damaged, or cannot be read.
    #[error("{0}")]
    Model(String),
    /// The model file is of a format that this version does not know.
    #[error("{0}")]
    ModelVersion(String),
    /// The device is not there, or failed.
    #[error("{0}")]
    Device(String),
    /// The device computes wrongly.
    #[error("{0}")]
    WrongAnswer(String),
    /// The caller's [`crate::Cancellation`] was used.
    #[error("cancelled by the caller")]
    Cancelled,
    /// The segmenter was closed.
    #[error("the segmenter is closed: create another one")]
    Closed,
    /// A bug of ours.
    #[error("a bug in mcdrl, please report it: {0}")]
    Internal(String),
}

/// The crate's result type.
pub type Result<T, E = SegmenterError> = std::result::Result<T, E>;

impl From<mcdrl_model::Error> for SegmenterError {
    fn from(error: mcdrl_model::Error) -> Self {
        use mcdrl_model::Error;
        let text = error.to_string();
        match error {
            Error::Image { .. } => Self::Image(text),
            Error::ImageTooLarge { .. } => Self::ImageTooLarge(text),
            Error::BufferLength { .. } | Error::Frame(_) => Self::Input(text),
            Error::ModelVersion { .. } => Self::ModelVersion(text),
            Error::Safetensors(_)
            | Error::MissingTensor { .. }
            | Error::TensorShape { .. }
            | Error::NotFinite { .. }
            | Error::UnknownCheckpoint(_)
            | Error::NotAModel
            | Error::ModelHeader(_)
            | Error::ModelDigest { .. }
            | Error::Config(_) => Self::Model(text),
            Error::WrongAnswer { .. } => Self::WrongAnswer(text),
            Error::Device(_) | Error::Execution(_) => Self::Device(text),
        }
    }
}

/// A listener or log sink of the caller's threw something. It is not passed on: what they are told is a courtesy.
#[derive(Debug, thiserror::Error, uniffi::Error)]
#[uniffi(flat_error)]
pub enum CallbackError {
    /// What it threw.
    #[error("{0}")]
    Thrown(String),
}

impl From<uniffi::UnexpectedUniFFICallbackError> for CallbackError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Thrown(error.reason)
    }
}
