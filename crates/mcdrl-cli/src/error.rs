//! Failures of the subcommands: exit status 1 for failed work, 2 for wrong usage.

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

/// The failure of a subcommand.
pub enum Failure {
    /// The work could not be done.
    Failed(String),
    /// The command line is not valid.
    Usage(String),
}

/// The result of a subcommand.
pub type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// The process's exit status.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Failed(_) => ExitCode::from(1),
            Self::Usage(_) => ExitCode::from(2),
        }
    }

    /// Adds the path to an error of reading or writing a file.
    pub fn io(path: &Path) -> impl Fn(std::io::Error) -> Self + '_ {
        |error| Self::Failed(format!("{}: {error}", path.display()))
    }

    /// Adds the path to an error in the content of a file.
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
