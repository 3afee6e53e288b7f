//! How a verb fails: status 1 for what went wrong, 2 for what was asked wrongly.

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

/// Why a verb failed.
pub enum Failure {
    /// The work could not be done.
    Failed(String),
    /// The command line asks for something that cannot be.
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

    /// Something wrong with a file.
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

impl From<mcdrl::Error> for Failure {
    fn from(error: mcdrl::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<mcdrl::data::Error> for Failure {
    fn from(error: mcdrl::data::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<mcdrl::train::Error> for Failure {
    fn from(error: mcdrl::train::Error) -> Self {
        Self::Failed(error.to_string())
    }
}
