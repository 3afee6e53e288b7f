use std::path::{Path, PathBuf};

use thiserror::Error;

/// Synthetic sites that cannot be written. Every message says what is wrong, where, and what to do.
#[derive(Debug, Error)]
pub enum Error {
    /// A configuration that is not valid.
    #[error("{0}")]
    Config(String),
    /// A dataset that cannot be read, or a folder that cannot be created.
    #[error(transparent)]
    Data(#[from] mcdrl_data::Error),
    /// A file or folder cannot be written.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// An image cannot be encoded.
    #[error("{path}: {source}")]
    Image {
        /// The file.
        path: PathBuf,
        /// The problem with the image.
        source: mcdrl_image::Error,
    },
}

impl Error {
    pub(crate) fn io(path: &Path) -> impl Fn(std::io::Error) -> Self + '_ {
        |source| Self::Io { path: path.into(), source }
    }

    pub(crate) fn image(path: &Path) -> impl Fn(mcdrl_image::Error) -> Self + '_ {
        |source| Self::Image { path: path.into(), source }
    }
}

/// The crate's result type.
pub type Result<T, E = Error> = std::result::Result<T, E>;
