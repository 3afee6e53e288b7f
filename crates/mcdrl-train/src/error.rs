use std::path::{Path, PathBuf};

use thiserror::Error;

/// A failure of training. Every message says what is wrong, where, and what to do.
#[derive(Debug, Error)]
pub enum Error {
    /// Data that cannot be used.
    #[error(transparent)]
    Data(#[from] mcdrl_data::Error),
    /// A model or checkpoint that cannot be used.
    #[error(transparent)]
    Model(#[from] mcdrl_runtime::Error),
    /// A file or folder cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// A configuration that cannot be used.
    #[error("{0}")]
    Config(String),
    /// The loss became NaN or infinite.
    #[error(
        "the loss became {loss} in epoch {epoch}, step {step}, so training stopped (the checkpoint of the last epoch is kept): \
         lower the learning rate (now {learning_rate}) or check the data"
    )]
    Diverged {
        /// The value of the loss.
        loss: f32,
        /// The epoch, from one.
        epoch: usize,
        /// The step in the epoch, from one.
        step: usize,
        /// The learning rate at that step.
        learning_rate: f64,
    },
    /// A run that cannot be resumed.
    #[error("{path}: {problem}")]
    Checkpoint {
        /// The run's folder.
        path: PathBuf,
        /// The problem and its solution.
        problem: String,
    },
}

impl Error {
    pub(crate) fn io(path: &Path) -> impl Fn(std::io::Error) -> Self + '_ {
        |source| Self::Io { path: path.into(), source }
    }

    /// [`Self::Diverged`] for a loss that is NaN or infinite.
    ///
    /// - `epoch`, `step`: from one
    pub(crate) fn check_finite(
        loss: f32,
        epoch: usize,
        step: usize,
        learning_rate: f64,
    ) -> Result<()> {
        match loss.is_finite() {
            true => Ok(()),
            false => Err(Self::Diverged { loss, epoch, step, learning_rate }),
        }
    }
}

/// The crate's result type.
pub type Result<T, E = Error> = std::result::Result<T, E>;
