//! Errors: the kind is for programs, the message for people.

use mcdrl_runtime::ErrorKind;

/// An error. Every package has the same kinds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, uniffi::Error)]
#[uniffi(flat_error)]
pub enum SegmenterError {
    /// The bytes are not a readable image.
    #[error("{0}")]
    Image(String),
    /// The image has too many pixels.
    #[error("{0}")]
    ImageTooLarge(String),
    /// The argument cannot be used: planes too short, a late timestamp, no threads.
    #[error("{0}")]
    Input(String),
    /// The file is not a model, or it is damaged or unreadable.
    #[error("{0}")]
    Model(String),
    /// The model file has an unknown format version.
    #[error("{0}")]
    ModelVersion(String),
    /// The device is missing or failed.
    #[error("{0}")]
    Device(String),
    /// The device computes wrongly.
    #[error("{0}")]
    WrongAnswer(String),
    /// The device did not answer in time.
    #[error("{0}")]
    Timeout(String),
    /// The caller's [`crate::Cancellation`] cancelled the call.
    #[error("cancelled by the caller")]
    Cancelled,
    /// The segmenter was closed.
    #[error("the segmenter is closed: create another one")]
    Closed,
    /// A bug of this library.
    #[error("a bug in mcdrl, please report it: {0}")]
    Internal(String),
}

/// The crate's result type.
pub type Result<T, E = SegmenterError> = std::result::Result<T, E>;

impl From<mcdrl_runtime::Error> for SegmenterError {
    fn from(error: mcdrl_runtime::Error) -> Self {
        let text = error.to_string();
        match error.kind() {
            ErrorKind::Image => Self::Image(text),
            ErrorKind::ImageTooLarge => Self::ImageTooLarge(text),
            ErrorKind::Input => Self::Input(text),
            ErrorKind::Model => Self::Model(text),
            ErrorKind::ModelVersion => Self::ModelVersion(text),
            ErrorKind::Device => Self::Device(text),
            ErrorKind::WrongAnswer => Self::WrongAnswer(text),
            ErrorKind::Timeout => Self::Timeout(text),
        }
    }
}

impl SegmenterError {
    /// The error for a thread that the system refuses.
    pub(crate) fn no_thread(error: impl std::fmt::Display) -> Self {
        Self::Device(format!("a thread cannot be started: {error}"))
    }
}

impl From<mcdrl_image::Error> for SegmenterError {
    fn from(error: mcdrl_image::Error) -> Self {
        mcdrl_runtime::Error::from(error).into()
    }
}

/// An exception of the caller's listener or log sink. It is not passed on.
#[derive(Debug, thiserror::Error, uniffi::Error)]
#[uniffi(flat_error)]
pub enum CallbackError {
    /// The exception's text.
    #[error("{0}")]
    Thrown(String),
}

impl From<uniffi::UnexpectedUniFFICallbackError> for CallbackError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Thrown(error.reason)
    }
}
