//! How a verb fails: exit status 1 for failed work, 2 for wrong usage.

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

/// Why a verb failed.
pub enum Failure {
    /// The work could not be done.
    Failed(String),
    /// The command line asks for something impossible.
    Usage(String),
}

/// A verb's result.
pub type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// The process's exit status.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Failed(_) => ExitCode::from(1),
            Self::Usage(_) => ExitCode::from(2),
        }
    }

    /// A file that cannot be read or written.
    pub fn io(path: &Path) -> impl Fn(std::io::Error) -> Self + '_ {
        |error| Self::Failed(format!("{}: {error}", path.display()))
    }

    /// A file that cannot be used.
    pub fn file<E: fmt::Display>(path: &Path) -> impl Fn(E) -> Self + '_ {
        |error| Self::Failed(format!("{}: {error}", path.display()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(message) | Self::Usage(message) => f.write_str(message),
        }
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(error.to_string())
    }
}
