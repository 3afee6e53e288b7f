use thiserror::Error;

use crate::metrics::MaskSizeError;

/// A failure of an evaluation. Every message says what is wrong, where, and what to do.
#[derive(Debug, Error)]
pub enum Error {
    /// Data that cannot be used.
    #[error(transparent)]
    Data(#[from] mcdrl_data::Error),
    /// An image for a report cannot be encoded.
    #[error(transparent)]
    Image(#[from] mcdrl_image::Error),
    /// A model that cannot be used.
    #[error(transparent)]
    Model(#[from] mcdrl_runtime::Error),
    /// A training failed.
    #[error(transparent)]
    Train(#[from] mcdrl_train::Error),
    /// A prediction and a truth of different sizes.
    #[error("{sample}: {source}")]
    MaskSize {
        /// The site and the name of the image.
        sample: String,
        /// The sizes.
        source: MaskSizeError,
    },
    /// A list of images that cannot be used.
    #[error("{path}: {problem}")]
    List {
        /// The file.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Leave-one-site-out on a dataset with fewer than two sites.
    #[error("leave-one-site-out needs at least two sites; add a dataset folder with --data")]
    OneSite,
}

/// The crate's result type.
pub type Result<T, E = Error> = std::result::Result<T, E>;
