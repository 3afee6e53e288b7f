//! What the library has to say, to whoever listens.

use std::sync::{Arc, PoisonError, RwLock};

use crate::error::CallbackError;

/// How much a line of the log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum LogLevel {
    /// For who follows what happens.
    Info,
    /// Something was done another way than asked for.
    Warning,
    /// A bug of ours.
    Error,
}

/// Takes the lines of the log, from any thread. No line holds anything of an image.
#[uniffi::export(with_foreign)]
pub trait LogSink: Send + Sync {
    /// Takes a line.
    ///
    /// # Errors
    /// What the caller's code throws, which is dropped.
    fn log(&self, level: LogLevel, message: String) -> Result<(), CallbackError>;
}

static SINK: RwLock<Option<Arc<dyn LogSink>>> = RwLock::new(None);

/// Sets where the log of all segmenters goes, or ends it with nothing.
#[uniffi::export]
pub fn set_log_sink(sink: Option<Arc<dyn LogSink>>) {
    *SINK.write().unwrap_or_else(PoisonError::into_inner) = sink;
}

pub(crate) fn log(level: LogLevel, message: String) {
    // The lock is given back first: the sink may set another one.
    let sink = SINK.read().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(sink) = sink {
        // Who cannot be told, cannot be told that either.
        let _ = sink.log(level, message);
    }
}
