use std::path::{Path, PathBuf};

use thiserror::Error;

/// What can go wrong in training and evaluation. Every message says what was wrong, where, and what to do.
#[derive(Debug, Error)]
pub enum Error {
    /// Something about the data.
    #[error(transparent)]
    Data(#[from] mcdrl_data::Error),
    /// Something about the model.
    #[error(transparent)]
    Model(#[from] mcdrl_model::Error),
    /// A file or folder cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A configuration that cannot be used.
    #[error("{0}")]
    Config(String),
    /// The loss is no number any more.
    #[error(
        "the loss became {loss} in epoch {epoch}, step {step}, and training stopped (a checkpoint of the epoch before \
         is kept, if there is one): lower the learning rate (now {learning_rate}) or look at the data"
    )]
    Diverged {
        /// What it became.
        loss: f32,
        /// The epoch, from one.
        epoch: usize,
        /// The step in the epoch, from one.
        step: usize,
        /// The learning rate at that step.
        learning_rate: f64,
    },
    /// A run folder that cannot be gone on with.
    #[error("{path}: {problem}")]
    Checkpoint {
        /// The run's folder.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

impl Error {
    pub(crate) fn io(path: &Path) -> impl Fn(std::io::Error) -> Self + '_ {
        |source| Self::Io { path: path.into(), source }
    }
}

/// The crate's result type.
pub type Result<T, E = Error> = std::result::Result<T, E>;
